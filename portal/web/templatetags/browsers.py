"""How people are signed in, in browsers and by tokens, where the core's pages list them."""

from collections.abc import Iterable, Mapping

from django import template
from django.utils import timezone

from access.models import Person
from access.presenters.people import PersonLine
from access.services.tokens import live_counts
from portal.signin.browsing import signed_in_counts
from portal.signin.devices import words_of

register = template.Library()


@register.simple_tag
def browsers_of_all(lines: Iterable[PersonLine]) -> dict[int, int]:
    """One query for however many people."""
    return signed_in_counts((line.person for line in lines), timezone.now())


@register.simple_tag
def tokens_of_all(lines: Iterable[PersonLine]) -> dict[int, int]:
    """One query, too."""
    return live_counts((line.person for line in lines), timezone.now())


@register.filter
def number_of(counts: Mapping[int, int], person: Person) -> int:
    return counts.get(person.pk, 0)


@register.filter
def browser_words(agent: str) -> str:
    """Of what a browser says of itself: ``Firefox on Windows``."""
    return words_of(agent)
