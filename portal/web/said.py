"""What was said to a person and is shown on their next page: in a cookie, or in the session where
it is long. Django's, but for the cookie's name, which production gives the ``__Host-`` prefix."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class InCookie(CookieStorage):
    cookie_name = settings.MESSAGE_COOKIE_NAME


class Said(FallbackStorage):
    storage_classes = (InCookie, SessionStorage)
