"""The trial's, with endpoints on this machine: for a walk whose webhook is told."""

from portal.settings import trial

globals().update({name: value for name, value in vars(trial).items() if name.isupper()})
NOTICES_ALLOW_LOOPBACK = True
