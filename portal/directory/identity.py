"""As whom the worker asks Microsoft Graph: an identity of its own, with read permissions only.

Never imported by the web process, which is given no identity.
"""

from azure.core.exceptions import AzureError
from django.conf import settings

from portal.azure import door
from portal.directory.graph import Unknown


def token() -> str:
    """Of the managed or workload identity ``AZURE_DIRECTORY_CLIENT_ID``, kept by the SDK until
    shortly before it ends. Raises ``Unknown``."""
    identity = door.credential_of(settings.AZURE_DIRECTORY_CLIENT_ID)
    try:
        return str(identity.get_token(f"{settings.ENTRA_GRAPH.rstrip('/')}/.default").token)
    except AzureError as error:  # the SDK's words for it may name addresses and settings
        raise Unknown("The directory's identity could not sign in.") from error
