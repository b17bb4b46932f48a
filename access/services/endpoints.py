"""Channels and services that are told of things: added, changed, switched off and tried by
administrators. Neither an address nor a secret ever stands in the ledger or on a page again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from access import ledger, notices, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import Endpoint, EndpointKind, Family, Notice, NoticeState, Person, Route
from access.notices.due import wake_routes
from access.outbound import Blocked, check_shape
from access.sealed import seal
from access.services.refusals import one_transaction
from access.services.submission import clean_text

NAME_LIMIT = 80
SECRET_BYTES = 32
NO_ADDRESS = "Type the whole address. It is kept encrypted, and not shown again."


@dataclass(frozen=True)
class Details:
    """What a form says of an endpoint. ``address`` empty: it stays as it is."""

    name: str
    address: str
    families: Sequence[str]


def add(kind: str, details: Details, *, by: Person) -> tuple[Endpoint, str]:
    """The endpoint, and the secret that its webhooks are signed with: shown this once.

    Raises ``NotAllowed``, or ``Invalid`` with ``kind``, ``name``, ``address`` or ``families``.
    """
    with one_transaction("endpoint.add", by=by):
        policy.check_may_manage_notices(by)
        problems = {} if kind in EndpointKind.values else {"kind": "Choose what it is."}
        name, families = _checked(details, problems)
        secret = _new_secret() if kind == EndpointKind.WEBHOOK else ""
        made = Endpoint.objects.create(
            name=name,
            kind=kind,
            host=_host(details.address),
            address=seal(details.address.strip()),
            secret=seal(secret) if secret else "",
            families=families,
            created_at=db_now(),
        )
        _record("endpoint.added", made, by)
    return made, secret


def change(endpoint: Endpoint, details: Details, *, by: Person) -> Endpoint:
    with one_transaction("endpoint.change", by=by):
        policy.check_may_manage_notices(by)
        locked = _lock(endpoint)
        locked.name, locked.families = _checked(details, {}, known=locked)
        moved = bool(details.address.strip())
        if moved:
            locked.host, locked.address = _host(details.address), seal(details.address.strip())
            Route.objects.filter(name=locked.route).update(failures=0, problem="", pause_until=None)
        locked.save(update_fields=["name", "families", "host", "address"])
        _record("endpoint.changed", locked, by, moved=moved)
    return locked


def switch_off(endpoint: Endpoint, *, by: Person) -> Endpoint:
    """Nothing more is sent there. Safe to repeat."""
    return _switch(endpoint, by=by, event="endpoint.switched_off", active=False)


def switch_on(endpoint: Endpoint, *, by: Person) -> Endpoint:
    """From now on it is told again. Safe to repeat."""
    return _switch(endpoint, by=by, event="endpoint.switched_on", active=True)


def rotate(endpoint: Endpoint, *, by: Person) -> str:
    """A new secret, shown this once. Both sign until the old one is dropped."""
    with one_transaction("endpoint.rotate", by=by):
        policy.check_may_manage_notices(by)
        locked = _lock(endpoint)
        if locked.kind != EndpointKind.WEBHOOK:
            raise WrongState("Only webhooks are signed.")
        if locked.old_secret:
            raise WrongState("It has two secrets already. Drop the old one first.")
        secret = _new_secret()
        locked.old_secret, locked.secret = locked.secret, seal(secret)
        locked.save(update_fields=["secret", "old_secret"])
        _record("endpoint.secret_added", locked, by)
    return secret


def drop_old_secret(endpoint: Endpoint, *, by: Person) -> Endpoint:
    """From now on only the new one signs. Safe to repeat."""
    with one_transaction("endpoint.rotate", by=by):
        policy.check_may_manage_notices(by)
        locked = _lock(endpoint)
        if locked.old_secret:
            locked.old_secret = ""
            locked.save(update_fields=["old_secret"])
            _record("endpoint.secret_dropped", locked, by)
    return locked


def send_test(endpoint: Endpoint, *, by: Person) -> None:
    """Queue a notice that says it is a test, and let the route try it at once."""
    with one_transaction("endpoint.test", by=by):
        policy.check_may_manage_notices(by)
        locked = _lock(endpoint)
        if not locked.active:
            raise WrongState("It is switched off. Switch it on to send a test.")
        notices.tell_endpoint("notice.test", key=f"test {db_now():%s %f}", to=locked, by=by)
        Route.objects.filter(name=locked.route).update(pause_until=None)
        _record("endpoint.test_ordered", locked, by)


def retry(notice: Notice, *, by: Person) -> Notice:
    """Have one tried again at once that waits, was given up or was not sent. Safe to repeat."""
    with one_transaction("notice.retry", by=by, reference=notice.reference):
        policy.check_may_manage_notices(by)
        Route.objects.filter(name=notice.route).update(pause_until=None)  # first, as a worker does
        locked = Notice.objects.select_for_update().get(pk=notice.pk)
        if locked.state == NoticeState.SENT:
            raise WrongState("It was sent already.")
        locked.state, locked.not_before = NoticeState.QUEUED, db_now()
        locked.created_at = db_now()  # its time to be given up counts anew
        locked.save(update_fields=["state", "not_before", "created_at"])
        data = {"notice": locked.pk, "event": locked.event, "to": locked.recipient}
        ledger.record("notice.retry_ordered", by=by, reference=locked.reference, data=data)
        route = locked.route
        transaction.on_commit(lambda: wake_routes([route]))
    return locked


def _switch(endpoint: Endpoint, *, by: Person, event: str, active: bool) -> Endpoint:
    with one_transaction("endpoint.switch", by=by):
        policy.check_may_manage_notices(by)
        locked = _lock(endpoint)
        if locked.active is not active:
            locked.active = active
            locked.save(update_fields=["active"])
            _record(event, locked, by)
    return locked


def _lock(endpoint: Endpoint) -> Endpoint:
    """``no_key``: whoever is told something there refers to it while they hold the ledger's head,
    which we want next; a full lock would have the two wait for each other."""
    return Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)


def _checked(
    details: Details, problems: dict[str, str], *, known: Endpoint | None = None
) -> tuple[str, list[str]]:
    name = " ".join(clean_text(details.name).split())
    families = [family.value for family in Family if family.value in details.families]
    others = Endpoint.objects.filter(name__iexact=name)
    others = others.exclude(pk=known.pk) if known else others
    if not name or len(name) > NAME_LIMIT:
        problems["name"] = f"Give it a name of up to {NAME_LIMIT} characters."
    elif others.exists():
        problems["name"] = "Another endpoint goes by that name."
    if not families:
        problems["families"] = "Choose at least one thing that it is told of."
    if details.address.strip() or known is None:
        problems |= _problems_of(details.address.strip())
    if problems:
        raise Invalid(problems)
    return name, families


def _problems_of(address: str) -> dict[str, str]:
    if not address:
        return {"address": NO_ADDRESS}
    try:
        check_shape(address)
    except Blocked as problem:
        return {"address": str(problem)}
    return {}


def _host(address: str) -> str:
    return check_shape(address.strip()).hostname or ""


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _record(event: str, endpoint: Endpoint, by: Person, **more: bool) -> None:
    """The line, and a word to the other administrators and the security contact: who is told of a
    break-glass is itself a matter of security."""
    known = {
        "endpoint": endpoint.pk,
        "name": endpoint.name,
        "kind": endpoint.kind,
        "host": endpoint.host,
        "families": endpoint.families,
        **more,
    }
    entry = ledger.record(event, by=by, data=known)
    if event != "endpoint.test_ordered":
        data = {"name": endpoint.name, "kind": endpoint.get_kind_display()}
        notices.tell_overseers(event, key=f"line {entry.seq}", data=data, by=by)
