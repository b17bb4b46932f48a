"""Where the outside memory is kept: a folder, or a container of Azure Blob Storage."""

from pathlib import Path

from access.anchoring.store import Store
from portal.anchor.folder import Folder


def store(place: str) -> Store:
    """For ``ACCESS_ANCHOR``. Azure's library weighs something, and a folder needs none of it."""
    if not place.startswith("https://"):
        return Folder(Path(place))
    from portal.anchor.blob import Container

    return Container(place)
