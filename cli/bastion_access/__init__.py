"""``bastion-access``: the portal for people who live in a terminal. Uses its HTTP API only."""

__version__ = "1.0.0"
