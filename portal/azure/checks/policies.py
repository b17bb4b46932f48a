"""Commands that change a JIT policy: the command line can only list and show them.

Azure replaces the whole policy by what is put, and most policies guard many machines. So the
command reads the policies of the group and region, leaves every other machine as it is, and puts
this machine's entry in its place; it also works where no policy of that name exists yet. Other
ports of the machine keep the sources and lengths that are known of them. The query language knows
no lower case: an entry whose machine is spelt in another case stays beside the new one.
"""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from portal.azure.checks import remedies
from portal.azure.checks.facts import JitPort, Vm
from portal.azure.checks.ids import name_of, subscription_of

API_VERSION = "2020-01-01"
DEFAULT_MINUTES = 180  # what Defender for Cloud proposes


def policy_for(vm: Vm) -> str:
    """The id of the policy that is called default where the machine is, existing or not."""
    group = f"/subscriptions/{vm.subscription_id}/resourceGroups/{vm.resource_group}"
    where = f"{group}/providers/Microsoft.Security/locations/{vm.region}"
    return f"{where}/jitNetworkAccessPolicies/default"


def put_machine(policy_id: str, vm: Vm, ports: Sequence[JitPort]) -> str:
    """Without ports the machine is taken out of the policy."""
    url = f"{policy_id}?api-version={API_VERSION}"
    subscription = ("--subscription", subscription_of(policy_id))
    put = remedies.az("rest", "--method", "put", *subscription, "--url", url)
    return f'{put} --body "$({_read(policy_id, vm, ports)})"'


def entry(vm: Vm, ports: Sequence[JitPort]) -> dict[str, Any]:
    """The machine as it will be in the policy."""
    return {"id": vm.id, "ports": [_port(each) for each in ports]}


def _read(policy_id: str, vm: Vm, ports: Sequence[JitPort]) -> str:
    """The whole body, made by the command line's own query language from what is there now."""
    mine = json.dumps(entry(vm, ports), separators=(",", ":"))
    others = (
        f"value[?name==`{json.dumps(name_of(policy_id))}`].properties.virtualMachines[]"
        f"|[?id!=`{json.dumps(vm.id)}`]"
    )
    listed = f"[{others},[`{mine}`]][]" if ports else f"[{others}][]"
    query = f'{{kind:`"Basic"`,properties:{{virtualMachines:{listed}}}}}'
    url = f"{policy_id.rsplit('/', 1)[0]}?api-version={API_VERSION}"
    words = ("az", "rest", "--method", "get", "--subscription", subscription_of(policy_id))
    return shlex.join((*words, "--url", url, "--query", query, "--output", "json"))


def _port(port: JitPort) -> dict[str, Any]:
    """Azure takes one source or several, never both, and a length in ISO 8601."""
    sources = port.source_prefixes or ("*",)
    one = {"allowedSourceAddressPrefix": sources[0]}
    return {
        "number": port.number,
        "protocol": "*",
        **(one if len(sources) == 1 else {"allowedSourceAddressPrefixes": list(sources)}),
        "maxRequestAccessDuration": length(port.max_minutes or DEFAULT_MINUTES),
    }


def length(minutes: int) -> str:
    return f"PT{minutes}M" if minutes % 60 else f"PT{minutes // 60}H"
