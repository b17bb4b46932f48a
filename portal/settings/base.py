"""What every installation shares."""

from datetime import date
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF

from portal.settings.anchor import *  # noqa: F403
from portal.settings.api import *  # noqa: F403
from portal.settings.azure import *  # noqa: F403
from portal.settings.entra import *  # noqa: F403
from portal.settings.headers import of_static
from portal.settings.logs import written_as
from portal.settings.notices import *  # noqa: F403
from portal.settings.operations import *  # noqa: F403
from portal.settings.reading import ROOT, env
from portal.settings.tasks import *  # noqa: F403
from portal.settings.vendors import *  # noqa: F403

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
    "portal.logs.requests.RequestTrail",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.web.hosts.HostsApart",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.web.forgery.NoForgery",
    "django.middleware.csrf.CsrfViewMiddleware",
    "portal.signin.presence.Presence",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.web.middleware.PersonsZone",
    "portal.web.middleware.PrivateByDefault",
    "portal.web.marks.VisibleMarks",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.web.bodies.OfSomeSize",
    "portal.signin.middleware.RolesAreFresh",
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
            "builtins": [
                "portal.web.templatetags.words",
                "portal.web.templatetags.glass",
                "portal.web.templatetags.browsers",
                "links.templatetags.visits",
            ],
        },
    }
]
STATICFILES_DIRS = [ROOT / "static"]
STATIC_URL = "static/"
WHITENOISE_ADD_HEADERS_FUNCTION = of_static
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "access.Person"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # object_id is unique together with the tenant
AUTHENTICATION_BACKENDS = ["portal.signin.backend.VouchedFor"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
SESSION_ENGINE = "portal.signin.sessions"
ACCESS_SESSION_IDLE_SECONDS = env.int("ACCESS_SESSION_IDLE_SECONDS", default=1800)
ACCESS_SESSION_SECONDS = env.int("ACCESS_SESSION_SECONDS", default=8 * 3600)
# Of those who approve or administer.
ACCESS_SESSION_APPROVER_SECONDS = env.int("ACCESS_SESSION_APPROVER_SECONDS", default=4 * 3600)
SESSION_COOKIE_AGE = ACCESS_SESSION_SECONDS  # of the cookie only: the row decides
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
THEME_COOKIE_NAME = "theme"
MESSAGE_COOKIE_NAME = "messages"
MESSAGE_STORAGE = "portal.web.said.Said"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.web.problems.csrf_failure"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = True  # the vendors' pages and letters; the portal itself is English
LOCALE_PATHS = [ROOT / "links" / "locale"]

# How many proxies of ours stand in front and append to X-Forwarded-For. None: nobody is believed.
TRUSTED_PROXIES = 0
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 0  # no page takes a file
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

ACCESS_KINDS = [
    "jit.kind.PortWindow",
    "links.kind.ShareableLink",
    "jit.outside.kind.AddressWindow",
]
ACCESS_MAX_MINUTES = env.int("ACCESS_MAX_MINUTES", default=2880)
ACCESS_LAPSE_MINUTES = env.int("ACCESS_LAPSE_MINUTES", default=480)
ACCESS_MOST_WAITING_OF_PERSON = env.int("ACCESS_MOST_WAITING_OF_PERSON", default=20)
ACCESS_MOST_WAITING_FOR_MACHINE = env.int("ACCESS_MOST_WAITING_FOR_MACHINE", default=10)
# Days on which nobody is expected to review, such as 2026-12-25,2026-12-26.
ACCESS_HOLIDAYS = {date.fromisoformat(day) for day in env.list("ACCESS_HOLIDAYS", default=[])}
ACCESS_LEASE_SECONDS = env.float("ACCESS_LEASE_SECONDS", default=60.0)  # one look must end within
# How many doors of one gate are asked of Azure at a time. It takes 50 links and no more.
ACCESS_CHUNK = env.int("ACCESS_CHUNK", default=50)
ACCESS_LOOK_SECONDS = 0.3  # until the next look while something moves …
ACCESS_LOOK_GROWTH = 0.2  # … and this share more of the time that Azure has been at it
ACCESS_LOOK_AROUND_SECONDS = 5.0  # until the sweep asks again for what is less urgent than gates
ACCESS_FOLLOW_SECONDS = 3.0  # how long one wake-up follows a gate that moves
ACCESS_AUDIT_SECONDS = 60.0  # until the next look at doors that are simply open
ACCESS_WHOLE_SECONDS = 60.0  # until what is simply open is looked at, whatever else moves there
ACCESS_LISTS_APART = (3.0, 6.0)  # seconds, after deletions at a host; the second: calls are scarce
ACCESS_DRIFT_SECONDS = 180.0  # until a gate is asked again what is open there without a grant
ACCESS_DRIFT_AGAIN_SECONDS = 15.0  # until a removal that did not show is sent again
# Whether what belongs to nobody is removed at once. Otherwise an administrator orders it.
ACCESS_REMOVE_STRAYS = env.bool("ACCESS_REMOVE_STRAYS", default=False)
ACCESS_SESSIONS_SECONDS = 15.0  # until a host is asked again who is connected, when it matters …
ACCESS_SESSIONS_SLOW_SECONDS = 300.0  # … and when nobody has anything open and nobody looks
# Ended sessions are forgotten after so many days. Capacity looks 30 days back.
ACCESS_SESSIONS_KEEP_DAYS = env.float("ACCESS_SESSIONS_KEEP_DAYS", default=180.0)
ACCESS_CLOSER_SILENCE_SECONDS = 60.0  # without a closer for so long, nothing is opened
ACCESS_DEMO_SIGN_IN = False
DEMO_MAIL: Path | None = None  # a folder in which the demo keeps its mail, for a page of its own
ACCESS_CLIENT_ADDRESS = "portal.web.address.client_address"

# Keys that seal what is kept of other services, newest first; old ones still open what they sealed.
FIELD_KEYS = env("FIELD_KEYS", default="").replace(",", " ").split()
PORTAL_URL = env("PORTAL_URL", default="")  # https://access.example.com: where notices lead to

LOG_FORMAT = env("LOG_FORMAT", default="") or "line"
LOG_LEVEL = env("LOG_LEVEL", default="") or "INFO"
LOGGING: dict[str, Any] = written_as(LOG_FORMAT, LOG_LEVEL)
