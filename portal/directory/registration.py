"""What the portal's registration in Entra must be, and the commands that make it.

The ids of app roles are constants: an assignment names the id, so another one would be another
role. Names of claims and permissions are those that sign-in and the directory's reading use.
"""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from access.models import Role
from access.policy.table import PROGRAMS_HOLD

GRAPH_APP = "00000003-0000-0000-c000-000000000000"  # Microsoft Graph, in every tenant
ROLES: dict[Role, tuple[str, str, str]] = {
    Role.ENGINEER: (
        "720f5fce-7c0b-49a1-9435-f90254c670b5",
        "Engineer",
        "Asks for access to machines, and uses it.",
    ),
    Role.APPROVER: (
        "95d1bc11-f5ea-46fb-b112-4577d0593c09",
        "Approver",
        "Decides what others ask for.",
    ),
    Role.AUDITOR: (
        "10fba56d-8d0a-46d0-84ed-616b19fce96d",
        "Auditor",
        "Reads everything, the ledger included.",
    ),
    Role.ADMIN: (
        "ceadd4d8-b2b9-41f1-ba6c-db6f4eb228e4",
        "Admin",
        "Runs the portal, changes its policy and ends any access.",
    ),
}
# Claims that a token has only where they are asked for.
OF_ID_TOKENS = ("acct", "acrs", "auth_time", "email")
OF_ACCESS_TOKENS = ("idtyp",)
# Of the worker's identity, as application permissions; each with what is asked with it.
PERMISSIONS = {
    "Application.Read.All": "which roles the registration has, and who was given them",
    "GroupMember.Read.All": "who is in a group that was given one",
    "User.Read.All": "whether an account is on, its manager, employee number and kind",
    "Policy.Read.All": "optional: whether a policy stands behind the step-up",
}
SCOPES = ("openid", "profile", "email", "offline_access")
OF_GROUPS = "User.Read"  # the person's own token asks which of some groups they are in


@dataclass(frozen=True)
class Wanted:
    """``addresses``: https://…, to which Entra sends people back, from signing in and out;
    ``context``: of the step-up, or empty; ``groups``: whether groups give roles besides app roles.
    """

    addresses: tuple[str, ...]
    context: str = ""
    groups: bool = False

    @property
    def scopes(self) -> tuple[str, ...]:
        return (*SCOPES, OF_GROUPS) if self.groups else SCOPES


def manifest(wanted: Wanted) -> dict[str, Any]:
    """An ``application`` of Microsoft Graph, to be sent with PATCH."""
    return {
        "displayName": "Bastion Access",
        "signInAudience": "AzureADMyOrg",
        "web": {
            "redirectUris": list(wanted.addresses),
            "implicitGrantSettings": {
                "enableAccessTokenIssuance": False,
                "enableIdTokenIssuance": False,
            },
        },
        "api": {"requestedAccessTokenVersion": 2},
        "groupMembershipClaims": "SecurityGroup" if wanted.groups else "None",
        "appRoles": [_app_role(role) for role in ROLES],
        "optionalClaims": {
            "idToken": [_claim(name) for name in OF_ID_TOKENS],
            "accessToken": [_claim(name) for name in OF_ACCESS_TOKENS],
        },
    }


CONTEXT = {
    "displayName": "Bastion Access: show that it is you",
    "description": "Asked for before a decision that the portal's policy wants it for.",
    "isAvailable": True,
}


def policy_of(wanted: Wanted) -> dict[str, Any]:
    """What must stand behind the context. Accounts for emergencies are to be left out of it."""
    return {
        "displayName": "Bastion Access: show that it is you",
        "state": "enabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "users": {"includeUsers": ["All"], "excludeGroups": []},
            "applications": {"includeAuthenticationContextClassReferences": [wanted.context]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        "sessionControls": {
            "signInFrequency": {
                "isEnabled": True,
                "frequencyInterval": "everyTime",
                "authenticationType": "primaryAndSecondaryAuthentication",
            }
        },
    }


def script(wanted: Wanted) -> str:
    """For bash, with ``az`` signed in as an Application Administrator of the tenant. To be read
    and run part by part: each says what it is for."""
    parts = [_registering(wanted), CREDENTIAL, _assigning(), _directory()]
    if wanted.groups:
        parts.append(GROUPS)
    if wanted.context:
        parts.append(_step_up(wanted))
    return "\n".join([HEAD, *parts, _settings(wanted)])


def _app_role(role: Role) -> dict[str, Any]:
    key, value, description = ROLES[role]
    programs = ["Application"] if role in PROGRAMS_HOLD else []
    return {
        "id": key,
        "value": value,
        "displayName": role.label,
        "description": description,
        "allowedMemberTypes": ["User", *programs],
        "isEnabled": True,
    }


def _claim(name: str) -> dict[str, Any]:
    return {"name": name, "essential": False, "source": None, "additionalProperties": []}


def _file(name: str, content: dict[str, Any]) -> str:
    return f"cat > {name} <<'JSON'\n{json.dumps(content, indent=2)}\nJSON"


def _send(method: str, path: str, body: str) -> str:
    address = f'"https://graph.microsoft.com/v1.0/{path}"'
    header = "--headers Content-Type=application/json"
    return f"az rest --method {method} {header} --url {address} \\\n  --body {body}"


HEAD = """\
# Registers the portal with Microsoft Entra. For bash; another cloud has another address of Graph.
set -eu"""

CREDENTIAL = """
# 2. How the portal shows Entra who it is. ONE of these; a client secret is the poorest choice.
# a) A workload identity (Kubernetes): nothing to keep. ENTRA_FEDERATED_TOKEN_FILE names its file.
ISSUER=https://issuer.example/of-your-cluster
SUBJECT=system:serviceaccount:bastion-access:web
cat > federated.json <<JSON
{
  "name": "portal-web",
  "issuer": "$ISSUER",
  "subject": "$SUBJECT",
  "audiences": ["api://AzureADTokenExchange"]
}
JSON
# az ad app federated-credential create --id "$APP_ID" --parameters @federated.json
# b) A certificate: ENTRA_CERTIFICATE_FILE names key.pem and cert.pem in one file.
# openssl req -x509 -newkey rsa:3072 -nodes -days 180 -subj /CN=bastion-access \\
#   -keyout key.pem -out cert.pem
# az ad app credential reset --id "$APP_ID" --append --cert @cert.pem
# cat key.pem cert.pem > portal.pem && chmod 600 portal.pem && rm key.pem"""

GROUPS = """
# Groups that give roles besides: their object ids, for ENTRA_GROUP_ROLES.
# az ad group show --group "Bastion engineers" --query id -o tsv"""


def _assignment(principal: str, resource: str, role: str) -> str:
    """JSON inside double quotes of the shell, so that it puts its variables in."""
    pairs = {"principalId": principal, "resourceId": resource, "appRoleId": role}
    return json.dumps(pairs, separators=(",", ":")).replace('"', r"\"")


def _registering(wanted: Wanted) -> str:
    scopes = shlex.quote(" ".join(wanted.scopes))
    required = "false" if wanted.groups else "true"
    return f"""
# 1. The application. May be repeated from the second command on.
APP_ID=$(az ad app create --display-name "Bastion Access" --sign-in-audience AzureADMyOrg \\
  --query appId -o tsv)
OBJECT_ID=$(az ad app show --id "$APP_ID" --query id -o tsv)
{_file("application.json", manifest(wanted))}
{_send("PATCH", "applications/$OBJECT_ID", "@application.json")}
az ad app update --id "$APP_ID" --identifier-uris "api://$APP_ID"
az ad sp create --id "$APP_ID"
SP_ID=$(az ad sp show --id "$APP_ID" --query id -o tsv)
# Whether Entra itself turns away whom nobody gave a role; the portal does so in any case.
az ad sp update --id "$SP_ID" --set appRoleAssignmentRequired={required}
# Nobody is asked for consent at their first sign-in.
az ad app permission grant --id "$APP_ID" --api {GRAPH_APP} \\
  --scope {scopes}"""


def _assigning() -> str:
    names = [f"{value.upper()}={key}" for key, value, _ in ROLES.values()]
    return f"""
# 3. Who holds which role. For a group only its direct members count, here as in tokens.
{chr(10).join(names)}
assign() {{  # assign <object id of a user, group or program> <id of a role>
  az rest --method POST --headers Content-Type=application/json \\
    --url "https://graph.microsoft.com/v1.0/servicePrincipals/$SP_ID/appRoleAssignedTo" \\
    --body "{_assignment("$1", "$SP_ID", "$2")}"
}}
# assign "$(az ad group show --group "Bastion engineers" --query id -o tsv)" $ENGINEER
# assign "$(az ad group show --group "Bastion approvers" --query id -o tsv)" $APPROVER
# assign "$(az ad group show --group "Bastion auditors" --query id -o tsv)" $AUDITOR
# assign "$(az ad user show --id dana@example.com --query id -o tsv)" $ADMIN
# Two administrators at least: some orders take a second one.
# A program: assign "$(az ad sp show --id <its client id> --query id -o tsv)" $ENGINEER"""


def _directory() -> str:
    whys = "\n".join(f"#   {name}: {why}" for name, why in PERMISSIONS.items())
    return f"""
# 4. The identity with which a worker reads the directory, and what it may read:
{whys}
# Tokens of managed identities are kept for up to a day: new permissions may take that long.
az identity create --resource-group rg-bastion-access --name bastion-access-directory
DIRECTORY=$(az identity show --resource-group rg-bastion-access \\
  --name bastion-access-directory --query principalId -o tsv)
GRAPH_SP=$(az ad sp show --id {GRAPH_APP} --query id -o tsv)
for PERMISSION in {" ".join(PERMISSIONS)}; do
  ROLE=$(az ad sp show --id {GRAPH_APP} -o tsv \\
    --query "appRoles[?value=='$PERMISSION' && contains(allowedMemberTypes, 'Application')].id")
  az rest --method POST --headers Content-Type=application/json \\
    --url "https://graph.microsoft.com/v1.0/servicePrincipals/$DIRECTORY/appRoleAssignments" \\
    --body "{_assignment("$DIRECTORY", "$GRAPH_SP", "$ROLE")}"
done"""


def _step_up(wanted: Wanted) -> str:
    place = "identity/conditionalAccess"
    context = f"{place}/authenticationContextClassReferences/{wanted.context}"
    return f"""
# 5. The step-up: the authentication context {wanted.context}, and the policy that makes it worth
# something. Takes a Conditional Access Administrator and Entra ID P1. az's own token may lack the
# permission Policy.ReadWrite.ConditionalAccess; then do the same in the Entra admin centre, under
# Conditional Access: make the authentication context {wanted.context} and publish it to apps, then
# a policy with that context as its target. Leave your accounts for emergencies out of it.
{_file("context.json", CONTEXT)}
{_file("policy.json", policy_of(wanted))}
# {_send("PATCH", context, "@context.json").replace(chr(10), chr(10) + "# ")}
# {_send("POST", f"{place}/policies", "@policy.json").replace(chr(10), chr(10) + "# ")}"""


def _settings(wanted: Wanted) -> str:
    lines = [
        "",
        "# For .env:",
        'echo "ENTRA_TENANT_ID=$(az account show --query tenantId -o tsv)"',
        'echo "ENTRA_CLIENT_ID=$APP_ID"',
        'echo "AZURE_DIRECTORY_CLIENT_ID=$(az identity show --resource-group rg-bastion-access \\',
        '  --name bastion-access-directory --query clientId -o tsv)"',
    ]
    if wanted.context:
        lines.append(f'echo "ENTRA_STEP_UP_CONTEXT={wanted.context}"')
    return "\n".join(lines)
