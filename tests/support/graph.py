"""Microsoft Graph as the portal uses it, over HTTP on this machine: pages, permissions, faults.

Like the real one it answers from what it was told, gives a role that a group holds to nobody by
itself, counts only direct members for app roles, and refuses what the caller has no permission
for. ``say`` makes one kind of question go wrong.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

TENANT = "7a2d1c60-0000-4000-8000-00000000f00d"
CLIENT = "7a2d1c60-0000-4000-8000-00000000c11e"
DIRECTORY = "portal-directory"  # the worker's identity, by its client id
ROLE_IDS = {
    name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    for name in ("Engineer", "Approver", "Auditor", "Admin", "Elsewhere")
}
ALL = frozenset(
    {"User.Read.All", "GroupMember.Read.All", "Application.Read.All", "Policy.Read.All"}
)
MOST_IDS, MOST_GROUPS = 15, 20


def oid(name: str) -> str:
    """The object id of what is called so here."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://directory.test/{name}"))


@dataclass
class Fault:
    """What is answered instead, ``times`` times (-1: always), to paths that contain ``where``."""

    where: str
    status: int = 200
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: bool = False  # the connection is closed without an answer
    after: int = 0  # so many fitting questions are answered properly first
    times: int = -1


class FakeGraph:
    """``users``: by object id, as Graph's JSON. ``groups``: members' ids. ``assigned``: rows."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {}
        self.assigned: list[dict[str, Any]] = []
        self.policies: list[dict[str, Any]] = []
        self.permissions = set(ALL)
        self.page = 100
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self.tokens: dict[str, str] = {}  # a person's token → their object id
        self.lists: dict[str, tuple[float, list[dict[str, Any]]]] = {}
        self.url = ""

    # -- what tests tell it

    def user(self, name: str, *roles: str, **facts: Any) -> str:
        one = oid(name)
        self.users[one] = {
            "id": one,
            "displayName": name.title(),
            "mail": f"{name}@example.test",
            "userPrincipalName": f"{name}@example.test",
            "accountEnabled": True,
            "userType": "Member",
            "employeeId": None,
            "manager": None,
        } | facts
        for role in roles:
            self.assign(name, role)
        return one

    def group(self, name: str, *members: str) -> str:
        one = oid(name)
        self.groups[one] = [oid(member) for member in members]
        return one

    def assign(self, name: str, role: str, *, kind: str = "") -> None:
        one = oid(name)
        known = "Group" if one in self.groups else "User"
        row = {"principalId": one, "principalType": kind or known, "appRoleId": ROLE_IDS[role]}
        self.assigned.append(row | {"id": uuid.uuid4().hex, "resourceId": oid("portal")})

    def take(self, name: str, role: str) -> None:
        """The assignment of the role is removed."""
        gone = (oid(name), ROLE_IDS[role])
        self.assigned = [r for r in self.assigned if (r["principalId"], r["appRoleId"]) != gone]

    def delete(self, name: str) -> None:
        """The user is deleted; what they were assigned goes with them, and groups forget them."""
        one = oid(name)
        del self.users[one]
        self.assigned = [row for row in self.assigned if row["principalId"] != one]
        self.groups = {key: [m for m in ids if m != one] for key, ids in self.groups.items()}

    def guard(self, context: str, **changes: Any) -> None:
        policy = {
            "id": uuid.uuid4().hex,
            "state": "enabled",
            "conditions": {
                "applications": {"includeAuthenticationContextClassReferences": [context]}
            },
            "grantControls": {"builtInControls": ["mfa"]},
            "sessionControls": None,
        }
        self.policies.append(policy | changes)

    def say(self, where: str, **fault: Any) -> None:
        self.faults.append(Fault(where, **fault))

    def mend(self) -> None:
        self.faults.clear()

    def token_of(self, name: str) -> str:
        """A person's own token, good for /me."""
        self.tokens[f"me:{name}"] = oid(name)
        return f"me:{name}"

    def point(self, settings: Any, monkeypatch: Any) -> None:
        """Make this process's portal ask here, as its directory identity."""
        from portal.azure import door

        settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID = TENANT, CLIENT
        settings.ENTRA_GRAPH = self.url
        settings.ENTRA_CA_FILE = ""
        settings.ENTRA_GROUP_ROLES = {}
        settings.ENTRA_STEP_UP_CONTEXT = ""
        settings.AZURE_DIRECTORY_CLIENT_ID = DIRECTORY
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{self.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "fake")
        door.forget_clients()

    # -- what it answers

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, who: str) -> Any:
        if path == "/msi/token":
            return self._token(query)
        for pattern, needs, reply in ROUTES:
            if found := re.fullmatch(pattern, path):
                self._check(needs, who)
                return reply(self, found, query, body, who)
        raise Refusal(404, "Request_BadRequest")

    def _token(self, query: dict[str, str]) -> Any:
        return {
            "access_token": f"static:{query.get('client_id', '')}",
            "expires_on": str(int(time.time()) + 3600),
            "resource": query.get("resource", ""),
            "token_type": "Bearer",
        }

    def _check(self, needs: str, who: str) -> None:
        if needs == "me":
            if not self._person(who):
                raise Refusal(401, "InvalidAuthenticationToken")
        elif who != f"static:{DIRECTORY}":
            raise Refusal(401, "InvalidAuthenticationToken")
        elif needs not in self.permissions:
            raise Refusal(403, "Authorization_RequestDenied")

    def _person(self, token: str) -> str:
        if token in self.tokens:
            return self.tokens[token]
        try:  # an access token of the fake Entra, which names the person
            payload = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return str(claims["oid"])
        except (IndexError, ValueError, KeyError):
            return ""

    def principal(self, *_: Any) -> Any:
        roles = [
            {"id": key, "value": name, "isEnabled": True, "displayName": name}
            for name, key in ROLE_IDS.items()
        ]
        return {"id": oid("portal"), "appRoles": roles}

    def assignments(self, _found: Any, query: dict[str, str], *_: Any) -> Any:
        return self._pages(self.assigned, query)

    def members(self, found: Any, query: dict[str, str], *_: Any) -> Any:
        group, which = found[1], found[2]
        if group not in self.groups:
            raise Refusal(404, "Request_ResourceNotFound")
        ids = self._inside(group) if which == "transitiveMembers" else self.groups[group]
        return self._pages([self._member(one) for one in ids], query)

    def _member(self, one: str) -> dict[str, Any]:
        kind = "group" if one in self.groups else "user" if one in self.users else "device"
        return {"@odata.type": f"#microsoft.graph.{kind}", "id": one}

    def _inside(self, group: str) -> list[str]:
        found: dict[str, None] = {}
        waiting = list(self.groups.get(group, []))
        while waiting:
            one = waiting.pop(0)
            if one not in found:
                found[one] = None
                waiting += self.groups.get(one, [])
        return list(found)

    def people(self, _found: Any, query: dict[str, str], *_: Any) -> Any:
        if "$skiptoken" in query:
            return self._pages([], query)
        ids = re.findall(r"'([0-9a-f-]{36})'", query.get("$filter", ""))
        if not ids or len(ids) > MOST_IDS:
            raise Refusal(400, "Request_UnsupportedQuery")
        rows = [dict(self.users[one]) for one in ids if one in self.users]
        for row in rows:
            row["manager"] = {"id": row["manager"]} if row["manager"] else None
        return self._pages(rows, query)

    def conditional(self, _found: Any, query: dict[str, str], *_: Any) -> Any:
        return self._pages(self.policies, query)

    def mine(self, _found: Any, _query: Any, body: Any, who: str) -> Any:
        asked = (body or {}).get("groupIds") or []
        if not asked or len(asked) > MOST_GROUPS:
            raise Refusal(400, "Request_BadRequest")
        me = self._person(who)
        return {"value": [one for one in asked if me in self._inside(one)]}

    def _pages(self, rows: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        """What a list shows stays the same from its first page to its last."""
        if token := query.get("$skiptoken"):
            key, _, start = token.partition(":")
            rows, begin = self.lists[key][1], int(start)
        else:
            key, begin = uuid.uuid4().hex, 0
            self.lists[key] = (time.time(), rows)
        page: dict[str, Any] = {"value": rows[begin : begin + self.page]}
        if begin + self.page < len(rows):
            page["next"] = f"{key}:{begin + self.page}"
        return page


class Refusal(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


Reply = Callable[..., Any]
SERVICE = rf"/v1\.0/servicePrincipals\(appId='{CLIENT}'\)"
ROUTES: list[tuple[str, str, Reply]] = [
    (SERVICE, "Application.Read.All", FakeGraph.principal),
    (SERVICE + "/appRoleAssignedTo", "Application.Read.All", FakeGraph.assignments),
    (r"/v1\.0/groups/([0-9a-f-]+)/(\w+)", "GroupMember.Read.All", FakeGraph.members),
    (r"/v1\.0/users", "User.Read.All", FakeGraph.people),
    (r"/v1\.0/identity/conditionalAccess/policies", "Policy.Read.All", FakeGraph.conditional),
    (r"/v1\.0/me/checkMemberGroups", "me", FakeGraph.mine),
]


@contextmanager
def fake_graph() -> Iterator[FakeGraph]:
    graph = FakeGraph()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(graph))
    server.daemon_threads = True
    graph.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield graph
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(graph: FakeGraph) -> type[BaseHTTPRequestHandler]:  # noqa: C901
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            graph.asked.append(f"{method} {self.path}")
            if fault := _fault(graph, address.path):
                return self._fail(fault)
            who = self.headers.get("Authorization", "").removeprefix("Bearer ")
            try:
                answer = graph.answer(method, address.path, query, body, who)
            except Refusal as error:
                return self._send(error.status, {"error": {"code": error.code, "message": "no"}})
            if isinstance(answer, dict) and "next" in answer:
                following = urlencode({"$skiptoken": answer.pop("next")})
                answer["@odata.nextLink"] = f"{graph.url}{address.path}?{following}"
            return self._send(200, answer)

        def _fail(self, fault: Fault) -> None:
            if fault.cut:
                self.close_connection = True
                self.connection.close()
                return
            error = {"error": {"code": fault.code, "message": "as told"}}
            body = fault.body if fault.body is not None else json.dumps(error).encode()
            self._bytes(fault.status, body, fault.headers)

        def _send(self, status: int, answer: Any) -> None:
            self._bytes(status, json.dumps(answer).encode(), {})

        def _bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Tests speak for themselves."""

    return Handler


def _fault(graph: FakeGraph, path: str) -> Fault | None:
    for fault in graph.faults:
        if fault.where not in path or fault.times == 0:
            continue
        if fault.after > 0:
            fault.after -= 1
            continue
        fault.times -= 1
        return fault
    return None
