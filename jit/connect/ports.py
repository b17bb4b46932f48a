"""What is known to listen where, how to speak to it through a tunnel, and the tunnel's own end."""

import shlex
import zlib
from dataclasses import dataclass

from access.kinds import Visit
from jit.connect.words import LOOPBACK, user_of

SSH, RDP = 22, 3389

# Below the ranges from which systems take ports for outgoing connections (Linux from 32768, macOS
# and Windows from 49152), and above most of what people run.
LOWEST_LOCAL, LOCAL_SPREAD = 20_000, 12_000
TAKEN_BY_HABIT = frozenset({27017, 27018, 27019})  # MongoDB, on many a developer's device


@dataclass(frozen=True)
class Service:
    """``client``: the words of a command; {port} and {user} stand for the tunnel's end."""

    name: str
    client: tuple[str, ...] = ()
    address: str = ""  # for what a browser opens
    note: str = ""


SERVICES = {
    80: Service("HTTP", address="http://127.0.0.1:{port}/"),
    443: Service("HTTPS", address="https://127.0.0.1:{port}/"),
    1433: Service("SQL Server", ("sqlcmd", "-S", "tcp:127.0.0.1,{port}", "-U", "{user}")),
    1521: Service("Oracle", ("sqlplus", "{user}@//127.0.0.1:{port}/SERVICE")),
    3306: Service("MySQL", ("mysql", "--host=127.0.0.1", "--port={port}", "--user={user}", "-p")),
    5432: Service("PostgreSQL", ("psql", "-h", "127.0.0.1", "-p", "{port}", "-U", "{user}")),
    5985: Service(
        "WinRM",
        note="In PowerShell: Enter-PSSession -ComputerName 127.0.0.1 -Port {port} -Credential "
        "(Get-Credential). Your device must list 127.0.0.1 among its TrustedHosts.",
    ),
    5986: Service(
        "WinRM",
        note="In PowerShell: Enter-PSSession -ComputerName 127.0.0.1 -Port {port} -UseSSL "
        "-Credential (Get-Credential). The certificate does not name 127.0.0.1.",
    ),
    6379: Service("Redis", ("redis-cli", "-h", "127.0.0.1", "-p", "{port}")),
    8080: Service("HTTP", address="http://127.0.0.1:{port}/"),
    8443: Service("HTTPS", address="https://127.0.0.1:{port}/"),
    27017: Service("MongoDB", ("mongosh", "--host", "127.0.0.1", "--port", "{port}")),
}


def protocol_of(port: int) -> str:
    """``ssh``, ``rdp``, ``service`` for what has clients of its own, or empty: anything."""
    if port in SERVICES:
        return "service"
    return {SSH: "ssh", RDP: "rdp"}.get(port, "")


def local_port(visit: Visit) -> int:
    """Where the tunnel ends on the person's device: their wish, or always the same for a door and
    seldom the same for two, so that two tunnels do not meet."""
    if visit.wishes.local_port:
        return visit.wishes.local_port
    spot = zlib.crc32(f"{visit.machine.vm_id}:{visit.port}".encode()) % LOCAL_SPREAD
    port = LOWEST_LOCAL + spot
    return port + len(TAKEN_BY_HABIT) if port in TAKEN_BY_HABIT else port


def client_of(service: Service, visit: Visit) -> str:
    """Its command through the tunnel, quoted; empty where there is none to type."""
    values = {"port": str(local_port(visit)), "user": user_of(visit)}
    return shlex.join(word.format(**values) for word in service.client)


def reached_at(visit: Visit) -> str:
    return f"{LOOPBACK}:{local_port(visit)}"
