"""What every installation shares."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from kombu import Queue

from portal.capacity.prices import parse as parse_prices

ROOT = Path(__file__).resolve().parents[2]
env = environ.FileAwareEnv()  # NAME_FILE reads NAME from a file, for mounted secrets
# A compose file passes what is not set as empty text, and azure-identity takes that for a secret.
for name in [key for key, value in os.environ.items() if key.startswith("AZURE_") and not value]:
    del os.environ[name]

INSTALLED_APPS = [
    "portal",
    "access",
    "jit",
    "links",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.web.forgery.NoForgery",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.web.middleware.PersonsZone",
    "portal.web.middleware.PrivateByDefault",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "portal.web.context.shell",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader"],
                )
            ],
            "builtins": ["portal.web.templatetags.words", "portal.web.templatetags.glass"],
        },
    }
]
STATICFILES_DIRS = [ROOT / "static"]
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "access.Person"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # object_id is unique together with the tenant
AUTHENTICATION_BACKENDS = ["portal.signin.backend.VouchedFor"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.web.problems.csrf_failure"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = True

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "access.api.pages.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "600/min"},
    "EXCEPTION_HANDLER": "access.api.problems.problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Bastion Access",
    "DESCRIPTION": "Time-boxed access to Azure VMs through Azure Bastion.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "RequestStateEnum": "access.states.RequestState",
        "GrantStateEnum": "access.states.GrantState",
        "PolicyStateEnum": "access.models.PolicyState",
        "CommentKindEnum": "access.models.CommentKind",
    },
}

EXPIRES = 60  # by the clocks of two machines, which need not agree: never a matter of seconds
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "sweep": {"task": "access.sweep", "schedule": 1.0, "options": {"expires": EXPIRES}},
    "reckon": {"task": "access.reckon", "schedule": 20.0, "options": {"expires": EXPIRES}},
    "estate": {"task": "portal.sync_estate", "schedule": 60.0, "options": {"expires": EXPIRES}},
    "sessions": {"task": "portal.watch", "schedule": 2.0, "options": {"expires": EXPIRES}},
    "policies": {"task": "jit.keep", "schedule": 2.0, "options": {"expires": EXPIRES}},
    "reminders": {"task": "access.remind", "schedule": 5.0, "options": {"expires": EXPIRES}},
    "forget": {"task": "access.forget", "schedule": 600.0, "options": {"expires": EXPIRES}},
}
# Of workers: they weigh as much as Azure's SDKs. What is in an app's tasks.py is found without.
CELERY_IMPORTS = ["portal.sync", "portal.watch", "access.delivery.tasks"]
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
    "access.forget": {"queue": "notices"},
}

ACCESS_KINDS = [
    "jit.kind.PortWindow",
    "links.kind.ShareableLink",
    "jit.outside.kind.AddressWindow",
]
ACCESS_MAX_MINUTES = env.int("ACCESS_MAX_MINUTES", default=2880)
ACCESS_LAPSE_MINUTES = env.int("ACCESS_LAPSE_MINUTES", default=480)
# Days on which nobody is expected to review, such as 2026-12-25,2026-12-26.
ACCESS_HOLIDAYS = {date.fromisoformat(day) for day in env.list("ACCESS_HOLIDAYS", default=[])}
ACCESS_LEASE_SECONDS = env.float("ACCESS_LEASE_SECONDS", default=60.0)  # one look must end within
ACCESS_LOOK_SECONDS = 0.3  # until the next look while something moves …
ACCESS_LOOK_GROWTH = 0.2  # … and this share more of the time that Azure has been at it
ACCESS_FOLLOW_SECONDS = 3.0  # how long one wake-up follows a gate that moves
ACCESS_AUDIT_SECONDS = 60.0  # until the next look at doors that are simply open
ACCESS_DRIFT_SECONDS = 180.0  # until a gate is asked again what is open there without a grant
ACCESS_DRIFT_AGAIN_SECONDS = 15.0  # until a removal that did not show is sent again
# Whether what belongs to nobody is removed at once. Otherwise an administrator orders it.
ACCESS_REMOVE_STRAYS = env.bool("ACCESS_REMOVE_STRAYS", default=False)
ACCESS_SESSIONS_SECONDS = 15.0  # until a host is asked again who is connected, when it matters …
ACCESS_SESSIONS_SLOW_SECONDS = 300.0  # … and when nobody has anything open and nobody looks
ACCESS_CLOSER_SILENCE_SECONDS = 60.0  # without a closer for so long, nothing is opened
ACCESS_WAKE_EXPIRES_SECONDS = float(EXPIRES)
ACCESS_DEMO_SIGN_IN = False

# Keys that seal what is kept of other services, newest first; old ones still open what they sealed.
FIELD_KEYS = env("FIELD_KEYS", default="").replace(",", " ").split()
PORTAL_URL = env("PORTAL_URL", default="")  # https://access.example.com: where notices lead to

# Mail. Without a host nothing is sent by mail, and each notice says so.
EMAIL_HOST = env("EMAIL_HOST", default="")
EMAIL_PORT = env.int("EMAIL_PORT", default=587)
EMAIL_HOST_USER = env("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)  # TLS from the first byte, port 465
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=not EMAIL_USE_SSL)  # STARTTLS, port 587
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("EMAIL_FROM", default="Bastion Access <bastion-access@localhost>")

# Addresses that are told of what concerns security, whatever administrators set.
NOTICES_SECURITY_CONTACT = env.list("NOTICES_SECURITY_CONTACT", default=[])
# Hosts that endpoints may have, such as hooks.slack.com,*.logic.azure.com; empty: any public one.
NOTICES_HOSTS = env.list("NOTICES_HOSTS", default=[])
NOTICES_PROXY = env("NOTICES_PROXY", default="")  # http://proxy:3128, if endpoints need one
NOTICES_CA_FILE = env("NOTICES_CA_FILE", default="")  # further certificate authorities, PEM
NOTICES_ALLOW_LOOPBACK = False  # plain http to this machine itself: for the demo and tests
NOTICES_KEEP_DAYS = env.float("NOTICES_KEEP_DAYS", default=90.0)  # the ledger keeps what was done
NOTICES_GIVE_UP_HOURS = env.float("NOTICES_GIVE_UP_HOURS", default=72.0)
NOTICES_LEASE_SECONDS = 60.0  # one attempt must end within
NOTICES_PAUSE_SECONDS = (
    15.0  # after the first attempt in vain; each further one waits twice as long
)

AZURE_ENDPOINT = env("AZURE_ENDPOINT", default="https://management.azure.com")
AZURE_SUBSCRIPTIONS = env.list("AZURE_SUBSCRIPTIONS", default=[])
AZURE_CLIENT_ID = env("AZURE_CLIENT_ID", default="")  # of a user-assigned managed identity
# One identity may serve as all three; what each needs stands in portal/azure/roles.py.
AZURE_READER_CLIENT_ID = env("AZURE_READER_CLIENT_ID", default=AZURE_CLIENT_ID)
AZURE_OPENER_CLIENT_ID = env("AZURE_OPENER_CLIENT_ID", default=AZURE_CLIENT_ID)
AZURE_CLOSER_CLIENT_ID = env("AZURE_CLOSER_CLIENT_ID", default=AZURE_CLIENT_ID)
# The one that may change JIT policies. Without it nobody may, whoever else is named.
AZURE_KEEPER_CLIENT_ID = env("AZURE_KEEPER_CLIENT_ID", default="")
AZURE_ALLOW_CLI_SIGN_IN = env.bool("AZURE_ALLOW_CLI_SIGN_IN", default=False)
AZURE_SIMULATED = False
ESTATE_SECONDS = 900.0  # between two complete readings of the estate
AZURE_TIMEOUT_SECONDS = 10.0  # for one answer of Azure
AZURE_SIMULATED_HOSTS = env.list("AZURE_SIMULATED_HOSTS", default=[])  # a compose service's name
AZURE_POLL_SECONDS = 1.0
AZURE_WAIT_SECONDS = 30.0  # for the list of sessions, the one operation that is waited for

BASTION_PRICES = parse_prices(env("BASTION_PRICES", default=""))  # None: costs are not shown
# A machine whose name or tags match is taken for a jump box: any case, anywhere in the name.
BASTION_JUMP_BOXES = (
    env("BASTION_JUMP_BOXES", default="") or r"jump|bastion|(^|[^a-z])hop([^a-z]|$)"
)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.logs.OneLine"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["out"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "azure": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "waitress": {"level": "WARNING"},
    },
}
