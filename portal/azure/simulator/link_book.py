"""All shareable links, found by host and machine without looking at those of other hosts."""

from collections.abc import Iterable, Iterator

from portal.azure.simulator.catalogue import Resource


class Links:
    """By host, then by machine, in the order in which they were made. Ids in lower case."""

    def __init__(self, links: Iterable[Resource] = ()) -> None:
        self._hosts: dict[str, dict[str, Resource]] = {}
        for link in links:
            self.append(link)

    def __iter__(self) -> Iterator[Resource]:
        return (link for its in self._hosts.values() for link in its.values())

    def append(self, link: Resource) -> None:
        self._hosts.setdefault(link["bastion"].lower(), {})[link["vm"].lower()] = link

    def remove(self, link: Resource) -> None:
        del self._hosts[link["bastion"].lower()][link["vm"].lower()]

    def of_host(self, host_id: str) -> list[Resource]:
        return list(self._hosts.get(host_id.lower(), {}).values())

    def find(self, host_id: str, vm_id: str) -> Resource | None:
        return self._hosts.get(host_id.lower(), {}).get(vm_id.lower())

    def forget_host(self, host_id: str) -> None:
        self._hosts.pop(host_id.lower(), None)
