"""X-58: whoever can write to Redis plants nothing that runs, and gives workers no orders."""

from __future__ import annotations

import pickle
import uuid
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import caches
from django.test import override_settings

from portal.celery import app
from portal.settings.servers import redis_cache
from portal.web.plain_cache import Plain
from tests.processes.test_worker_killed import redis_url

__all__ = ["redis_url"]


class Bomb:
    """What a pickle can do: anything, as it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("value", [0, 7, -3, 1.5, True, None, "12", "", [1.25, 2.5], {"a": [1]}])
def test_what_is_kept_comes_back(value: object):
    kept = Plain().dumps(value)
    raw = str(kept).encode() if isinstance(kept, int) else kept
    back = Plain().loads(raw)
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize("kept", [b"\x80\x05.", b"", b"nonsense", b"[" * 100_000])
def test_what_is_not_ours_is_no_entry(kept: bytes):
    assert Plain().loads(kept) is None


def test_what_somebody_planted_in_the_cache_is_not_run(tmp_path: Path):
    """X-58: Django's own serializer would."""
    trace = tmp_path / "it-ran"
    planted = pickle.dumps(Bomb(trace))
    assert Plain().loads(planted) is None
    assert not trace.exists()
    pickle.loads(planted)
    assert trace.exists(), "the bomb is one"


@pytest.mark.redis
def test_the_cache_of_real_servers_reads_no_pickle(tmp_path: Path, redis_url: str):
    """X-58, in a real Redis."""
    trace, name = tmp_path / "it-ran", f"planted-{uuid.uuid4()}"
    server = redis.Redis.from_url(redis_url)
    with override_settings(CACHES=redis_cache(redis_url)):
        cache = caches["default"]
        server.set(cache.make_key(name), pickle.dumps(Bomb(trace)), ex=60)
        assert cache.get(name) is None
        assert not trace.exists()
        cache.set(name, [1.5, 2.5], 60)
        assert cache.get(name) == [1.5, 2.5]
        assert cache.add(f"{name}-tries", 0, 60)
        assert cache.incr(f"{name}-tries") == 1
        cache.delete_many([name, f"{name}-tries"])


def test_workers_take_no_orders_from_the_broker():
    """X-58: neither ``shutdown`` nor ``cancel_consumer``, by which nothing would be closed."""
    assert app.conf.worker_enable_remote_control is False
