#!/usr/bin/env bash
# A tunnel through Azure Bastion, for as long as one client runs: opened in the background, waited
# for, and taken down at the end, also after Ctrl-C. It needs the Azure CLI, signed in (az login),
# with its extension "bastion".
#
#   bash FILE                                         the usual client
#   LOCAL_PORT=20123 USER_NAME=alex bash FILE         another port of this device, another user
#   bash FILE sftp -P 20123 alex@127.0.0.1            any other client in its place
set -euo pipefail
export MSYS_NO_PATHCONV=1 # Git for Windows would take a resource id for a path

# (the facts of one access)

LOCAL_PORT=${LOCAL_PORT:-$DEFAULT_PORT}
USER_NAME=${USER_NAME:-$DEFAULT_USER}
export LOCAL_PORT USER_NAME
tunnel=

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Looks at the lists of listeners. To connect would already be a session at the Bastion.
listening() {
  local hex
  printf -v hex '%04X' "$LOCAL_PORT"
  grep -qs ":$hex [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6 && return 0
  lsof -nP -iTCP:"$LOCAL_PORT" -sTCP:LISTEN >/dev/null 2>&1 && return 0
  netstat -an 2>/dev/null | grep -Eq "[.:]${LOCAL_PORT}[[:space:]].*LISTEN"
}

# "az" is a script that starts a Python, which would go on alone: the whole group is ended.
# An interrupt lets it sign off at the Bastion; what is still there after five seconds is killed.
take_down() {
  local status=$? tries=25
  trap '' INT TERM HUP
  trap - EXIT
  if [ -n "$tunnel" ]; then
    kill -INT -- "-$tunnel" 2>/dev/null || :
    while [ "$tries" -gt 0 ] && kill -0 -- "-$tunnel" 2>/dev/null; do
      tries=$((tries - 1))
      sleep 0.2
    done
    kill -KILL -- "-$tunnel" 2>/dev/null || :
    say "The tunnel to $MACHINE is down."
  fi
  exit "$status"
}

open_tunnel() {
  set -m # the tunnel gets a group of its own, which Ctrl-C in the client does not reach
  az network bastion tunnel --subscription "$SUBSCRIPTION" --name "$BASTION" \
    --resource-group "$RESOURCE_GROUP" "$TARGET_OPTION" "$TARGET" \
    --resource-port "$REMOTE_PORT" --port "$LOCAL_PORT" </dev/null >&2 &
  tunnel=$!
  set +m
}

wait_for_it() {
  local deadline=$((SECONDS + ${WAIT_SECONDS:-60}))
  until listening; do
    kill -0 "$tunnel" 2>/dev/null || die "The tunnel did not open. What az says about it is above."
    [ "$SECONDS" -lt "$deadline" ] || die "The tunnel did not open in time."
    sleep 0.2
  done
}

linger() {
  say "Point any client at 127.0.0.1:$LOCAL_PORT. Ctrl-C takes the tunnel down."
  wait "$tunnel"
}

run_client() {
  if [ "$#" -gt 0 ]; then
    "$@"
  elif [ "$CLIENT_KIND" = ssh ]; then
    # The alias keeps this machine's key apart from those of others behind the same address.
    ssh -p "$LOCAL_PORT" -o "HostKeyAlias=$HOST_KEY_ALIAS" -l "$USER_NAME" 127.0.0.1
  elif [ "$CLIENT_KIND" = rdp ] && command -v mstsc.exe >/dev/null; then
    mstsc.exe "/v:127.0.0.1:$LOCAL_PORT"
  else
    linger
  fi
}

case $LOCAL_PORT in *[!0-9]* | ??????*) die "LOCAL_PORT must be a number." ;; esac
command -v az >/dev/null || die "The Azure CLI (az) is not on this device."
listening && die "Port $LOCAL_PORT of this device is taken. Choose another: LOCAL_PORT=20123"

trap take_down EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
say "Opening a tunnel to port $REMOTE_PORT of $MACHINE. Access ends $UNTIL."
open_tunnel
wait_for_it
run_client "$@"
