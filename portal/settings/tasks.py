"""Celery: wake-ups of workers. The database alone knows what is due."""

from typing import Any

from kombu import Queue

EXPIRES = 60  # by the clocks of two machines, which need not agree: never a matter of seconds
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
    "sweep": {"task": "access.sweep", "schedule": 1.0, "options": {"expires": EXPIRES}},
    "reckon": {"task": "access.reckon", "schedule": 20.0, "options": {"expires": EXPIRES}},
    # By a worker, which has an identity for where it is kept. Nothing where nothing is kept.
    "checkpoint": {
        "task": "access.checkpoint",
        "schedule": 60.0,
        "options": {"expires": EXPIRES},
    },
    "estate": {"task": "portal.sync_estate", "schedule": 60.0, "options": {"expires": EXPIRES}},
    "directory": {
        "task": "portal.sync_directory",
        "schedule": 300.0,
        "options": {"expires": EXPIRES},
    },
    "sessions": {"task": "portal.watch", "schedule": 2.0, "options": {"expires": EXPIRES}},
    "policies": {"task": "jit.keep", "schedule": 2.0, "options": {"expires": EXPIRES}},
    "reminders": {"task": "access.remind", "schedule": 5.0, "options": {"expires": EXPIRES}},
    "closing": {"task": "access.look_after", "schedule": 5.0, "options": {"expires": EXPIRES}},
    "logins": {"task": "links.remind", "schedule": 60.0, "options": {"expires": EXPIRES}},
    "visits": {"task": "links.forget", "schedule": 600.0, "options": {"expires": EXPIRES}},
    "forget": {"task": "access.forget", "schedule": 600.0, "options": {"expires": EXPIRES}},
    "browsers": {
        "task": "portal.forget_sessions",
        "schedule": 600.0,
        "options": {"expires": EXPIRES},
    },
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
