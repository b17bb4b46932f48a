"""The vendors' pages and letters: docs/vendors.md."""

from portal.settings.reading import env

# https://visit.example.com: a host name of their own. Empty: under PORTAL_URL, beside the portal.
VENDOR_URL = env("VENDOR_URL", default="").rstrip("/")
VENDOR_BRAND = env("VENDOR_BRAND", default="") or "Bastion Access"  # who invites, by name
VENDOR_COLOUR = env("VENDOR_COLOUR", default="")  # of the bar, such as #0f2540
VENDOR_LOGO = env("VENDOR_LOGO", default="")  # an SVG or PNG file
VENDOR_HELP = env("VENDOR_HELP", default="")  # whom to call, as it is to be read: +49 30 123456
# Domains whose people have accounts here. Empty: those of everybody who has one.
VENDOR_INTERNAL_DOMAINS = env.list("VENDOR_INTERNAL_DOMAINS", default=[])
VENDOR_CHECK_DAYS = env.int("VENDOR_CHECK_DAYS", default=90)  # a check of a contact counts so long
VENDOR_TERMS_FILE = env("VENDOR_TERMS_FILE", default="")  # YAML; empty: those that are built in
VENDOR_COOKIE_NAME = "visit"
VENDOR_LANGUAGE_COOKIE_NAME = "visit-language"
VENDOR_IDLE_SECONDS = 30 * 60  # without a page being asked for, a browser needs a new code
VENDOR_SESSION_SECONDS = 8 * 3600  # and after so long in any case
VENDOR_EARLY_SECONDS = 15 * 60  # so long before the start a code can be asked for
VENDOR_CODE_SECONDS = 10 * 60
# Where Bastion's own page of a link is, in place of Azure: simulated, for the demo and tests.
VENDOR_BASTION_STAND_IN = ""

LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("ja", "日本語"),
]
