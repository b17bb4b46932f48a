"""What the portal's identities may do in Azure, asked by each of them, held against ``roles``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from access.errors import Later, Never
from portal.azure import door as azure
from portal.azure.listing import rows_of
from portal.azure.patterns import Permission
from portal.azure.roles import OPTIONAL, Action, Excess, Identity, excess, missing


@dataclass(frozen=True)
class Verdict:
    """On one principal in one subscription. ``identities`` are all that it serves as."""

    identities: tuple[Identity, ...]
    client_id: str
    subscription_id: str
    missing: list[Action] = field(default_factory=list)
    excess: list[Excess] = field(default_factory=list)
    problem: str = ""  # why nothing is known

    @property
    def is_good(self) -> bool:
        return not (self.missing or self.excess or self.problem)


def verify(
    subscriptions: Iterable[str], identities: Sequence[Identity] = tuple(Identity)
) -> list[Verdict]:
    """Every principal in every subscription; what cannot be read is told and stops nothing."""
    subscriptions = list(subscriptions)
    return [
        _verdict(served, client_id, subscription)
        for client_id, served in principals(identities).items()
        for subscription in subscriptions
    ]


def principals(identities: Sequence[Identity] = tuple(Identity)) -> dict[str, tuple[Identity, ...]]:
    """By client id, for one may serve as several. An optional one only where it is named, or the
    only one that is asked about."""
    found: dict[str, tuple[Identity, ...]] = {}
    for identity in identities:
        client_id = azure.client_id(identity)
        if not client_id and identity in OPTIONAL and len(identities) > 1:
            continue
        found[client_id] = (*found.get(client_id, ()), identity)
    return found


def read_permissions(identity: Identity, subscription_id: str) -> list[Permission]:
    """One for each role that reaches the whole subscription; what was given on a group or a
    resource alone is not among them. Raises ``Later`` or ``Never``."""
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/permissions"
    return [
        Permission(
            actions=tuple(row.get("actions") or ()),
            not_actions=tuple(row.get("notActions") or ()),
            data_actions=tuple(row.get("dataActions") or ()),
            not_data_actions=tuple(row.get("notDataActions") or ()),
        )
        for row in rows_of(path, "2022-04-01", identity)
    ]


def _verdict(identities: tuple[Identity, ...], client_id: str, subscription: str) -> Verdict:
    try:
        held = read_permissions(identities[0], subscription)
    except (Later, Never) as setback:
        return Verdict(identities, client_id, subscription, problem=str(setback))
    return Verdict(
        identities,
        client_id,
        subscription,
        missing=missing(identities, held),
        excess=excess(identities, held),
    )
