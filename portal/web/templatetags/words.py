"""Times, durations, status tags and icons, the same on every page."""

from datetime import UTC, datetime, timedelta

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from access.presenters import moments
from access.presenters.statuses import Status

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon beside a text that says the same; screen readers skip it."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def status_tag(status: Status) -> SafeString:
    return format_html(
        '<span class="tag {}">{}{}</span>', status.tone, icon(status.icon), status.text
    )


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """The reader's time, and UTC beside it where that differs."""
    if moment is None:
        return SafeString("")
    local = _time(moment, moments.day_and_clock(moment))
    if moments.reads_utc(moment):
        return local
    return format_html('{} <span class="utc">{}</span>', local, moments.in_utc(moment, beside=True))


@register.simple_tag
def when_exactly(moment: datetime) -> SafeString:
    """To the second, as auditors need it."""
    local = _time(moment, f"{moments.day(moment)}, {moments.clock(moment, seconds=True)}")
    if moments.reads_utc(moment):
        return local
    utc = moment.astimezone(UTC)
    return format_html('{} <span class="utc">{}</span>', local, f"{utc:%H:%M:%S} UTC")


@register.simple_tag
def when_short(moment: datetime | None, now: datetime) -> SafeString:
    """For dense lines: the day only where it is another; UTC shows on focus or pointing."""
    if moment is None:
        return SafeString("")
    if moments.reads_utc(moment):
        return _time(moment, moments.near(moment, now))
    return format_html(
        '<time datetime="{}" title="{}" data-utc="{}" tabindex="0">{}</time>',
        moment.isoformat(),
        moments.in_utc(moment),
        moments.in_utc(moment),
        moments.near(moment, now),
    )


@register.simple_tag
def countdown(moment: datetime) -> SafeString:
    """Filled by the script; without it the time of the end beside it is all there is to know."""
    return format_html('<span class="countdown" data-ends="{}" hidden></span>', moment.isoformat())


@register.simple_tag
def clock_exactly(moment: datetime) -> SafeString:
    """The time of day to the second, for what is seconds away."""
    return _time(moment, moments.clock(moment, seconds=True))


@register.simple_tag
def ago(moment: datetime, now: datetime) -> SafeString:
    """How long since, as it was when the page was made; the script counts on."""
    text = f"{moments.span(now - moment)} ago"
    return format_html('<span class="ago" data-since="{}">{}</span>', moment.isoformat(), text)


@register.filter
def shell_words(text: str) -> SafeString:
    """A command that breaks between its options and inside long values, never inside a flag."""
    return format_html_join(" ", "{}", ((_unbroken(word),) for word in text.split(" ")))


@register.filter
def duration(minutes: int) -> str:
    return moments.duration(minutes)


@register.filter
def lateness(length: timedelta) -> str:
    """``0.8 s`` under a minute, where tenths are told apart; else as other lengths are."""
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < moments.MINUTES_PER_HOUR else moments.span(length)


@register.filter
def iso(moment: datetime) -> str:
    return moment.isoformat()


@register.filter
def zone_of(moment: datetime) -> str:
    return moments.zone_name(moment)


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField, label: str, **more: str) -> dict[str, object]:
    """A labelled input with its hint and error. ``more``: hint, type, rows, list, autocomplete."""
    return {"field": bound, "label": label, **more}


def _unbroken(word: str) -> str | SafeString:
    flag = word.startswith("-")
    return format_html('<span class="nowrap">{}</span>', word) if flag else word


def _time(moment: datetime, words: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        moments.in_utc(moment),
        words,
    )
