"""Which path is which operation. Paths are compared without regard to case, as ARM does."""

from dataclasses import dataclass

from portal.azure.simulator.answers import Refused

SUB = "/subscriptions/{}"
GROUP = f"{SUB}/resourceGroups/{{}}"
NETWORK, COMPUTE = "/providers/Microsoft.Network", "/providers/Microsoft.Compute"
SECURITY, JIT = "/providers/Microsoft.Security", "/jitNetworkAccessPolicies"
BASTION = f"{GROUP}{NETWORK}/bastionHosts/{{}}"
NSG = f"{GROUP}{NETWORK}/networkSecurityGroups/{{}}"
VNET = f"{GROUP}{NETWORK}/virtualNetworks/{{}}"
VM = f"{GROUP}{COMPUTE}/virtualMachines/{{}}"
POLICY = f"{GROUP}{SECURITY}/locations/{{}}{JIT}/{{}}"
OPERATIONS = f"{SUB}{NETWORK}/locations/{{}}"
COMPUTE_OPERATIONS = f"{SUB}{COMPUTE}/locations/{{}}"
PERMISSIONS = "/providers/Microsoft.Authorization/permissions"
RESOURCE = f"{GROUP}/providers/{{}}/{{}}/{{}}"

# Read at two scopes and one by one, all in the same way.
LISTED = {
    "vm": f"{COMPUTE}/virtualMachines",
    "nic": f"{NETWORK}/networkInterfaces",
    "vnet": f"{NETWORK}/virtualNetworks",
    "public_ip": f"{NETWORK}/publicIPAddresses",
    "nsg": f"{NETWORK}/networkSecurityGroups",
    "bastion": f"{NETWORK}/bastionHosts",
}
NESTED = {
    "subnet": f"{VNET}/subnets",
    "peering": f"{VNET}/virtualNetworkPeerings",
    "rule": f"{NSG}/securityRules",
}
OTHERS = [
    ("GET", "/msi/token", "token.get"),
    ("GET", "/subscriptions", "subscription.list"),
    ("POST", "/providers/Microsoft.ResourceGraph/resources", "graph.query"),
    ("GET", f"{VM}/instanceView", "vm.instance_view"),
    ("POST", f"{VM}/start", "vm.start"),
    ("PUT", f"{GROUP}{NETWORK}/networkInterfaces/{{}}", "nic.put"),
    ("PUT", NSG, "nsg.put"),
    ("PUT", VNET, "vnet.put"),
    ("PUT", f"{VNET}/subnets/{{}}", "subnet.put"),
    ("PUT", f"{VNET}/virtualNetworkPeerings/{{}}", "peering.put"),
    ("PUT", BASTION, "bastion.put"),
    ("DELETE", BASTION, "bastion.delete"),
    ("PUT", f"{NSG}/securityRules/{{}}", "rule.put"),
    ("DELETE", f"{NSG}/securityRules/{{}}", "rule.delete"),
    ("POST", f"{BASTION}/createShareableLinks", "link.create"),
    ("POST", f"{BASTION}/getShareableLinks", "link.list"),
    ("POST", f"{BASTION}/deleteShareableLinks", "link.delete"),
    ("POST", f"{BASTION}/deleteShareableLinksByToken", "link.delete_by_token"),
    ("POST", f"{BASTION}/getActiveSessions", "session.list"),
    ("POST", f"{BASTION}/disconnectActiveSessions", "session.disconnect"),
    ("GET", f"{SUB}{SECURITY}{JIT}", "jit.list"),
    ("GET", f"{SUB}{SECURITY}/locations/{{}}{JIT}", "jit.list"),
    ("GET", f"{GROUP}{SECURITY}{JIT}", "jit.list"),
    ("GET", f"{GROUP}{SECURITY}/locations/{{}}{JIT}", "jit.list"),
    ("GET", POLICY, "jit.get"),
    ("PUT", POLICY, "jit.put"),
    ("DELETE", POLICY, "jit.delete"),
    ("POST", f"{POLICY}/initiate", "jit.initiate"),
    ("GET", f"{SUB}{PERMISSIONS}", "permission.list"),
    ("GET", f"{GROUP}{PERMISSIONS}", "permission.list"),
    ("GET", f"{RESOURCE}{PERMISSIONS}", "permission.list"),
    ("GET", f"{RESOURCE}/{{}}/{{}}{PERMISSIONS}", "permission.list"),
    ("GET", f"{COMPUTE_OPERATIONS}/operations/{{}}", "compute.status"),
    ("GET", f"{COMPUTE_OPERATIONS}/operationResults/{{}}", "compute.result"),
    ("GET", f"{OPERATIONS}/operations/{{}}", "operation.status"),
    ("GET", f"{OPERATIONS}/operationResults/{{}}", "operation.result"),
]
WRITES = frozenset(
    {
        "rule.put", "rule.delete", "link.create", "link.delete", "link.delete_by_token",
        "session.disconnect", "jit.put", "jit.delete", "jit.initiate", "vm.start", "nic.put",
        "nsg.put", "vnet.put", "subnet.put", "peering.put", "bastion.put", "bastion.delete",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Route:
    method: str
    words: tuple[str, ...]  # lower case; "{}" stands for any
    operation: str

    def fits(self, method: str, given: list[str]) -> bool:
        return (
            self.method == method
            and len(self.words) == len(given)
            and all(ours in {"{}", word} for ours, word in zip(self.words, given, strict=True))
        )


def _routes() -> list[Route]:
    rows = list(OTHERS)
    for kind, path in LISTED.items():
        rows += [("GET", f"{scope}{path}", f"{kind}.list") for scope in (SUB, GROUP)]
        rows.append(("GET", f"{GROUP}{path}/{{}}", f"{kind}.get"))
    for kind, path in NESTED.items():
        rows += [("GET", path, f"{kind}.list"), ("GET", f"{path}/{{}}", f"{kind}.get")]
    return [Route(method, tuple(path.lower().split("/")), word) for method, path, word in rows]


ROUTES = _routes()


def operation_of(method: str, path: str) -> str:
    """Raises ``Refused`` for what ARM, or the simulator, does not know."""
    given = path.lower().split("/")
    for route in ROUTES:
        if route.fits(method, given):
            return route.operation
    raise Refused(404, "InvalidResourceType", f"The simulator does not know {method} {path}.")


def resource_of(method: str, path: str, operation: str) -> str:
    """The id of what a call is about: its path without the word of an action."""
    action = method == "POST" or operation == "vm.instance_view"
    return path.rsplit("/", 1)[0] if action else path
