"""A container of Azure Blob Storage, written with an identity of the process's own.

A text is one block blob, put by one call, and only over what was read before (its ETag). Switch
versioning and soft delete on for the container: see docs/backup.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import ContainerClient
from django.conf import settings

from access.anchoring.store import Changed, Kept, NotKept
from portal.azure.door import credential_of

BUSY = frozenset({409, 412})
NO_SUCH_BLOB = "BlobNotFound"


class Container:
    """``more``: for the client, such as whom to trust."""

    def __init__(self, url: str, **more: Any) -> None:
        self.client = ContainerClient.from_container_url(
            url,
            credential=credential_of(settings.AZURE_ANCHOR_CLIENT_ID),
            retry_total=1,
            connection_timeout=3,
            read_timeout=settings.AZURE_TIMEOUT_SECONDS,
            **more,
        )

    def read(self, name: str) -> Kept | None:
        with _told():
            try:
                found = self.client.download_blob(_path(name))
                data: bytes = found.readall()
            except ResourceNotFoundError as error:
                if _code(error) != NO_SUCH_BLOB:
                    raise  # a container that is gone is not an empty memory
                return None
            return Kept(data.decode(errors="replace"), str(found.properties.etag))

    def write(self, name: str, text: str, *, over: str | None) -> None:
        only: dict[str, Any] = {"match_condition": MatchConditions.IfMissing, "overwrite": True}
        if over is not None:
            only |= {"match_condition": MatchConditions.IfNotModified, "etag": over}
        with _told():
            self.client.upload_blob(_path(name), text.encode(), **only)

    def names(self, prefix: str) -> list[str]:
        with _told():
            found = self.client.list_blob_names(name_starts_with=f"{prefix}/")
            return [name.removesuffix(".json") for name in found if name.endswith(".json")]

    def remove(self, name: str) -> None:
        with _told():
            try:
                self.client.delete_blob(_path(name))
            except ResourceNotFoundError as error:
                if _code(error) != NO_SUCH_BLOB:
                    raise


def _code(error: HttpResponseError) -> str:
    return str(getattr(error, "error_code", "") or "")


def _path(name: str) -> str:
    return f"{name}.json"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (ResourceModifiedError, ResourceExistsError) as error:
        raise Changed("Somebody else wrote it meanwhile.") from error
    except HttpResponseError as error:
        if error.status_code in BUSY:
            raise Changed("Somebody else wrote it meanwhile.") from error
        raise NotKept(f"Blob Storage answered with an error ({error.status_code}).") from error
    except AzureError as error:
        raise NotKept("Blob Storage could not be reached.") from error
