"""What is remembered outside the database, and the second closer: docs/backup.md."""

from portal.settings.azure import AZURE_CLIENT_ID
from portal.settings.reading import env

# A folder, or https://account.blob.core.windows.net/container. Empty: nothing is remembered.
ACCESS_ANCHOR = env("ACCESS_ANCHOR", default="")
# What signs there, the newest first; old ones still vouch for what they signed.
ACCESS_ANCHOR_KEYS = env("ACCESS_ANCHOR_KEYS", default="").replace(",", " ").split()
ACCESS_ANCHOR_STORE = "portal.anchor.store"

# The identity of the second closer, in its own process; and with which a container is written.
AZURE_SECOND_CLOSER_CLIENT_ID = env("AZURE_SECOND_CLOSER_CLIENT_ID", default="")
AZURE_ANCHOR_CLIENT_ID = env(
    "AZURE_ANCHOR_CLIENT_ID", default=AZURE_SECOND_CLOSER_CLIENT_ID or AZURE_CLIENT_ID
)
CLOSER_EVERY_SECONDS = env.float("CLOSER_EVERY_SECONDS", default=15.0)
# So late must something be before the second closer takes it for forgotten.
CLOSER_OVERDUE_SECONDS = env.float("CLOSER_OVERDUE_SECONDS", default=180.0)
