"""Where break-glass is offered: beside what cannot be waited for, to whom the policy names."""

from collections.abc import Iterable

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils import timezone

from access.models import AccessRequest, Machine, Person
from access.presenters.break_glass import instead_of, ways_among
from access.presenters.ways import Way

register = template.Library()


@register.simple_tag(takes_context=True)
def break_glass_into(context: Context, machine: Machine, ways: Iterable[Way]) -> str:
    """The address; empty for whom it does not exist."""
    person: Person = context["shell"]["person"]
    offered = ways_among(ways, person, machine, timezone.now())
    return f"{reverse('break-glass')}?machine={machine.pk}" if offered else ""


@register.simple_tag(takes_context=True)
def break_glass_instead(context: Context, asked: AccessRequest) -> str:
    """The address for one's own request that waits; empty where there is no such way."""
    person: Person = context["shell"]["person"]
    machine = instead_of(asked, person)
    if machine is None:
        return ""
    return f"{reverse('break-glass')}?machine={machine.pk}&instead={asked.reference}"
