"""Waking whoever carries out orders for JIT policies. The messages are row ids; any may be lost."""

import time
from collections.abc import Iterable

from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from access.heartbeats import beat
from access.waking import put, unless_away
from jit.models import PolicyOrder
from jit.orders import KEEPER

SIGNS_APART = 4  # times that a sweep looks around: who keeps policies is missed after two minutes
_no_sign_before = [0.0]  # by this process's clock


@shared_task(name="jit.keep", ignore_result=True)
@unless_away
def keep() -> None:
    """Only where the identity is that may change policies: says that it is, wakes what waits."""
    if not settings.AZURE_KEEPER_CLIENT_ID:
        return
    if time.monotonic() >= _no_sign_before[0]:
        beat(KEEPER)
        _no_sign_before[0] = time.monotonic() + SIGNS_APART * settings.ACCESS_LOOK_AROUND_SECONDS
    wake(due_orders())


@shared_task(name="jit.carry_out", ignore_result=True)
def carry_out(order_id: int) -> None:
    """One order, followed for a moment: Azure needs a second or two for a policy."""
    from jit import keeping

    patience = time.monotonic() + settings.ACCESS_FOLLOW_SECONDS
    while keeping.carry_out(order_id) and time.monotonic() < patience:
        time.sleep(settings.ACCESS_LOOK_SECONDS + 0.05)


def due_orders(limit: int = 50) -> list[int]:
    ready = Q(not_before__isnull=True) | Q(not_before__lte=Now())
    waiting = PolicyOrder.objects.filter(ready, done_at__isnull=True, failed_at__isnull=True)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])


def wake(order_ids: Iterable[int]) -> None:
    put(carry_out, order_ids)
