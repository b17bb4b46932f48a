"""From ``when:`` as it was written to conditions."""

from collections.abc import Callable, Collection
from functools import cache
from zoneinfo import available_timezones

from access.rules.conditions import Condition, Length, Ports, Production, Tags, Texts, Time, When
from access.rules.problems import At, nearest
from access.rules.timing import DAYS, MIDNIGHT, Hours, day_range, minutes_of

ROLES = ("engineer", "approver", "admin", "auditor")
SYSTEMS = ("linux", "windows")
KEYS = (
    "subscription", "resource_group", "machine", "tags", "production", "region", "os", "kind",
    "port", "minutes", "requester", "role", "owner", "vendor_domain", "time",
)  # fmt: skip
HIGHEST_PORT = 65535
LONGEST_MINUTES = 44_640  # 31 days


def read_when(at: At, groups: Collection[str]) -> When:
    """In the order of ``KEYS``, whatever the order in the document."""
    fields = at.fields(KEYS)
    return {key: _condition(key, fields[key], groups) for key in KEYS if key in fields}


def _condition(key: str, at: At, groups: Collection[str]) -> Condition:
    special: dict[str, Callable[[At], Condition]] = {
        "tags": _tags,
        "production": lambda at: Production(at.flag()),
        "port": _ports,
        "minutes": _length,
        "time": _time,
        "os": lambda at: Texts("os", _unique([each.one_of(SYSTEMS) for each in at.each()])),
        "role": lambda at: Texts("role", _unique([each.one_of(ROLES) for each in at.each()])),
        "requester": lambda at: Texts("requester", read_group_names(at, groups)),
    }
    if key in special:
        return special[key](at)
    return Texts(key, _unique([each.text() for each in at.each()]))


def read_group_names(at: At, groups: Collection[str]) -> tuple[str, ...]:
    return _unique([read_group(each, groups) for each in at.each()])


def read_group(at: At, groups: Collection[str]) -> str:
    """The group's name as it stands under ``groups``."""
    name = at.text()
    known = {each.casefold(): each for each in groups}
    if name and name.casefold() not in known:
        at.wrong(f"no group is called {name}; add it under groups.{nearest(name, groups)}")
    return known.get(name.casefold(), name)


def _tags(at: At) -> Tags:
    entries = at.entries("must be a mapping of tag names to values, such as {environment: dev}.")
    if not entries and at.value == {}:
        at.wrong("must name at least one tag.")
    rows = sorted(entries.items(), key=lambda row: row[0].casefold())
    folded = [key.casefold() for key in entries]
    if len(set(folded)) < len(folded):
        at.wrong("names a tag twice; Azure's tag names have no case.")
    return Tags(tuple((key, _unique([e.text() for e in each.each()])) for key, each in rows))


def _ports(at: At) -> Ports:
    return Ports(tuple(sorted({_port(each) for each in at.each()})))


def _port(at: At) -> tuple[int, int]:
    if isinstance(at.value, str):
        low, _, high = at.value.partition("-")
        if low.strip().isdecimal() and high.strip().isdecimal() and len(at.value) < 16:  # noqa: PLR2004
            first, last = int(low), int(high)
            if 1 <= first <= last <= HIGHEST_PORT:
                return first, last
        at.wrong('must be a port such as 22, or ports such as "8000-8099".')
        return 1, 1
    number = at.number(1, HIGHEST_PORT)
    return number, number


def _length(at: At) -> Length:
    fields = at.fields(("at_least", "at_most"))
    low, high = (
        fields[key].number(1, LONGEST_MINUTES) if key in fields else None
        for key in ("at_least", "at_most")
    )
    if low is not None and high is not None and low > high:
        at.wrong("at_least is more than at_most, so nothing could match.")
    if at.value == {}:
        at.wrong("must say at_least, at_most or both.")
    return Length(low, high)


def _time(at: At) -> Time:
    fields = at.fields(("days", "from", "to", "zone", "covering"))
    days = _days(fields["days"]) if "days" in fields else tuple(range(7))
    first = _clock(fields["from"]) if "from" in fields else 0
    last = _clock(fields["to"]) if "to" in fields else MIDNIGHT
    if first % MIDNIGHT == last:
        at.wrong("from and to are the same; leave both out for the whole day.")
    if not {"days", "from", "to"} & fields.keys():
        at.wrong("must say days, from or to.")
    covering = fields["covering"].one_of(("start", "all", "any")) if "covering" in fields else ""
    return Time(
        Hours(days, first % MIDNIGHT, last or MIDNIGHT, _zone(at, fields)), covering or "start"
    )


def _zone(at: At, fields: dict[str, At]) -> str:
    if "zone" not in fields:
        at.wrong("needs a zone, such as Europe/Zurich or UTC.")
        return "UTC"
    zone = fields["zone"].text()
    if zone and zone not in _zones():
        fields["zone"].wrong(
            f"{zone} is no IANA time zone, such as Europe/Zurich.{nearest(zone, _zones())}"
        )
        return "UTC"
    return zone or "UTC"


def _days(at: At) -> tuple[int, ...]:
    found: set[int] = set()
    for each in at.each():
        days = day_range(each.text())
        if days is None:
            each.wrong(f"must be a day ({', '.join(DAYS)}) or days such as mon-fri.")
        found.update(days or ())
    return tuple(sorted(found))


def _clock(at: At) -> int:
    minutes = minutes_of(at.value) if isinstance(at.value, str) else None
    if minutes is None:
        at.wrong('must be a time of day such as "08:00", in 24 hours.')
    return minutes or 0


def _unique(texts: list[str]) -> tuple[str, ...]:
    """In order of the alphabet: which of them stood first means nothing."""
    return tuple(sorted({text for text in texts if text}))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
