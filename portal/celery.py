"""The Celery app. Wiring only: tasks live with the module whose work they wake."""

import os

from celery import Celery

import portal.logs.tasks  # noqa: F401 - lays the trail of tasks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.embedded")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
