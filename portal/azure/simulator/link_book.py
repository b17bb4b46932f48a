"""All shareable links, found by host and machine without looking at those of other hosts."""

from collections.abc import Iterable, Iterator

from portal.azure.simulator.catalogue import Resource


class Links:
    """By host, then by machine, in the order in which they were made. Ids in lower case."""

    def __init__(self, links: Iterable[Resource] = ()) -> None:
        self._hosts: dict[str, dict[str, Resource]] = {}
        self._gone: list[tuple[str, Resource]] = []  # when, and what: for lists that lag behind
        for link in links:
            self.append(link)

    def __iter__(self) -> Iterator[Resource]:
        return (link for its in self._hosts.values() for link in its.values())

    def append(self, link: Resource) -> None:
        self._hosts.setdefault(link["bastion"].lower(), {})[link["vm"].lower()] = link

    def remove(self, link: Resource, at: str, *, listed_until: str) -> None:
        del self._hosts[link["bastion"].lower()][link["vm"].lower()]
        self._gone = [row for row in self._gone if row[0] > at]
        if listed_until > at:
            self._gone.append((listed_until, link))

    def of_host(self, host_id: str) -> list[Resource]:
        return list(self._hosts.get(host_id.lower(), {}).values())

    def listed(self, host_id: str, now: str, made_before: str) -> list[Resource]:
        """As a list shows them that lags behind: what is gone still, and what is new not yet. Of
        two that a machine had in turn, the former."""
        still = {
            link["vm"].lower(): link
            for until, link in reversed(self._gone)
            if until > now
            and link["bastion"].lower() == host_id.lower()
            and link["created_at"] <= made_before
        }
        shown = [link for link in self.of_host(host_id) if link["created_at"] <= made_before]
        return [*still.values(), *(link for link in shown if link["vm"].lower() not in still)]

    def find(self, host_id: str, vm_id: str) -> Resource | None:
        return self._hosts.get(host_id.lower(), {}).get(vm_id.lower())

    def forget_host(self, host_id: str) -> None:
        self._hosts.pop(host_id.lower(), None)
