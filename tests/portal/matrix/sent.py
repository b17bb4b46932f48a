"""What is sent to each address, by (name, method), and what has to be so before.

It is valid, for the person who may: an answer of 400 would hide whether anybody asked who was
sending. A rule holds that somebody gets through with it, or ``NOBODY`` says why not.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

from access.clock import db_now
from access.models import Heartbeat
from access.services import devices, endpoints, policies
from jit.orders import KEEPER, plan_for
from links.sponsoring import contacts
from links.sponsoring.contacts import Words
from tests.portal.matrix import guests
from tests.portal.matrix.addresses import Named, Sent
from tests.portal.matrix.world import POLICY, World


def _decided(world: World) -> Sent:
    return {"terms_digest": world.waiting.terms_digest, "comment": "Seen"}


def _said(world: World) -> Sent:
    return {"key": uuid.uuid4(), "revision": world.waiting.revision, "text": "As agreed"}


def _asked(world: World) -> Sent:
    return {
        "submission_key": uuid.uuid4(), "machine": world.machine.pk, "way": "window:22",
        "minutes": "30", "when": "now", "reason": "Disk is full",
    }  # fmt: skip


def _submitted(world: World) -> Sent:
    return {
        "machine_id": world.machine.pk, "kind": "window", "port": 22, "minutes": 30,
        "reason": "Disk is full",
    }  # fmt: skip


def _changed(world: World) -> Sent:
    return {"revision": world.waiting.revision, "minutes": 60, "reason": "More", "ticket": ""}


def _ticked(world: World) -> Sent:
    waiting = world.waiting
    return {
        "request": waiting.reference, f"terms-{waiting.pk}": waiting.terms_digest,
        "comment": "Not today",
    }  # fmt: skip


def _jit(world: World) -> Sent:
    shown = json.dumps(plan_for(world.bare).before)
    return {
        "submission_key": uuid.uuid4(), "shown": shown, "reason": "It was never guarded",
        "number_0": "22", "length_0": "2", "unit_0": "hours", "confirmed": "yes",
    }  # fmt: skip


def _outside(world: World) -> Sent:
    host = world.outside.machine.bastion_id
    return {
        "name": "onprem-new-01", "address": "192.168.40.30", "os": "linux", "ports": ["22"],
        "host": host, "owner": "finance", "environment": "staging",
    }  # fmt: skip


def _away(world: World) -> Sent:
    fmt, now = "%Y-%m-%dT%H:%M", db_now()
    begins, ends = now + timedelta(days=30), now + timedelta(days=31)
    return {
        "deputy": f"Oscar ({world.oscar.mail})", "starts": begins.strftime(fmt),
        "ends": ends.strftime(fmt), "reason": "Away",
    }  # fmt: skip


def _endpoint(_world: World) -> Sent:
    return {
        "name": "Night shift", "kind": "webhook", "address": "https://hooks.example.test/two",
        "families": ["security"],
    }  # fmt: skip


def _reason(_world: World) -> Sent:
    return {"reason": "It is over"}


def _nothing(_world: World) -> Sent:
    return {}


def _policy_decided(world: World) -> Sent:
    return {"digest": world.proposed.digest, "comment": "Read"}


BODIES: dict[tuple[str, str], Named] = {
    ("request-new", "POST"): _asked,
    ("request-preview", "POST"): _asked,
    ("request-approve", "POST"): lambda world: {**_decided(world), "revision": 1},
    ("request-deny", "POST"): lambda world: {**_decided(world), "revision": 1},
    ("request-withdraw", "POST"): _nothing,
    ("request-change", "POST"): lambda world: {**_changed(world), "when": "now"},
    ("request-extend", "POST"): lambda _world: {
        "key": uuid.uuid4(), "minutes": "30", "reason": "Not done",
    },
    ("request-comment", "POST"): _said,
    ("request-ask-back", "POST"): _said,
    ("request-answer", "POST"): _said,
    ("grant-end", "POST"): _reason,
    ("approvals-deny", "POST"): _ticked,
    ("break-glass", "POST"): lambda world: {**_asked(world), "understood": "on"},
    ("reviews-approvals-csv", "POST"): _nothing,
    ("review", "POST"): lambda _world: {"verdict": "justified", "comment": "Looked at the log"},
    ("session-disconnect", "POST"): _reason,
    ("drift-remove", "POST"): _reason,
    ("restoration", "POST"): lambda _world: {"note": "Restored from Monday's backup"},
    ("policy-new", "POST"): lambda _world: {
        "based_on": 1, "source": POLICY.replace("480", "360"), "note": "Again",
    },
    ("policy-put-in-force", "POST"): _policy_decided,
    ("policy-reject", "POST"): _policy_decided,
    ("policy-withdraw", "POST"): _nothing,
    ("notice-retry", "POST"): _nothing,
    ("endpoint-new", "POST"): _endpoint,
    ("endpoint", "POST"): _endpoint,
    ("endpoint-switch", "POST"): _nothing,
    ("endpoint-test", "POST"): _nothing,
    ("endpoint-secret", "POST"): _nothing,
    ("endpoint-secret-drop", "POST"): _nothing,
    ("lockdown", "POST"): lambda _world: {"target": "all|", "reason": "Odd traffic everywhere"},
    ("lockdown-confirm", "POST"): _nothing,
    ("lockdown-lift", "POST"): _reason,
    ("settings", "POST"): lambda _world: {"zone": "Europe/Tallinn"},
    ("notice-preferences", "POST"): lambda _world: {"digest": "off", "digest_hour": "8"},
    ("deputies", "POST"): _away,
    ("deputy-end", "POST"): _nothing,
    ("theme", "POST"): lambda _world: {"theme": "dark"},
    ("device", "POST"): lambda world: {"code": world.code, "answer": "allow"},
    ("demo-sign-in", "POST"): lambda _world: {"person": "nobody-of-the-demo"},
    ("step-up", "POST"): lambda _world: {"person": "alice"},
    ("sign-out", "POST"): _nothing,
    ("browser-end", "POST"): _nothing,
    ("browsers-end-others", "POST"): _nothing,
    ("person-browsers", "POST"): _reason,
    ("token-revoke", "POST"): _nothing,
    ("token-new", "POST"): lambda _world: {
        "key": str(uuid.uuid4()), "name": "ci", "scopes": ["read"], "days": "7",
    },
    ("estate-read", "POST"): _nothing,
    ("capacity-hosts-csv", "POST"): _nothing,
    ("capacity-retiring-csv", "POST"): _nothing,
    ("visit-send", "POST"): _nothing,
    ("visit-code", "POST"): lambda _world: {"code": "00000000"},
    ("visit-again", "POST"): _nothing,
    ("visit-terms", "POST"): lambda _world: guests.accepted(),
    ("visit-open", "POST"): lambda _world: {"number": "2"},  # of the first vendor's two
    ("visit-finish", "POST"): _nothing,
    ("visit-more-time", "POST"): lambda _world: {"minutes": "30", "why": "The restore is slow"},
    ("visit-leave", "POST"): _nothing,
    ("visit-language", "POST"): lambda _world: {"language": "de", "next": "/visit/left/"},
    ("vendor-invite", "POST"): lambda world: guests.invitation_form(world.machine.pk),
    ("vendor-letter", "POST"): lambda world: guests.invitation_form(world.machine.pk),
    ("vendor-edit", "POST"): lambda world: {
        **vars(Words.of(world.guests.contact)), "phone": "+49 30 7654321",
    },
    ("vendor-check", "POST"): lambda world: {
        "phone": world.guests.contact.phone, "called": "on",
    },
    ("vendor-block", "POST"): lambda _world: {"why": "They have left"},
    ("vendor-unblock", "POST"): _nothing,
    ("invitation-send", "POST"): lambda _world: {"seen": "1"},
    ("wish-answer", "POST"): lambda _world: {
        "minutes": "30", "reason": "The restore is slow", "ticket": "",
    },
    ("rotation-done", "POST"): lambda _world: {"note": "In the vault"},
    ("outside-new", "POST"): _outside,
    ("outside-edit", "POST"): lambda world: {**_outside(world), "address": "192.168.40.31"},
    ("outside-retire", "POST"): _reason,
    ("jit-policy", "POST"): _jit,
    ("api-request-list", "POST"): _submitted,
    ("api-request-preview", "POST"): _submitted,
    ("api-request-approve", "POST"): _decided,
    ("api-request-deny", "POST"): _decided,
    ("api-request-change", "POST"): lambda world: {**_changed(world), "start": None},
    ("api-request-withdraw", "POST"): _nothing,
    ("api-request-extend", "POST"): lambda _world: {"minutes": 30, "reason": "Not done"},
    ("api-comment-list", "POST"): lambda _world: {"text": "As agreed"},
    ("api-grant-end", "POST"): _reason,
    ("api-session-disconnect", "POST"): _reason,
    ("api-device", "POST"): lambda _world: {"client": "cli 1.0", "scopes": ["read"]},
    ("api-device-token", "POST"): lambda world: {"device_code": world.device_code},
    ("api-token-detail", "DELETE"): _nothing,
    ("api-token-current", "DELETE"): _nothing,
}  # fmt: skip


def _let_in(world: World) -> None:
    """Alice has let the program in that waits."""
    found = devices.find(world.code, by=world.alice, address="")
    assert found is not None
    devices.allow(found, by=world.alice)


def _keeper_is_seen(_world: World) -> None:
    Heartbeat.objects.update_or_create(name=KEEPER, defaults={"at": db_now()})


BEFORE: dict[str, Callable[[World], object]] = {
    "request-answer": World.ask_back,
    "api-device-token": _let_in,
    "policy-new": lambda world: policies.withdraw(world.proposed, by=world.dana),
    "jit-policy": _keeper_is_seen,
    "vendor-unblock": lambda world: contacts.block(
        world.guests.contact, why="They have left", by=world.dana
    ),
    "endpoint-secret-drop": lambda world: endpoints.rotate(world.endpoint, by=world.dana),
}

NOBODY: dict[tuple[str, str], str] = {
    ("demo-sign-in", "POST"): "the demo's people are not in this world",
}
