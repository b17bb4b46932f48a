"""What the pages that ask for access have in common, whoever is to be let in."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from access import policy, services
from access.forms.asking import CUSTOM, PRESETS, NewForm, PreviewForm
from access.forms.plain import NOW
from access.models import AccessRequest, Machine, Person
from access.presenters.asks import ticket_words
from access.presenters.moments import duration
from access.presenters.outlook import Asker, outlook_for, with_lengths
from access.presenters.shared_ways import ways_for
from access.presenters.ways import Way, possible
from access.ruling import InForce, Terms, policy_in_force
from access.services.submission import MOST_MACHINES, clean_text
from access.states import RequestState
from access.views.numbers import number_in
from access.views.preflight import asked_machines, for_way, own_request
from access.views.problems import accepted
from access.walltime import NoSuchTimeError

F = TypeVar("F", bound=NewForm)
Typed = Mapping[str, Any]


@dataclass(frozen=True)
class Asking:
    """Who asks for what, the ways in that this page asks for, and those that others do."""

    person: Person
    machines: list[Machine]
    by: InForce
    ways: list[Way]
    elsewhere: list[Way]

    @property
    def longest(self) -> int:
        return max((way.max_minutes for way in possible(self.ways)), default=0)

    @property
    def lengths(self) -> list[tuple[str, str]]:
        """Those that some way bears; which one bears what is checked when it is sent."""
        found = {minutes for way in possible(self.ways) for minutes in way.lengths}
        return [(str(minutes), duration(minutes)) for minutes in sorted(found)]

    @property
    def terms(self) -> dict[str, Any]:
        """What every form for it is made with."""
        return {"lengths": self.lengths, "zone": self.person.tz}


class AskingPage(ABC, Generic[F]):
    """Shown, made anew with what was typed, and sent. What differs is whom it is for."""

    name: ClassVar[str]  # of its address, by which a kind says where it is asked for
    template: ClassVar[str]
    form_class: type[F]

    @abstractmethod
    def way(self, asking: Asking, typed: Typed) -> Way | None:
        """The one that is asked for, of those that are possible."""

    @abstractmethod
    def form(self, asking: Asking, data: QueryDict | None = None, initial: Any = None) -> F: ...

    @abstractmethod
    def first(self, request: HttpRequest, asking: Asking) -> dict[str, Any]:
        """Initial values."""

    def more(self, asking: Asking, form: F, way: Way | None) -> dict[str, Any]:  # noqa: ARG002
        """What the template wants besides."""
        return {}

    def kept(self, sent: QueryDict) -> dict[str, Any]:
        """What was typed, for a page that is made anew without sending anything."""
        return {name: sent.get(name, "") for name in self.form_class.base_fields}

    def answer(self, request: HttpRequest, person: Person) -> HttpResponse:
        sent = request.POST if request.method == "POST" else request.GET
        removed = sent.get("remove", "")
        machines = [machine for machine in asked_machines(sent) if str(machine.pk) != removed]
        if not machines or len(machines) > MOST_MACHINES:
            return _elsewhere(request, machines)
        asking = self.asking(person, machines, sent)
        if request.method != "POST":
            policy.check_may_request(person)
            form = self.form(asking, initial=self.first(request, asking))
            return self.shown(request, asking, form)
        if removed or "update" in sent:  # nothing is sent
            return self.shown(request, asking, self.form(asking, initial=self.kept(sent)))
        return self._send(request, asking)

    def asking(self, person: Person, machines: list[Machine], sent: Typed) -> Asking:
        (start, _), by = _start(person, sent), policy_in_force()
        asker = Asker(person, start or timezone.now(), _mail_of(sent))
        every = ways_for(machines)
        mine = [way for way in every if way.page == self.name]
        elsewhere = [way for way in every if way.page != self.name]
        judged = with_lengths(mine, machines, PRESETS, asker, by)
        return Asking(person, machines, by, judged, elsewhere)

    def shown(self, request: HttpRequest, asking: Asking, form: F) -> HttpResponse:
        mine = AccessRequest.objects.filter(requester=asking.person).exclude(ticket="")
        tickets = mine.order_by("-id").values_list("ticket", flat=True)[:10]
        typed = form.data or form.initial
        way, length = self.way(asking, typed), PreviewForm(typed)
        length.is_valid()
        context = {
            "machines": asking.machines,
            "machine": asking.machines[0],
            "these": these(asking.machines),
            "ways": asking.ways,
            "elsewhere": asking.elsewhere,
            "onward": bool(possible(asking.elsewhere)),
            "can_ask": bool(possible(asking.ways)),
            "longest": asking.longest,
            "form": form,
            "tickets": list(dict.fromkeys(tickets)),
            "now": timezone.now(),
            **preview_of(asking, way, typed),
            **for_way(asking.machines, way, length.in_minutes()),
            **self.more(asking, form, way),
        }
        return render(request, self.template, context, status=400 if form.errors else 200)

    def _send(self, request: HttpRequest, asking: Asking) -> HttpResponse:
        form, way = self.form(asking, data=request.POST), self.way(asking, request.POST)
        if way is None:
            if "way" not in form.errors:
                form.take({"kind": "It cannot be asked for now. The page says why."})
            return self.shown(request, asking, form)
        ports = {machine.pk: way.ports[machine.pk] for machine in asking.machines}
        submit = services.submit
        made = accepted(form, lambda: submit(form.submission(way.kind, ports), by=asking.person))
        if made is None:
            return self.shown(request, asking, form)
        what = "was sent" if made.state == RequestState.PENDING else "was approved by the policy"
        messages.success(request, f"{made.reference} {what}.")
        return redirect("request", made.reference)


def preview_of(asking: Asking, way: Way | None, typed: Typed) -> dict[str, Any]:
    """When it would end and what would happen to it; as the form stands, right or wrong."""
    form = PreviewForm(typed)
    form.is_valid()
    length, now = form.length(), timezone.now()
    start, problem = _start(asking.person, typed)
    outlook = None
    if way is not None:
        minutes = form.in_minutes() or policy.SHORTEST_MINUTES
        terms = Terms(way.kind, minutes, start or now, asking.person, _mail_of(typed))
        wanted = [(machine, way.ports[machine.pk]) for machine in asking.machines]
        outlook = outlook_for(wanted, terms, now, by=asking.by)
    end = (start or now) + length if length and not problem else None
    return {
        "start": start, "end": end, "problem": problem, "outlook": outlook,
        "ticket_hint": ticket_words(outlook.judgement) if outlook else "Such as INC-12345.",
    }  # fmt: skip


def window_of(asking: Asking, typed: Typed) -> tuple[datetime | None, int]:
    """(the start, ``None`` for now; how many minutes), as far as they can be read."""
    form = PreviewForm(typed)
    form.is_valid()
    return _start(asking.person, typed)[0], form.in_minutes() or policy.SHORTEST_MINUTES


def first_terms(asking: Asking, former: AccessRequest | None) -> dict[str, Any]:
    """Initial values. The key made here lets the form be sent twice and count once."""
    bears = [int(minutes) for minutes, _ in asking.lengths] or [PRESETS[0]]
    minutes = former.duration_minutes if former else bears[0]
    return {
        "submission_key": uuid.uuid4(),
        "minutes": str(minutes) if minutes in bears else CUSTOM,
        "custom_minutes": None if minutes in bears else minutes,
        "when": NOW,
        "reason": former.reason if former else "",
        "ticket": former.ticket if former else "",
    }


def former_of(request: HttpRequest, asking: Asking) -> AccessRequest | None:
    """What is asked for again."""
    return own_request(request.GET.get("again", ""), asking.person, asking.machines)


def _mail_of(typed: Typed) -> str:
    """Without what no database takes: rules of the policy are asked about it as it is typed."""
    return clean_text(str(typed.get("vendor_mail") or ""))


def _start(person: Person, typed: Typed) -> tuple[datetime | None, str]:
    """(the start, ``None`` for now; what is wrong with it)."""
    form = PreviewForm(typed)
    form.is_valid()
    try:
        return form.start_in(person.tz), ""
    except NoSuchTimeError as wrong:
        return None, str(wrong)


def _elsewhere(request: HttpRequest, machines: list[Machine]) -> HttpResponse:
    """To the list of machines: with none there is nothing to ask for, and too many are too many."""
    if machines:
        messages.error(request, f"Choose at most {MOST_MACHINES} machines for one request.")
    elif "q" in request.GET:
        messages.error(request, "Tick the machines that you need first.")
    found = number_in(request.GET.get("contact", ""))
    whom = f"contact={found}" if found else ""
    query = "&".join(filter(None, (these(machines), whom)))
    return redirect(f"{reverse('machines')}?{query}" if query else "machines")


def these(machines: Sequence[Machine]) -> str:
    """The machines, as an address names them."""
    query = QueryDict(mutable=True)
    query.setlist("machine", [str(machine.pk) for machine in machines])
    return query.urlencode()
