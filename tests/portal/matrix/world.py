"""What is there, all of it alice's where it can be anybody's, and who comes."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from django.test import Client

from access.clock import db_now
from access.models import (
    AccessRequest,
    ApiToken,
    Deputy,
    Endpoint,
    Finding,
    Gate,
    Grant,
    LiveSession,
    Lockdown,
    Machine,
    Notice,
    Person,
    PolicyVersion,
    Restoration,
    Role,
)
from access.services import comments, deputies, devices, endpoints, lockdowns, policies, tokens
from jit.outside.models import OutsideTarget
from portal.models import BrowserSession
from tests.portal.matrix.guests import Guests, client_of
from tests.portal.matrix.programs import PROGRAM
from tests.support import estate
from tests.support.behind_gateway import hub as behind_gateway
from tests.support.behind_gateway import register
from tests.support.browsers import signed_in
from tests.support.cast import approved, ask, be_seen, person
from tests.support.glass import break_glass, is_over
from tests.support.ruling import put_in_force
from tests.support.sessions import connected

# bob decides, and so would gwen, alice's second account and dora, if nothing else kept them from it
POLICY = """
version: 1
groups:
  payments: [bob, gwen, alice-admin, dora]
  elsewhere: [oscar]
  on-call: [alice]
rules:
  - name: Other teams
    when: {machine: ["other-*"]}
    max_minutes: 480
    approvals: [{from: [{group: elsewhere}], needed: 1}]
  - name: Everything
    max_minutes: 480
    approvals: [{from: [{group: payments}], needed: 1}]
    break_glass: {who: [{group: on-call}], max_minutes: 90}
"""
PROPOSED = POLICY.replace("max_minutes: 480", "max_minutes: 240")
DETAILS = endpoints.Details("Operations", "https://hooks.example.test/one", ["security"])


@dataclass
class Visitor:
    """``client`` keeps its cookies only for one request: each begins as the visitor arrived."""

    name: str
    means: str
    client: Client
    headers: dict[str, str] = field(default_factory=dict)
    person: Person | None = None

    def __post_init__(self) -> None:
        self.client.raise_request_exception = False
        self._cookies = copy.deepcopy(self.client.cookies)

    def arrives(self) -> Client:
        self.client.cookies = copy.deepcopy(self._cookies)
        return self.client


@dataclass
class World:
    alice: Person
    bob: Person
    oscar: Person
    dana: Person
    ada: Person
    gwen: Person
    machine: Machine  # nobody has asked for it
    bare: Machine
    outside: OutsideTarget
    waiting: AccessRequest  # alice's, undecided
    open: Grant  # alice's
    session: LiveSession  # on the machine of ``open``
    glass: AccessRequest  # alice's, over, to be reviewed
    finding: Finding
    restoration: Restoration
    lockdown: Lockdown  # dana's, unconfirmed, of a machine that nobody uses
    proposed: PolicyVersion  # dana's
    endpoint: Endpoint
    notice: Notice  # to alice
    deputy: Deputy  # of bob, from next week on
    token: ApiToken  # alice's
    browser: str  # where alice is signed in besides, as addresses name it
    secrets: dict[str, str]  # of tokens, by the visitor's name
    guests: Guests
    code: str  # of a program that waits to be let in
    device_code: str

    @classmethod
    def made(cls) -> World:
        people = _people()
        alice, bob, dana = people["alice"], people["bob"], people["dana"]
        hub = behind_gateway.__wrapped__(None)  # the fixture's own function
        be_seen()
        put_in_force(POLICY)
        opened = _open(approved(estate.machine("vm-open"), by=alice, approver=bob))
        closed = estate.machine("vm-shut-in-an-incident")
        key, code = (
            tokens.TokenWish("laptop", ["read"], 7),
            devices.ask("cli", ["read"], address=""),
        )
        made = tokens.make(key, by=alice)
        glass = is_over(break_glass(estate.machine("vm-glass"), by=alice))
        version = policies.propose(PROPOSED, note="Shorter", by=dana, based_on=_in_force())
        return cls(
            **{name: people[name] for name in ("alice", "bob", "oscar", "dana", "ada", "gwen")},
            machine=estate.machine(),
            bare=estate.machine("vm-bare"),
            outside=register(hub, dana),
            waiting=ask(estate.machine("vm-asked"), by=alice),
            open=opened,
            session=connected(opened.machine),
            glass=glass,
            finding=_finding(opened.gate),
            restoration=_restoration(),
            lockdown=lockdowns.order("machine", closed.resource_key, "Odd traffic", by=dana),
            proposed=version,
            endpoint=endpoints.add("webhook", DETAILS, by=dana)[0],
            notice=_told(alice),
            deputy=_deputy(bob, people["oscar"]),
            token=made.token,
            browser=_browser_of(alice),
            guests=Guests.made(alice, bob),
            secrets={"token read": made.secret, **_secrets(alice, bob, dana)},
            code=code.user_code,
            device_code=code.device_code,
        )

    def ask_back(self) -> None:
        comments.ask_back(
            self.waiting, "What for?", by=self.bob, key=uuid.uuid4(), revision=self.waiting.revision
        )


def visitors(world: World) -> list[Visitor]:
    """In the order of the columns."""
    return [
        Visitor("anonymous", "nobody who is known", Client()),
        _browser("requester", "alice, an engineer: what is there is hers", world),
        _browser("engineer", "alan, another engineer", world),
        _browser("approver", "bob: the policy names him for alice's requests", world),
        _browser("elsewhere", "oscar, an approver whom the policy names for other machines", world),
        _browser("twin", "alice's second account, an approver whom the policy names", world),
        _browser("guest", "gwen, a guest and approver whom the policy names", world),
        _browser("admin", "dana, an administrator: she ordered and proposed", world),
        _browser("admin 2", "ada, another administrator", world),
        _browser("auditor", "erin", world),
        _browser("no role", "nora, who has signed in and has no role", world),
        _browser("disabled", "dora, an approver until her account was shut; an old session", world),
        _token("token read", "alice's token to read", world, world.alice),
        _token("token ask", "alice's token to read and ask", world, world.alice),
        _token("token appr", "bob's token to read and ask", world, world.bob),
        _token("token adm", "dana's token to read and ask", world, world.dana),
        _program("program", "an application with all roles, with its own token"),
        _guest("vendor A", "a vendor's person whom alice invited, with a visit's cookie", world),
        _guest("vendor B", "another vendor's person, invited to another machine", world),
    ]


IDENTITIES = {
    "requester": "alice", "engineer": "alan", "approver": "bob", "elsewhere": "oscar",
    "twin": "alice-admin", "guest": "gwen", "admin": "dana", "admin 2": "ada", "auditor": "erin",
    "no role": "nora", "disabled": "dora",
}  # fmt: skip


def _people() -> dict[str, Person]:
    made = [
        person("Alice", Role.ENGINEER),
        person("Alan", Role.ENGINEER),
        person("Bob", Role.APPROVER),
        person("Oscar", Role.APPROVER),
        person("Alice-Admin", Role.APPROVER),
        person("Gwen", Role.APPROVER),
        person("Dana", Role.ADMIN),
        person("Ada", Role.ADMIN),
        person("Erin", Role.AUDITOR),
        person("Nora"),
        person("Dora", Role.APPROVER),
        person("Pipeline", *Role),
    ]
    everybody = Person.objects
    everybody.filter(object_id__in=["alice", "alice-admin"]).update(person_key="human-1")
    everybody.filter(object_id="gwen").update(is_guest=True)
    everybody.filter(object_id="pipeline").update(is_application=True)
    return {each.object_id: Person.objects.get(pk=each.pk) for each in made}


def _browser(name: str, means: str, world: World) -> Visitor:
    """Everybody has just signed in anew, and has begun to approve what waits."""
    who = Person.objects.get(object_id=IDENTITIES[name])
    client = signed_in(who)
    session = client.session
    session["confirmed_at"] = db_now().isoformat()
    session["deciding"] = {
        "pk": world.waiting.pk, "terms_digest": world.waiting.terms_digest, "agreed": None,
        "revision": "1", "comment": "", "minutes": "", "custom_minutes": "",
    }  # fmt: skip
    session.save()
    if name == "disabled":
        Person.objects.filter(pk=who.pk).update(is_active=False)
    return Visitor(name, means, client, person=who)


def _token(name: str, means: str, world: World, whose: Person) -> Visitor:
    headers = {"Authorization": f"Bearer {world.secrets[name]}"}
    return Visitor(name, means, Client(), headers, whose)


def _program(name: str, means: str) -> Visitor:
    who = Person.objects.get(object_id="pipeline")
    return Visitor(name, means, Client(), {"Authorization": PROGRAM}, who)


def _guest(name: str, means: str, world: World) -> Visitor:
    return Visitor(name, means, client_of(world.guests.cookies[name]))


def _secrets(alice: Person, bob: Person, dana: Person) -> dict[str, str]:
    both = tokens.TokenWish("both", ["read", "request"], 7)
    holders = {"token ask": alice, "token appr": bob, "token adm": dana}
    return {name: tokens.make(both, by=who).secret for name, who in holders.items()}


def _browser_of(who: Person) -> str:
    signed_in(who).get("/me/")
    return str(BrowserSession.objects.filter(person=who).get().pk)[:16]


def _open(grant: Grant) -> Grant:
    Grant.objects.filter(pk=grant.pk).update(state="open", opened_at=db_now())
    return Grant.objects.get(pk=grant.pk)


def _finding(gate: Gate) -> Finding:
    now, machine = db_now(), estate.machine("vm-drift")
    return Finding.objects.create(
        gate=gate, resource_id=machine.resource_id, resource_key=machine.resource_key,
        machine=machine, port=22, first_seen_at=now, last_seen_at=now,
    )  # fmt: skip


def _restoration() -> Restoration:
    """That waits, and every gate was asked since."""
    found = db_now() - timedelta(hours=1)
    Gate.objects.update(audited_at=db_now())
    return Restoration.objects.create(
        found_at=found, kept_seq=9_000, kept_hash="0" * 64, kept_at=found, head_seq=8_000
    )


def _told(whom: Person) -> Notice:
    """Something that alice was told, and that could not be sent."""
    told = Notice.objects.filter(person=whom).order_by("pk").first()
    assert told is not None
    Notice.objects.filter(pk=told.pk).update(state="given-up", problem="No mail server.")
    return told


def _deputy(of: Person, to: Person) -> Deputy:
    begins = db_now() + timedelta(days=7)
    return deputies.name_deputy(
        deputy=to, starts_at=begins, ends_at=begins + timedelta(days=7), reason="Away", by=of
    )


def _in_force() -> int:
    return PolicyVersion.objects.get(state="active").number
