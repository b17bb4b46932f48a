"""Resource ids, without the SDK: Azure writes the same id in several cases, so none is trusted."""


def key_of(resource_id: str) -> str:
    """For comparing, and for looking things up."""
    return resource_id.rstrip("/").lower()


def same(one: str, other: str) -> bool:
    return key_of(one) == key_of(other)


def name_of(resource_id: str) -> str:
    """The last word; empty for an empty id."""
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


def part(resource_id: str, word: str) -> str:
    """What follows ``word`` (``resourceGroups``, ``subnets`` …); empty where it does not occur."""
    words = resource_id.split("/")
    lowered = [each.lower() for each in words]
    if word.lower() not in lowered[:-1]:
        return ""
    return words[lowered.index(word.lower()) + 1]


def subscription_of(resource_id: str) -> str:
    return part(resource_id, "subscriptions")


def group_of(resource_id: str) -> str:
    return part(resource_id, "resourceGroups")


def network_of(subnet_id: str) -> str:
    """The id of the network that a subnet belongs to."""
    at = subnet_id.lower().rfind("/subnets/")
    return subnet_id[:at] if at >= 0 else ""
