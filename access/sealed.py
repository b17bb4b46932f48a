"""Secrets of other services, encrypted at rest. A copy of the database alone opens none of them."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """None of the keys opens it: FIELD_KEYS lost the one that it was sealed with."""


def seal(text: str) -> str:
    """With the newest key."""
    return _keys().encrypt(text.encode()).decode()


def unseal(token: str) -> str:
    """Raises ``Unreadable``. Read it where it is used, and keep it nowhere."""
    try:
        return _keys().decrypt(token).decode()
    except InvalidToken as error:
        raise Unreadable("It was sealed with a key that FIELD_KEYS no longer holds.") from error


def reseal(token: str) -> str:
    """The same, sealed with the newest key. Raises ``Unreadable``."""
    try:
        return _keys().rotate(token).decode()
    except InvalidToken as error:
        raise Unreadable("It was sealed with a key that FIELD_KEYS no longer holds.") from error


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
