"""The Celery app. Wiring only: tasks live with the module whose work they wake."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup, worker_shutting_down

import portal.logs.tasks  # noqa: F401 - lays the trail of tasks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.embedded")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_after_setup.connect
def stand_by(instance: Any, **_: Any) -> None:
    """Workers that look at gates do so without the broker, too, where nobody sweeps; also one that
    is started while the broker is away, and is not "ready" before it is back. They call Azure."""
    if "celery" in instance.app.amqp.queues.consume_from:
        from access.unaided import standing_by
        from portal.azure import door

        door.load()
        standing_by.start()


@worker_shutting_down.connect
def stand_down(**_: Any) -> None:
    from access.unaided import standing_by

    standing_by.stop()
