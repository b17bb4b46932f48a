"""One whole reading of the directory: who holds a role, and what is known of each account.

Facts about Microsoft Graph that this rests on, with sources in docs/sign-in.md:
- an app role that a group is given counts for its *direct* members, and tokens say the same; so
  nested groups are not followed there. The groups of ``ENTRA_GROUP_ROLES`` are ours, and tokens
  name those that somebody is in by way of another group; so there they are followed;
- members are listed without an OData cast: a cast needs the ``eventual`` index, which lags;
- properties that an identity may not read come back as null instead of an error.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from access.clock import db_now
from portal.directory.graph import Absent, Graph, Row, Unknown, guid
from portal.directory.guarding import is_step_up_guarded
from portal.directory.roles import KNOWN, roles_named
from portal.directory.texts import storable

PAGE = "999"
AT_ONCE = 15  # ids in one filter: the most that Graph takes
FACTS = "id,displayName,mail,userPrincipalName,accountEnabled,userType,employeeId"
USER = "#microsoft.graph.user"
Given = dict[str, set[str]]


@dataclass(frozen=True)
class Account:
    """One user. ``manager``: an object id, or empty. ``roles``: ours, from all assignments."""

    object_id: str
    name: str
    mail: str
    enabled: bool
    guest: bool
    employee: str
    manager: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Directory:
    """A complete answer. Who was asked for and has no account is not in the directory any more.
    ``programs``: the roles of those that were given any, by object id."""

    asked_at: datetime
    asked: frozenset[str]
    accounts: Mapping[str, Account]
    programs: Mapping[str, Collection[str]]
    step_up_guarded: bool | None = None
    remarks: tuple[str, ...] = field(default=())


def read_directory(graph: Graph, known: Collection[str]) -> Directory:
    """Everybody who holds a role, and the ``known`` (object ids) besides. Raises ``Unknown`` as
    soon as any part is missing: what is incomplete must not take anything from anybody."""
    asked_at = db_now()
    remarks: list[str] = []
    given, programs = _from_app_roles(graph)
    for object_id, roles in _from_groups(graph, remarks).items():
        given[object_id] |= roles
    asked = frozenset(given) | {guid(one) for one in known}
    accounts = {account.object_id: account for account in _accounts(graph, asked, given)}
    guarded = is_step_up_guarded(graph, remarks)
    return Directory(asked_at, asked, accounts, programs, guarded, tuple(remarks))


def _from_app_roles(graph: Graph) -> tuple[Given, Given]:
    """Of users, direct or by a group; and of programs, which are given theirs by themselves."""
    ours = f"/servicePrincipals(appId='{guid(settings.ENTRA_CLIENT_ID)}')"
    principal = graph.one(ours, **{"$select": "id,appRoles"})
    values = {
        str(role.get("id")): role.get("value")
        for role in _app_roles(principal)
        if role.get("isEnabled", True)
    }
    found: Given = defaultdict(set)
    programs: Given = defaultdict(set)
    members: dict[str, list[str]] = {}
    for row in graph.rows(f"{ours}/appRoleAssignedTo", **{"$top": PAGE}):
        roles = roles_named([values.get(str(row.get("appRoleId")))])
        of_program = row.get("principalType") == "ServicePrincipal"
        for object_id in _who(graph, row, members) if roles else ():
            (programs if of_program else found)[object_id] |= roles
    return found, programs


def _app_roles(principal: Row) -> list[Row]:
    """Null is what Graph writes for what may not be read, and no roles at all would be taken from
    everybody."""
    listed = principal.get("appRoles")
    if not isinstance(listed, list) or not all(isinstance(role, dict) for role in listed):
        raise Unknown("Microsoft Graph does not say which app roles the application has.")
    return listed


def _who(graph: Graph, row: Row, members: dict[str, list[str]]) -> list[str]:
    kind, principal = row.get("principalType"), guid(row.get("principalId"))
    if kind in ("User", "ServicePrincipal"):
        return [principal]
    if kind != "Group":
        return []
    if principal not in members:
        members[principal] = list(_members(graph, principal, "members"))
    return members[principal]


def _from_groups(graph: Graph, remarks: list[str]) -> Given:
    found: Given = defaultdict(set)
    for group, role in sorted(settings.ENTRA_GROUP_ROLES.items()):
        try:
            inside = list(_members(graph, guid(group), "transitiveMembers"))
        except Absent:
            remarks.append(f"ENTRA_GROUP_ROLES names {group}, which is not in the directory.")
            continue
        for object_id in inside:
            found[object_id] |= KNOWN & {role}
    return found


def _members(graph: Graph, group: str, which: str) -> Iterator[str]:
    """Object ids of the users among them. An assigned group that is gone has nobody in it."""
    rows = graph.rows(f"/groups/{group}/{which}", **{"$select": "id", "$top": PAGE})
    for row in rows:
        kind = row.get("@odata.type")
        if not kind:
            raise Unknown("Microsoft Graph named a member of a group without saying what it is.")
        if kind == USER:
            yield guid(row.get("id"))


def _accounts(graph: Graph, asked: frozenset[str], given: Given) -> Iterator[Account]:
    wanted = sorted(asked)
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        ids = ",".join(f"'{each}'" for each in some)
        query = {"$filter": f"id in ({ids})", "$select": FACTS, "$expand": "manager($select=id)"}
        for row in graph.rows("/users", **query):
            account = _account(row, given)
            if account.object_id not in some:
                raise Unknown("Microsoft Graph told of a user who was not asked about.")
            yield account


def _account(row: Row, given: Given) -> Account:
    object_id, enabled = guid(row.get("id")), row.get("accountEnabled")
    if not isinstance(enabled, bool):
        raise Unknown("The directory's identity may not read users: it lacks User.Read.All.")
    return Account(
        object_id=object_id,
        name=_text(row, "displayName", 200) or _text(row, "userPrincipalName", 200) or object_id,
        mail=_text(row, "mail", 254) or _text(row, "userPrincipalName", 254),
        enabled=enabled,
        guest=_is_guest(row),
        employee=_text(row, "employeeId", 50),
        manager=guid(row["manager"].get("id")) if row.get("manager") else "",
        roles=frozenset(given.get(object_id, ())),
    )


def _is_guest(row: Row) -> bool:
    """Of another organisation, also where its people were made members of ours: their names for
    signing in say so. As at sign-in, which goes by who vouched for them."""
    return row.get("userType") == "Guest" or "#EXT#" in str(row.get("userPrincipalName") or "")


def _text(row: Row, name: str, longest: int) -> str:
    return storable(str(row.get(name) or ""), longest)
