"""Each Bastion host with its room: now, at its fullest so far, and in the week to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from access.models import BastionHost, Finding, Grant, LiveSession
from access.preflight import Check, Level
from access.presenters import moments
from access.presenters.statuses import Status
from access.states import HOLDING
from links.kind import ShareableLink
from portal.azure.checks import check_capacity
from portal.azure.checks.capacity import room_for_links
from portal.azure.checks.facts import Host
from portal.azure.checks.skus import LINKS_PER_HOST, RDP_PER_UNIT, SSH_PER_UNIT, Sku, sku_named
from portal.capacity import usage
from portal.capacity.prices import Prices
from portal.capacity.steps import Step, fullest, quiet_before, steps_of
from portal.capacity.usage import Past

AHEAD = timedelta(days=7)
MOST_HOSTS = 200
NOBODY_SINCE = Past(Step(datetime.min.replace(tzinfo=UTC)), 0)
FITS = Status("green", "circle-check", "Fits")
TIGHT = Status("amber", "triangle-alert", "Tight")
TOO_SMALL = Status("red", "triangle-alert", "Too small")
SHARED = Status("grey", "info", "Shared, no units")
NOT_KNOWN = Status("grey", "info", "Not known")


@dataclass(frozen=True)
class HostLine:
    """``ahead``: what is granted from now on, step by step; never empty."""

    host: BastionHost
    now: Step
    links: int
    sessions: Past
    grants: Past
    ahead: list[Step]
    month: Decimal | None = None
    most_links: int = LINKS_PER_HOST

    @cached_property
    def facts(self) -> Host:
        return facts_of(self.host)

    @property
    def units(self) -> int:
        """That can be counted on: none on a shared host."""
        return 0 if self.is_shared else self.facts.scale_units or 0

    @property
    def is_shared(self) -> bool:
        return sku_named(self.host.sku) is Sku.DEVELOPER

    @property
    def carries(self) -> tuple[int, int]:
        """(RDP alone, or SSH alone)."""
        return self.units * RDP_PER_UNIT, self.units * SSH_PER_UNIT

    @cached_property
    def worst(self) -> Step:
        """The fullest moment from now on: what is granted, or who is connected already."""
        return fullest([self.now, *self.ahead])

    @property
    def needed(self) -> int:
        return self.worst.units

    @cached_property
    def check(self) -> Check:
        return check_capacity(self.facts, 0, 0, self.worst.rdp, self.worst.ssh)

    @property
    def status(self) -> Status:
        if self.is_shared:
            return SHARED
        words = {Level.FAIL: TOO_SMALL, Level.WARN: TIGHT, Level.PASS: FITS}
        return words.get(self.check.level, NOT_KNOWN)

    @property
    def too_small(self) -> bool:
        return self.status is TOO_SMALL

    @property
    def was_too_small(self) -> bool:
        """It did not carry by the rule what it was given."""
        return not self.is_shared and self.sessions.units > self.units

    @property
    def sentence(self) -> str:
        """What does not fit, in plain words."""
        one = "unit" if self.needed == 1 else "units"
        said = f"{when(self.worst.at)} needs {self.needed} {one}, {self.host.name} has {self.units}"
        if not self.check.remedy:
            return f"{said}. No scale of this host is enough: a second one is needed."
        return f"{said}; changing units disconnects everybody: do it outside windows."

    @property
    def quiet(self) -> str:
        """When to do it."""
        steps = self.ahead[1:] if self.now.count else self.ahead
        found = quiet_before(steps, self.worst.at)
        if found is None:
            return "Until then there is no moment without a grant: agree on one with the people."
        return f"Nothing is granted from {when(found[0])} to {when(found[1])}."

    @property
    def links_room(self) -> str:
        """Empty while there is plenty."""
        words = {Level.WARN: "nearly full", Level.FAIL: "full"}
        return words.get(room_for_links(self.facts, self.links).level, "")


def when(moment: datetime) -> str:
    """``Friday 27 Nov, 22:00 CET``, in the reader's zone."""
    local = timezone.localtime(moment)
    return f"{local:%A} {local.day} {local:%b}, {moments.clock(moment)}"


def lines(now: datetime, since: datetime, prices: Prices | None) -> list[HostLine]:
    """What does not fit is on top. Three queries, for one host as for all."""
    hosts = list(_hosts()[:MOST_HOSTS])
    peaks = usage.peaks(since)
    expected = usage.expected(now, now + AHEAD)
    found = [
        HostLine(
            host=host,
            now=Step(now, _count(host, "rdp_now"), _count(host, "ssh_now")),
            links=_count(host, "granted_links") + _count(host, "stray_links"),
            sessions=peaks[usage.SESSIONS].get(host.pk, NOBODY_SINCE),
            grants=peaks[usage.GRANTS].get(host.pk, NOBODY_SINCE),
            ahead=steps_of(expected.get(host.pk, []), now, now + AHEAD),
            month=prices.month(host.sku, host.scale_units) if prices else None,
        )
        for host in hosts
    ]
    return sorted(found, key=lambda line: (not line.too_small, line.status is not TIGHT))


def total(found: Sequence[HostLine]) -> Decimal | None:
    """``None`` where no price is known at all."""
    months = [line.month for line in found if line.month is not None]
    return sum(months, Decimal()) if months else None


def facts_of(host: BastionHost) -> Host:
    columns = (
        "name", "resource_group", "subscription_id", "region", "sku", "scale_units",
        "tunneling", "shareable_links", "ip_connect",
    )  # fmt: skip
    own = {name: getattr(host, name) for name in columns}
    return Host.from_json({**host.facts, **own, "id": host.resource_id})


def _hosts() -> QuerySet[BastionHost]:
    live = LiveSession.objects.filter(host=OuterRef("pk"), ended_at__isnull=True)
    here = Q(gate__kind=ShareableLink.name, gate__resource_key=OuterRef("resource_key"))
    granted = Grant.objects.filter(here, kind=ShareableLink.name, state__in=HOLDING)
    stray = Finding.objects.filter(here, gone_at__isnull=True)
    return (
        BastionHost.objects.filter(gone_at__isnull=True)
        .annotate(
            rdp_now=_counted(live.filter(usage.SESSION_IS_RDP), "host"),
            ssh_now=_counted(live.exclude(usage.SESSION_IS_RDP), "host"),
            granted_links=_counted(granted, "gate"),
            stray_links=_counted(stray, "gate"),
        )
        .order_by("name", "pk")
    )


def _counted(
    rows: QuerySet[LiveSession] | QuerySet[Grant] | QuerySet[Finding], by: str
) -> Coalesce:
    counted = rows.order_by().values(by).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _count(host: BastionHost, name: str) -> int:
    return int(getattr(host, name))
