"""Mail and notices: docs/notices.md."""

from portal.settings.reading import env

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
# Who writes letters to people without an account, by the first part of the event.
NOTICES_LETTERS = {"visit": "links.letters"}
NOTICES_LEASE_SECONDS = 60.0  # one attempt must end within
NOTICES_PAUSE_SECONDS = (
    15.0  # after the first attempt in vain; each further one waits twice as long
)
