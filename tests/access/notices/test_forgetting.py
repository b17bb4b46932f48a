"""What was told long ago is forgotten; what still waits is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from access import notices
from access.clock import db_now
from access.delivery.forgetting import forget_old
from access.models import Notice
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


def test_only_what_is_old_and_done_goes(cast: Cast) -> None:
    for key in ("old and sent", "old and waiting", "new and sent"):
        with transaction.atomic():
            notices.tell("deputy.named", key=key, to=[cast.bob])
    long_ago = db_now() - timedelta(days=91)
    mails = Notice.objects.filter(person=cast.bob)
    assert mails.count() == 3
    mails.filter(key__endswith="sent").update(state="sent", sent_at=db_now())
    mails.filter(key__startswith="old").update(created_at=long_ago)
    assert forget_old() == 1
    assert set(mails.values_list("key", flat=True)) == {"old and waiting", "new and sent"}
    assert forget_old() == 0
