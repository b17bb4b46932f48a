"""Celery: wake-ups of workers. The database alone knows what is due."""

from typing import Any

from kombu import Queue

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # else whoever reaches the broker stops the workers
# No quota: one that is full of messages whose acknowledgement was lost with Redis is never read
# from again. Who takes more than they can do loses nothing: the sweep asks again, others are free.
CELERY_WORKER_PREFETCH_MULTIPLIER = 0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "sweep": {"task": "access.sweep", "schedule": 1.0},
    "reckon": {"task": "access.reckon", "schedule": 20.0},
    # By a worker, which has an identity for where it is kept. Nothing where nothing is kept.
    "checkpoint": {"task": "access.checkpoint", "schedule": 60.0},
    "estate": {"task": "portal.sync_estate", "schedule": 60.0},
    "directory": {"task": "portal.sync_directory", "schedule": 300.0},
    "sessions": {"task": "portal.watch", "schedule": 2.0},
    "policies": {"task": "jit.keep", "schedule": 2.0},
    "reminders": {"task": "access.remind", "schedule": 5.0},
    "closing": {"task": "access.look_after", "schedule": 5.0},
    "logins": {"task": "links.remind", "schedule": 60.0},
    "visits": {"task": "links.forget", "schedule": 600.0},
    "forget": {"task": "access.forget", "schedule": 600.0},
    "browsers": {"task": "portal.forget_sessions", "schedule": 600.0},
}
# Of workers and beat, not of the web process. What is in an app's tasks.py is found without.
CELERY_IMPORTS = [
    "portal.sync",
    "portal.watch",
    "portal.directory.sync",
    "access.delivery.tasks",
    "portal.signin.tasks",
]
# Sweeps have a queue of their own, so that slow looks cannot keep anybody from noticing what is
# due; so have notices, so that a service that does not answer keeps nobody from access. A worker
# without -Q serves all.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("sweep"), Queue("notices")]
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {
    "access.sweep": {"queue": "sweep"},
    "portal.watch": {"queue": "sweep"},
    "access.deliver": {"queue": "notices"},
    "access.remind": {"queue": "notices"},
    "access.look_after": {"queue": "notices"},
    "access.forget": {"queue": "notices"},
    "links.remind": {"queue": "notices"},
    "links.forget": {"queue": "notices"},
    "portal.forget_sessions": {"queue": "notices"},
}
