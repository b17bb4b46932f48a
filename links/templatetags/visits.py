"""The vendor's visit on the request's page, and what waits for a sponsor at home."""

from django import template
from django.template.context import Context
from django.utils import timezone

from access.models import Person
from access.presenters.requests import RequestPage
from links.sponsoring.presenters.visit_panel import VisitPanel, panel_for
from links.sponsoring.presenters.waiting import Waiting, waiting_for

register = template.Library()


@register.simple_tag(takes_context=True)
def visit_of(context: Context, page: RequestPage) -> VisitPanel | None:
    person: Person = context["shell"]["person"]
    grants = [line.grant for line in page.lines]
    return panel_for(page.access_request, grants, person, timezone.now(), context["lines"])


@register.simple_tag(takes_context=True)
def visits_that_wait(context: Context) -> list[Waiting]:
    """For who sponsors vendors; one query."""
    return waiting_for(context["shell"]["person"], timezone.now())
