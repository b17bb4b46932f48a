"""Which call of Azure it was, for a line or a span: never whose."""

from urllib.parse import urlsplit


def call_of(method: str, address: str) -> str:
    """``POST bastionHosts/createShareableLinks``: the types and the action in a resource's path,
    and none of the names, which are a customer's own. The ledger has the path."""
    path = urlsplit(address).path
    if "/providers/" in path:
        namespace, *rest = path.rpartition("/providers/")[2].split("/")
        return f"{method} {'/'.join(rest[::2]) or namespace}"
    return f"{method} {'/'.join(path.strip('/').split('/')[::2])}"
