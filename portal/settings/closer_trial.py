"""The second closer's in the trial: simulated Azure, on this machine."""

from portal.settings.closing import *  # noqa: F403
from portal.settings.reading import env
from portal.settings.simulated import PRINCIPALS

AZURE_SIMULATED = True
AZURE_SECOND_CLOSER_CLIENT_ID = PRINCIPALS[-1]
AZURE_ENDPOINT = env("AZURE_ENDPOINT", default="http://127.0.0.1:8790")
