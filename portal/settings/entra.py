"""Sign-in with Microsoft Entra, and the directory. Without a tenant there is neither."""

from portal.settings.reading import env
from portal.signin.entra.settings import group_roles

# Sign-in with Microsoft Entra: docs/sign-in.md. Without a tenant there is none.
ENTRA_TENANT_ID = env("ENTRA_TENANT_ID", default="").lower()
ENTRA_CLIENT_ID = env("ENTRA_CLIENT_ID", default="").lower()
# How the portal shows who it is. Exactly one, and in the web process only.
ENTRA_CLIENT_SECRET = env("ENTRA_CLIENT_SECRET", default="")
ENTRA_CERTIFICATE_FILE = env("ENTRA_CERTIFICATE_FILE", default="")  # PEM: private key, certificate
ENTRA_FEDERATED_TOKEN_FILE = env("ENTRA_FEDERATED_TOKEN_FILE", default="")  # a workload identity's
# Another cloud has others, such as https://login.microsoftonline.us and https://graph.microsoft.us.
ENTRA_AUTHORITY = env("ENTRA_AUTHORITY", default="https://login.microsoftonline.com").rstrip("/")
# What tokens must name as their issuer, letter for letter; empty: the authority's for the tenant.
ENTRA_ISSUER = env("ENTRA_ISSUER", default="")
ENTRA_CA_FILE = env("ENTRA_CA_FILE", default="")  # certificate authorities in place of the usual
ENTRA_TIMEOUT_SECONDS = 5.0  # for one answer of Entra, while a person waits
# The Conditional Access authentication context of decisions, such as c1; empty: no step-up.
ENTRA_STEP_UP_CONTEXT = env("ENTRA_STEP_UP_CONTEXT", default="")
ENTRA_STEP_UP_SECONDS = 300  # how long ago the person may have shown Entra that it is them
ENTRA_GUESTS_APPROVE = env.bool("ENTRA_GUESTS_APPROVE", default=False)
# {"<object id of a group>": "approver"}, besides app roles; empty: app roles only.
ENTRA_GROUP_ROLES = group_roles(env("ENTRA_GROUP_ROLES", default=""))
ENTRA_REREAD_SECONDS = 300.0  # until Entra is asked again which roles somebody holds
ENTRA_EMERGENCY_SECONDS = 3600.0  # for break-glass alone, while Entra does not answer
# Roles that Entra has not confirmed for so long count for nothing.
ENTRA_ROLES_STALE_SECONDS = 86400.0 if ENTRA_TENANT_ID else None
ACCESS_ROLES_STALE_SECONDS = ENTRA_ROLES_STALE_SECONDS  # the core's name for it: personal tokens
# What programs ask for a token for; tokens name the client id in its place.
ENTRA_API_AUDIENCE = env("ENTRA_API_AUDIENCE", default="") or f"api://{ENTRA_CLIENT_ID}"
ENTRA_GRAPH = env("ENTRA_GRAPH", default="https://graph.microsoft.com").rstrip("/")
# Of the worker's identity that may read the directory; empty: it is not read.
AZURE_DIRECTORY_CLIENT_ID = env("AZURE_DIRECTORY_CLIENT_ID", default="")
