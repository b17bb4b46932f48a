"""What is known of deletions that Azure took on: kept for all workers, since the one that sent an
order is seldom the one that hears of its end. And when it is worth asking how one goes: what it
took the last time tells, by the last moment at which Azure was still at it.
"""

import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from azure.core.rest import HttpRequest
from django.conf import settings
from django.db import Error, transaction

from access.clock import db_now, is_own
from access.errors import Later, Never
from access.kinds import SHUTTING
from links.models import Deletion, Fate
from portal.azure import door as azure
from portal.azure.budget import share_left
from portal.azure.roles import Identity

logger = logging.getLogger(__name__)
REMEMBERED = timedelta(minutes=5)
ITS_TIME = timedelta(seconds=20)  # a deletion took about 12 s in the recordings
SURELY = 0.9  # of what the last one took at least: before, nobody asks
SCARCE = 0.5  # of the calls that Azure takes of the reader
WHILE_SCARCE = 3.0  # seconds until it is tried again whether one may be spent on asking
AFTERWARDS = 1.0  # seconds for which one that takes longer than the last is asked about often
FATES = {"Succeeded": Fate.DONE, "Failed": Fate.FAILED, "Canceled": Fate.FAILED}
# Of the second closer while the database is away. Threads append, and nothing else.
_own_orders: deque[Deletion] = deque(maxlen=1000)


def note(bastion_id: str, machine_ids: Sequence[str], address: str) -> None:
    """A deletion that Azure took on. Only with an address on Azure itself is it heard of again.
    That it cannot be kept costs time: it is sent again then."""
    address = address if _is_azure(address) else ""
    machines = [each.lower() for each in machine_ids]
    made = Deletion(bastion=bastion_id.lower(), address=address, machines=machines)
    if is_own():
        made.at = db_now()
        _own_orders.append(made)
        return
    try:
        with transaction.atomic():
            made.at = db_now()
            of_no_use = made.at - 2 * REMEMBERED  # one that never ends is told of for a while
            old = Deletion.objects.filter(bastion=made.bastion, at__lt=of_no_use)
            old.delete()
            made.save()
    except Error as fault:
        logger.warning("a deletion was sent and not kept: %s", type(fault).__name__)


def of_host(bastion_id: str) -> list[Deletion]:
    """The latest last."""
    if is_own():
        return [each for each in _own_orders if each.bastion == bastion_id.lower()]
    return list(Deletion.objects.filter(bastion=bastion_id.lower()).order_by("at", "pk"))


def ask(order: Deletion) -> Fate | None:
    """How it goes, as Azure says now; ``None`` where it could not be asked. Whoever can write rows
    must not learn the reader's token by them."""
    if not _is_azure(order.address):
        return None
    try:
        with azure.calling():
            answer = azure.plain(Identity.READER).send_request(HttpRequest("GET", order.address))
            answer.raise_for_status()
            told = answer.json()
    except (Later, Never, ValueError):  # the last: what came was no JSON
        return None
    status = told.get("status", "") if isinstance(told, dict) else ""
    fate = FATES.get(status, Fate.AT_WORK)
    _keep(order, fate, db_now())
    return fate


def pause(bastion_id: str, under_way: int) -> float | None:
    """Seconds for which nothing new is to be seen of ``under_way`` links that are being deleted at
    a host; ``None`` where it is not known, or time to look. The oldest order speaks for all: they
    were sent one after another, and none is relied upon for longer than it takes."""
    now, orders = db_now(), of_host(bastion_id)
    at_work = [o for o in orders if o.fate == Fate.AT_WORK and now - ITS_TIME < o.at <= now]
    if not at_work or len({each for order in at_work for each in order.machines}) < under_way:
        return None
    first = at_work[0]
    seconds = _until_news(bastion_id, orders, first, under_way, now)
    longest = _seconds(first.at + ITS_TIME - now)
    return None if seconds is None else min(seconds, longest)


def _until_news(
    bastion_id: str, orders: Sequence[Deletion], first: Deletion, under_way: int, now: datetime
) -> float | None:
    if under_way < settings.ACCESS_CHUNK and (rest := _rest(bastion_id, orders, now)) > 0:
        return rest
    least, most = _last_took(orders) or _last_took(_others()) or (0.0, 0.0)
    base, age = float(settings.ACCESS_LOOK_SECONDS), _seconds(now - first.at)
    soonest = max(SHUTTING * base, SURELY * least)
    if age < soonest:
        return soonest - age
    wait = base if age < most + AFTERWARDS else base + age * settings.ACCESS_LOOK_GROWTH
    if _share_left(bastion_id, "reads") < SCARCE:
        return max(wait, WHILE_SCARCE)
    return wait if ask(first) is Fate.AT_WORK else None


def _rest(bastion_id: str, orders: Sequence[Deletion], now: datetime) -> float:
    """Each end that is heard of costs a list of links and one of sessions. What is sent to be shut
    must not wait in line behind them; that it is shut may be heard of a little later."""
    last = max((order.over_at for order in orders if order.over_at), default=None)
    apart, wide_apart = (timedelta(seconds=each) for each in settings.ACCESS_LISTS_APART)
    if last is None or last + wide_apart <= now:
        return 0.0
    scarce = _share_left(bastion_id, "writes") < SCARCE
    return _seconds(last + (wide_apart if scarce else apart) - now)


def _share_left(bastion_id: str, calls: str) -> float:
    """Of the calls that Azure takes of who asks."""
    subscription = azure.parts(bastion_id)["subscription"]
    return share_left(subscription, azure.client_id(Identity.READER), calls)


def forget() -> None:
    """For tests: as if nobody had kept anything."""
    _own_orders.clear()
    Deletion.objects.all().delete()


def _keep(order: Deletion, fate: Fate, now: datetime) -> None:
    """Nobody else's answer is undone: what is over stays over."""
    order.fate = fate
    column = "at_work_at" if fate is Fate.AT_WORK else "over_at"
    setattr(order, column, now)
    if is_own():
        return
    try:
        with transaction.atomic():
            mine = Deletion.objects.filter(pk=order.pk, fate=Fate.AT_WORK)
            mine.update(fate=fate, **{column: now})
    except Error as fault:
        logger.warning("what Azure said of a deletion was not kept: %s", type(fault).__name__)


def _is_azure(address: str) -> bool:
    return address.startswith(f"{settings.AZURE_ENDPOINT.rstrip('/')}/")


def _others() -> list[Deletion]:
    """The latest that is over at any host: Azure takes about the same everywhere."""
    if is_own():
        return list(_own_orders)
    return list(Deletion.objects.filter(over_at__isnull=False).order_by("-over_at")[:1])


def _last_took(orders: Sequence[Deletion]) -> tuple[float, float] | None:
    """(at least, at most) seconds of the last one that is over. One that was never seen at work
    tells nothing, and the next is asked about from its beginning: it may all go faster now."""
    over = [(o.over_at, o.at, o.at_work_at) for o in orders if o.over_at]
    if not over:
        return None
    ended, began, at_work = max(over, key=lambda each: each[0])
    if at_work is None:
        return 0.0, 0.0
    return _seconds(at_work - began), _seconds(ended - began)


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
