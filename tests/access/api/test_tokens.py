"""Personal tokens: what they open, what they never open, and how they end."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from redis.exceptions import RedisError

from access.errors import Invalid, NotAllowed
from access.models import ApiToken, LedgerEntry, Notice, Person, Role
from access.services import tokens
from tests.access.api.calling import in_session, nobody, token_of, with_secret
from tests.support.cast import Cast, approved, ask, person
from tests.support.estate import machine


def lines(event: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(event=event).order_by("seq"))


def test_a_token_is_who_made_it_and_no_more(cast: Cast) -> None:
    caller, token = token_of(cast.alice)
    told = caller.get("me/").json()
    assert (told["how"], told["identity"]) == ("token", cast.alice.identity)
    assert told["scopes"] == ["read", "request"]
    assert told["roles"] == ["engineer"]
    assert told["token"]["name"] == "laptop"
    assert in_session(cast.alice).get("me/").json()["token"] is None
    (made,) = lines("token.made")
    assert made.data["token"] == token.prefix


def test_nothing_kept_is_of_use_to_a_thief(cast: Cast, caplog: Any) -> None:
    """X-50: the database holds a digest, and neither the ledger nor a log the secret."""
    with caplog.at_level(logging.DEBUG):
        made = tokens.make(tokens.TokenWish("laptop", ["read"], 1), by=cast.alice)
        assert with_secret(made.secret).get("me/").status_code == 200
        wrong = made.secret[:-1] + ("y" if made.secret.endswith("x") else "x")
        assert with_secret(wrong).get("me/").status_code == 401
    row = ApiToken.objects.values().get()
    assert row["digest"] == hashlib.sha256(made.secret.encode()).hexdigest()
    tail = made.secret[-40:]  # it may have underscores of its own
    kept = [str(row), caplog.text, repr(made)]
    kept += [str(vars(line)) for line in LedgerEntry.objects.all()]
    assert not any(tail in text for text in kept)


def test_without_or_with_a_wrong_token_it_is_401_and_says_how(cast: Cast) -> None:
    for caller in (nobody(), with_secret("bax_aaaaaaaa_" + "x" * 43), with_secret("bax_"),
                   with_secret("\x00"), with_secret("eyJ.a.b")):  # fmt: skip
        answer = caller.get("me/")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"
    assert not lines("token.refused")  # else anybody could fill the ledger


def test_what_ended_a_token_ends_it_at_once(cast: Cast, settings: Any) -> None:
    caller, token = token_of(cast.alice)
    assert caller.get("me/").status_code == 200
    cases = [
        (ApiToken, token.pk, {"revoked_at": timezone.now()}, {"revoked_at": None}),
        (Person, cast.alice.pk, {"is_active": False}, {"is_active": True}),
    ]
    for model, pk, change, back in cases:
        model.objects.filter(pk=pk).update(**change)
        assert caller.get("me/").status_code == 401
        model.objects.filter(pk=pk).update(**back)
        assert caller.get("me/").status_code == 200
    long_ago = timezone.now() - timedelta(days=9)
    ApiToken.objects.update(created_at=long_ago, expires_at=timezone.now() - timedelta(seconds=1))
    refused = caller.get("me/")
    assert refused.status_code == 401
    assert "expired" in refused.json()["detail"]
    assert len(lines("token.refused")) == 1  # at most one a minute


def test_roles_that_nobody_confirmed_for_too_long_do_not_count(cast: Cast, settings: Any) -> None:
    settings.ACCESS_ROLES_STALE_SECONDS = 60
    caller, _ = token_of(cast.alice)
    assert caller.get("me/").status_code == 401
    Person.objects.update(roles_read_at=timezone.now() - timedelta(seconds=61))
    assert caller.get("me/").status_code == 401
    Person.objects.update(roles_read_at=timezone.now())
    assert caller.get("me/").status_code == 200


def test_roles_are_those_of_now(cast: Cast) -> None:
    caller, _ = token_of(cast.erin)
    assert caller.get("ledger/").status_code == 200
    cast.erin.roles.all().delete()
    assert caller.get("ledger/").status_code == 404


@pytest.mark.parametrize("what", ["approve", "deny"])
def test_a_token_decides_nothing(cast: Cast, what: str) -> None:
    """X-02: Bob may approve, his token may not, whatever its scopes; the ledger knows of it."""
    asked = ask(machine(), by=cast.alice)
    caller, token = token_of(cast.bob)
    sent = {"terms_digest": asked.terms_digest, "comment": "no"}
    answer = caller.post(f"requests/{asked.reference}/{what}/", sent)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:bastion-access:session-needed"
    asked.refresh_from_db()
    assert asked.state == "pending"
    (line,) = lines("token.refused")
    assert (line.actor_id, line.data["token"]) == (cast.bob.identity, token.prefix)


def test_a_token_to_read_only_reads(cast: Cast) -> None:
    vm = machine()
    caller, _ = token_of(cast.alice, "read")
    assert caller.get("machines/").status_code == 200
    sent = {"machine_id": vm.pk, "kind": "window", "port": 22, "minutes": 30, "reason": "Disk"}
    refused = caller.post("requests/", sent)
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:bastion-access:scope-needed"
    more, _ = token_of(cast.alice, "request")
    assert more.post("requests/", sent).status_code == 201
    assert more.get("machines/").status_code == 403


def test_times_without_a_zone_are_of_whose_token_it_is(cast: Cast) -> None:
    Person.objects.filter(pk=cast.alice.pk).update(zone="Asia/Tokyo")
    caller, _ = token_of(cast.alice)
    start = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT12:00:00")
    sent = {"machine_id": machine().pk, "kind": "window", "port": 22, "minutes": 30,
            "reason": "Disk", "start": start}  # fmt: skip
    assert "T12:00:00+09:00" in caller.post("requests/", sent).json()["asked_start"]
    assert timezone.get_current_timezone_name() == "UTC"  # nobody else gets Alice's zone


def test_use_is_written_down_once_a_minute(cast: Cast) -> None:
    caller, token = token_of(cast.alice)
    caller.get("me/")
    token.refresh_from_db()
    first = token.last_used_at
    assert (first is not None, token.last_used_from) == (True, "127.0.0.1")
    caller.get("me/")
    token.refresh_from_db()
    assert token.last_used_at == first


def test_revoking(cast: Cast) -> None:
    """Its owner or an administrator; nobody else may, nor know of it; the owner is told."""
    caller, token = token_of(cast.alice)
    path = f"tokens/{token.pk}/"
    assert in_session(cast.charlie).delete(path).status_code == 404
    assert in_session(cast.erin).delete(path).status_code == 403
    assert in_session(cast.dana).delete(path).status_code == 204
    assert in_session(cast.dana).delete(path).status_code == 204
    assert caller.get("me/").status_code == 401
    assert len(lines("token.revoked")) == 1
    assert Notice.objects.filter(event="token.revoked", person=cast.alice).count() == 1


def test_signing_a_program_out(cast: Cast) -> None:
    caller, _ = token_of(cast.alice, "read")
    assert caller.delete("tokens/current/").status_code == 204
    assert caller.get("me/").status_code == 401
    assert in_session(cast.alice).delete("tokens/current/").status_code == 404


def test_a_token_makes_no_other(cast: Cast) -> None:
    caller, _ = token_of(cast.alice)
    assert caller.post("tokens/", {"name": "more"}).status_code == 405
    cast.alice.scopes = frozenset({"read", "request"})
    with pytest.raises(NotAllowed):
        tokens.make(tokens.TokenWish("more", ["read"], 1), by=cast.alice)


def test_whose_tokens_are_seen(cast: Cast) -> None:
    token_of(cast.alice)
    for who, count in [(cast.alice, 1), (cast.charlie, 0), (cast.bob, 0), (cast.dana, 1)]:
        assert len(in_session(who).get("tokens/").json()["results"]) == count
    shown = in_session(cast.dana).get("tokens/").json()["results"][0]
    assert "digest" not in shown


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [("", ["read"], 1, "name"), ("x" * 81, ["read"], 1, "name"), ("a", [], 1, "scopes"),
     ("a", ["admin"], 1, "scopes"), ("a", ["read"], 91, "days"), ("a", ["read"], 0, "days")],
)  # fmt: skip
def test_what_no_token_can_be(
    cast: Cast, name: str, scopes: list[str], days: int, field: str
) -> None:
    with pytest.raises(Invalid) as wrong:
        tokens.make(tokens.TokenWish(name, scopes, days), by=cast.alice)
    assert set(wrong.value.fields) == {field}


def test_nobody_collects_tokens(cast: Cast) -> None:
    for _ in range(tokens.MOST_TOKENS):
        token_of(cast.alice)
    with pytest.raises(Invalid):
        token_of(cast.alice)


def test_a_program_reads_and_asks_and_makes_no_token(cast: Cast) -> None:
    robot = person("Robot", Role.ENGINEER, Role.APPROVER, Role.ADMIN)
    Person.objects.filter(pk=robot.pk).update(is_application=True)
    robot.refresh_from_db()
    with pytest.raises(NotAllowed):
        token_of(robot)


def test_without_the_cache_access_can_still_be_ended(cast: Cast, monkeypatch: Any) -> None:
    """Calls are then not counted; a token that ended is refused all the same."""

    def away(*_args: Any, **_kwargs: Any) -> None:
        raise RedisError

    for name in ("get", "set", "add", "incr"):
        monkeypatch.setattr(f"django.core.cache.backends.locmem.LocMemCache.{name}", away)
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    caller, _ = token_of(cast.alice)
    assert caller.post(f"grants/{grant.pk}/end/", {}).status_code == 200
    ApiToken.objects.update(revoked_at=timezone.now())
    assert caller.get("me/").status_code == 401
