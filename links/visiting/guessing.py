"""Addresses that lead nowhere: counted by network, in the cache, to keep guessing hopeless.

They leave no line each, or whoever guesses would fill the ledger. Without the cache nothing is
counted and nobody is kept out: 256 random bits are not guessed.
"""

import logging
from datetime import timedelta

from django.core.cache import cache
from django.db import transaction

from access import ledger, notices
from access.clock import db_now
from access.counting import CACHE_AWAY
from access.models import LedgerEntry
from access.origin import network_of
from links.visiting.caller import Caller

logger = logging.getLogger(__name__)
SECONDS = 600  # in which are counted …
MOST_OF_NETWORK = 20  # … those of one network: more than anybody mistypes
MOST_OF_ALL = 200  # and of all together, spread over many
TOLD_EVERY = timedelta(hours=1)
EVENT = "vendor.guessed"


def missed(caller: Caller) -> None:
    """Somebody asked for an address that there is not."""
    try:
        of_network = _count(_key(caller))
        of_all = _count("visit-missed")
        much = of_network >= MOST_OF_NETWORK or of_all >= MOST_OF_ALL
        if much and cache.add("visit-missed-told", 1, SECONDS):  # spares the question below
            _tell(caller, max(of_network, of_all))
    except CACHE_AWAY as error:
        logger.warning("wrong addresses of visits are not counted: %s", type(error).__name__)


def too_many(caller: Caller) -> bool:
    """Whether this network is told to wait, in place of being told that there is nothing."""
    try:
        return int(cache.get(_key(caller), 0)) >= MOST_OF_NETWORK
    except CACHE_AWAY:
        return False


def _key(caller: Caller) -> str:
    return f"visit-missed-{network_of(caller.address)}"


def _count(key: str) -> int:
    cache.add(key, 0, SECONDS)
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out in between
        return 1


def _tell(caller: Caller, count: int) -> None:
    """At most once an hour, also when the cache was flushed meanwhile."""
    with transaction.atomic():
        now = db_now()
        if LedgerEntry.objects.filter(event=EVENT, at__gt=now - TOLD_EVERY).exists():
            return
        ledger.record(
            EVENT, by="visits", outcome="denied", data={"count": count, **caller.evidence}
        )
        notices.tell_overseers(
            "vendor.guessing",
            key=f"guessing.{now:%Y%m%d%H%M}",
            data={"count": count, "address": caller.address},
        )
