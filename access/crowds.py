"""How many people use a Bastion host now, and how many more may come in the next hour."""

from datetime import timedelta

from django.db.models import Count, F, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower, Now

from access.models import BastionHost, Grant, LiveSession
from access.preflight import Crowd
from access.states import WANTING

SOON = timedelta(hours=1)
RDP = 3389


def crowd_on(host_id: int) -> Crowd:
    """In one query."""
    live = LiveSession.objects.filter(host_id=host_id, ended_at__isnull=True)
    granted = Grant.objects.filter(
        machine__bastion_id=host_id, state__in=WANTING, starts_at__lte=Now() + SOON
    )
    is_rdp = Q(word="rdp")
    connected = live.annotate(word=Lower("protocol"))
    row = (
        BastionHost.objects.filter(pk=host_id)
        .values_list(
            _number(connected.filter(is_rdp), "host_id"),
            _number(connected.exclude(is_rdp), "host_id"),
            _number(granted.filter(port=RDP), "machine__bastion_id"),
            _number(granted.exclude(port=RDP), "machine__bastion_id"),
        )
        .first()
    )
    rdp, ssh, granted_rdp, granted_ssh = row or (0, 0, 0, 0)
    return Crowd(rdp, ssh, max(0, granted_rdp - rdp), max(0, granted_ssh - ssh))


def _number(rows: QuerySet[LiveSession] | QuerySet[Grant], by: str) -> Coalesce:
    counted = rows.order_by().values(group=F(by)).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted[:1]), 0)
