"""Texts of others, as the database can hold them."""


def storable(text: str, longest: int) -> str:
    """PostgreSQL refuses NUL, halves of characters, and texts longer than their column; one
    account's name must stop nothing."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode().strip()[:longest]
