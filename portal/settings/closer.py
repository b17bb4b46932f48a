"""The second closer's in production: see ``closing``."""

from django.core.exceptions import ImproperlyConfigured

from portal.settings.closing import *  # noqa: F403
from portal.settings.closing import ACCESS_ANCHOR, ACCESS_ANCHOR_KEYS, AZURE_ENDPOINT
from portal.settings.servers import refuse_weak_anchor_keys

if not AZURE_ENDPOINT.startswith("https://"):
    raise ImproperlyConfigured("AZURE_ENDPOINT must be https in production.")
ACCESS_ANCHOR_KEYS = refuse_weak_anchor_keys(ACCESS_ANCHOR, ACCESS_ANCHOR_KEYS)
