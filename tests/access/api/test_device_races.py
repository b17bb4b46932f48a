"""One code, two who want it: one gets it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from access.errors import WrongState
from access.models import ApiToken
from access.services import devices
from tests.support.cast import Cast


def both(*calls: object) -> list[object]:
    def run(call: object) -> object:
        try:
            return call()  # type: ignore[operator]
        except (WrongState, devices.DeviceNotYet) as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_token_is_fetched_once(transactional_db: None) -> None:
    cast = Cast.create()
    asked = devices.ask("c", ["read"], address="")
    found = devices.find(asked.user_code, by=cast.alice, address="")
    assert found is not None
    devices.allow(found, by=cast.alice)
    got = both(*[lambda: devices.fetch(asked.device_code)] * 4)
    assert len([each for each in got if not isinstance(each, Exception)]) == 1
    assert ApiToken.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_is_answered_once(transactional_db: None) -> None:
    cast = Cast.create()
    asked = devices.ask("c", ["read"], address="")
    found = devices.find(asked.user_code, by=cast.alice, address="")
    assert found is not None
    got = both(
        lambda: devices.allow(found, by=cast.alice), lambda: devices.refuse(found, by=cast.bob)
    )
    assert len([each for each in got if isinstance(each, WrongState)]) == 1
