"""Telling people: rows in an outbox, written with the change and delivered after it."""

from access.notices.gathering import together
from access.notices.telling import tell, tell_endpoint, tell_outsider, tell_overseers

__all__ = ["tell", "tell_endpoint", "tell_outsider", "tell_overseers", "together"]
