"""Whole numbers as they come from an address or a form, whatever somebody sends."""

LONGEST = 30  # digits; Python refuses to read numbers of thousands of them


def number_in(text: str) -> int | None:
    """``None`` for what is none, signs and foreign digits included."""
    plain = text.isascii() and text.isdecimal() and len(text) <= LONGEST
    return int(text) if plain else None
