"""Middleware decides nothing: it sets the person's time zone and keeps private pages private."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

Handler = Callable[[HttpRequest], HttpResponse]
# What pages never need, of what browsers know: an unknown name is complained of on each page.
UNUSED = (
    "accelerometer", "autoplay", "browsing-topics", "camera",
    "clipboard-read", "display-capture", "encrypted-media", "fullscreen", "gamepad", "geolocation",
    "gyroscope", "hid", "identity-credentials-get", "idle-detection", "local-fonts",
    "magnetometer", "microphone", "midi", "otp-credentials", "payment", "picture-in-picture",
    "publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial",
    "storage-access", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
PERMISSIONS = ", ".join([*(f"{feature}=()" for feature in UNUSED), "clipboard-write=(self)"])


class PersonsZone:
    """Pages show times in the person's own zone, and UTC beside it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = getattr(request, "user", None)
        zone = person.tz if person is not None and person.is_authenticated else None
        # For nobody, too: who shows themself later, by a token, must leave no zone behind.
        with timezone.override(zone):
            return self.get_response(request)


class PrivateByDefault:
    """No cache, shared or the browser's own, keeps what was not declared public."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store, private")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("X-Robots-Tag", "noindex, nofollow, noarchive")
        return response
