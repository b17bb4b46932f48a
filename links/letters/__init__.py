"""Letters to people of vendors, in their language and their time."""

from links.letters.failing import undelivered
from links.letters.occasion import Draft
from links.letters.rendering import Letter, preview
from links.letters.writing import letter_for

__all__ = ["Draft", "Letter", "letter_for", "preview", "undelivered"]
