"""Azure's resource ids, as text: ``/subscriptions/{s}/resourceGroups/{g}/providers/…``."""


def part(resource_id: str, word: str) -> str:
    """What follows ``word``, in the case given; empty if there is no such word."""
    words = resource_id.split("/")
    lowered = [each.lower() for each in words]
    if word.lower() not in lowered[:-1]:
        return ""
    return words[lowered.index(word.lower()) + 1]


def name_of(resource_id: str) -> str:
    return resource_id.rsplit("/", 1)[-1]


def owner_of(resource_id: str) -> str:
    """What the last two words belong to: the network of a subnet, the group of a rule."""
    return resource_id.rsplit("/", 2)[0]


def same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
