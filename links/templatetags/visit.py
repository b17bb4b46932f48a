"""Moments as a vendor reads them: in their language and zone, UTC beside."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from links import moments

register = template.Library()


@register.simple_tag
def moment(at: datetime | None) -> SafeString:
    if at is None:
        return SafeString("")
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), moments.at(at))
