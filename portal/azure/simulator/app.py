"""The application: finds out what is asked and by whom, lets it happen or go wrong, answers."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.azure.simulator import (
    budget,
    changes,
    control,
    faults,
    graph,
    identity,
    jit,
    links,
    operations,
    reads,
    roles,
    rules,
    sessions,
    stand_in,
)
from portal.azure.simulator.answers import JSON, Answer, Refused, Reply, malformed
from portal.azure.simulator.calls import Call
from portal.azure.simulator.catalogue import Estate, Resource
from portal.azure.simulator.due import settle
from portal.azure.simulator.headers import with_headers
from portal.azure.simulator.record import finish
from portal.azure.simulator.resource_ids import part
from portal.azure.simulator.routes import LISTED, NESTED, WRITES, operation_of, resource_of
from portal.azure.simulator.store import Store
from portal.azure.simulator.world import World

CONTROL = "/_control/"
HANDLERS: dict[str, Callable[[World, Call], Answer]] = {
    **{f"{kind}.get": reads.get for kind in LISTED},
    **{f"{kind}.list": reads.listing for kind in LISTED},
    **{f"{kind}.get": reads.part_of for kind in NESTED},
    **{f"{kind}.list": reads.parts_of for kind in NESTED},
    "token.get": identity.token,
    "subscription.list": reads.subscriptions,
    "graph.query": graph.query,
    "vm.instance_view": reads.instance_view,
    "vm.start": changes.start,
    **{f"{kind}.put": changes.put for kind in ("nic", "nsg", "vnet", "bastion")},
    "subnet.put": changes.put_subnet,
    "peering.put": changes.put_peering,
    "bastion.delete": changes.delete,
    "rule.put": rules.put,
    "rule.delete": rules.delete,
    "link.create": links.create,
    "link.list": links.listing,
    "link.delete": links.delete,
    "link.delete_by_token": links.delete_by_token,
    "session.list": sessions.listing,
    "session.disconnect": sessions.disconnect,
    "jit.list": reads.policies,
    "jit.get": jit.get,
    "jit.put": jit.put,
    "jit.delete": jit.delete,
    "jit.initiate": jit.initiate,
    "permission.list": roles.permissions,
    "compute.status": operations.status,
    "compute.result": operations.result,
    "operation.status": operations.status,
    "operation.result": operations.result,
}


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes
    remote: str


class Simulator:
    """``first``: the estate that an empty reset returns to."""

    def __init__(self, world: World, store: Store, first: Estate) -> None:
        self.world, self.store, self.first = world, store, first

    def reply(self, asked: Asked) -> Reply:
        """Raises ``ConnectionResetError`` when that is what is to happen."""
        try:
            if asked.path.startswith(CONTROL):
                return self._control(asked)
            if asked.path.startswith(stand_in.PATH):
                return self._stand_in(asked)
            return self._arm(asked)
        except Refused as error:
            return error.answer().reply()

    def _control(self, asked: Asked) -> Reply:
        headers, words = asked.headers, asked.path.removeprefix(CONTROL).split("/")
        control.check_sender(headers.get("host", ""), headers.get("origin", ""), asked.remote)
        order = control.Order(asked.method, words, asked.query, _json(asked.body), self.first)
        with self.world.lock:
            settle(self.world)
            answer = control.carry_out(self.world, order)
            settle(self.world)
            self.store.save(self.world)
            text = json.dumps(answer.body)  # here: others may change what it shows
        return Reply(answer.status, {"Content-Type": JSON}, text.encode())

    def _stand_in(self, asked: Asked) -> Reply:
        with self.world.lock:
            settle(self.world)
            reply = stand_in.answer(self.world, asked.method, asked.path, asked.query, asked.body)
            self.store.save(self.world)
        return reply

    def _arm(self, asked: Asked) -> Reply:
        call = _call(asked)
        with self.world.lock:
            no_token = budget.spend(self.world, call)
            fault = self._arrives(call) if no_token is None else {}
        if fault.get("action") == "reset_before":
            raise ConnectionResetError
        if faults.is_before(fault, "slow"):
            time.sleep(fault["seconds"])
        with self.world.lock:
            answer = self._carried_out(call, fault, no_token)
            answer = budget.heard(self.world, call, answer, fault)
            reply = with_headers(answer, call).reply()
            self.store.save(self.world)
        if faults.is_after(fault, "slow"):
            time.sleep(fault["seconds"])
        if fault.get("action") == "reset_after":
            raise ConnectionResetError
        return reply

    def _arrives(self, call: Call) -> Resource:
        """The fault that it meets, if any."""
        settle(self.world)
        self.world.calls[call.word] += 1
        fault = faults.met(self.world, call)
        self.store.save(self.world)
        return fault

    def _carried_out(self, call: Call, fault: Resource, no_token: Refused | None) -> Answer:
        """A write is recorded, whether it is refused or not, ahead of what comes of it."""
        settle(self.world)
        row = _recorded(self.world, call) if call.word in WRITES else None
        call.failure = faults.failure(fault)
        error = None
        try:
            if no_token is not None:
                raise no_token
            if faults.is_before(fault, "status"):
                raise faults.refusal(fault)
            answer = faults.torn(self._answer(call), fault)
            settle(self.world)
            if faults.is_after(fault, "status"):
                raise faults.refusal(fault)
        except Refused as refused:
            answer, error = refused.answer(), refused.code
        if row is not None:
            finish(row, status=answer.status, error=error, fault=fault.get("id"))
        return answer

    def _answer(self, call: Call) -> Answer:
        identity.check(call)
        if not call.api_version:
            raise Refused(400, "MissingApiVersionParameter", "The api-version is missing.")
        subscription, group = part(call.path, "subscriptions"), part(call.path, "resourceGroups")
        catalogue = self.world.catalogue
        if subscription and not catalogue.has_subscription(subscription):
            raise Refused(404, "SubscriptionNotFound", f"There is no {subscription}.")
        roles.check(self.world, call)  # before anything is told of what there is
        if group and not catalogue.has_group(subscription, group):
            raise Refused(404, "ResourceGroupNotFound", f"There is no group {group}.")
        return HANDLERS[call.word](self.world, call)


def _call(asked: Asked) -> Call:
    body = _json(asked.body)
    if not isinstance(body, dict):
        raise malformed("The body must be an object.")
    word, headers = operation_of(asked.method, asked.path), asked.headers
    call = Call(
        word=word,
        method=asked.method,
        path=asked.path,
        resource_id=resource_of(asked.method, asked.path, word),
        base_url=f"http://{headers.get('host', 'localhost')}/",
        query=asked.query,
        headers=headers,
        body=body,
        remote=asked.remote,
        correlation_id=headers.get("x-ms-correlation-request-id") or str(uuid.uuid4()),
    )
    call.principal = identity.principal_of(call)
    return call


def _recorded(world: World, call: Call) -> Resource:
    row = world.record.call(
        world.now(),
        call.principal,
        call.word,
        call.resource_id,
        body=call.body,
        client_request_id=call.headers.get("x-ms-client-request-id", ""),
        correlation_id=call.correlation_id,
    )
    call.because = row["seq"]
    world.changed = True
    return row


def _json(body: bytes) -> Any:
    """Nothing and ``null`` are an empty object."""
    try:
        return json.loads(body or b"{}") or {}
    except ValueError as error:
        raise malformed("The body is no JSON.") from error
