"""Reading the directory on a schedule, by a worker: from Graph, to people, to the row that tells.

Losing a role or an account ends sessions at once; what is open is ended by the engine, which asks
of each grant whether its person may still have it.
"""

import logging
from collections.abc import Callable
from contextlib import closing

from celery import shared_task
from django.conf import settings

from access.clock import db_now
from portal.directory.graph import Graph, Unknown
from portal.directory.identity import token
from portal.directory.reading import Directory, read_directory
from portal.directory.writing import Written, known_ids, refuse_unlikely, write_directory
from portal.models import DirectoryReading

logger = logging.getLogger(__name__)


class NotSetUp(Unknown):
    """These settings name no identity that may read the directory."""


@shared_task(name="portal.sync_directory", ignore_result=True)
def sync_directory_task() -> None:
    """A failure is written down and waits for the next turn; nobody loses anything by it."""
    if not is_set_up():
        DirectoryReading.objects.all().delete()  # so that nobody waits for a reading any more
        return
    try:
        sync_directory()
    except Unknown as error:
        logger.warning("the directory could not be read: %s", error)


def sync_directory(check: Callable[[Directory], None] = refuse_unlikely) -> Written:
    """Read all of it now. Raises ``Unknown``; then nothing was changed. ``check`` looks at the
    answer before it is written, and raises ``Unknown`` for one that is not to be believed."""
    if not is_set_up():
        raise NotSetUp("AZURE_DIRECTORY_CLIENT_ID, ENTRA_TENANT_ID and ENTRA_CLIENT_ID are needed.")
    _note(started_at=db_now())
    try:
        with closing(Graph(token)) as graph:
            read = read_directory(graph, known_ids())
        check(read)
    except Unknown as error:
        _note(problem=str(error))
        raise
    done = write_directory(read)
    _note_whole(read, done)
    return done


def is_set_up() -> bool:
    return bool(
        settings.AZURE_DIRECTORY_CLIENT_ID and settings.ENTRA_TENANT_ID and settings.ENTRA_CLIENT_ID
    )


def _note_whole(read: Directory, done: Written) -> None:
    _note(
        finished_at=read.asked_at,  # as old as its question, not as its answer
        people=done.people,
        problem=" ".join(read.remarks),
        step_up_guarded=read.step_up_guarded,
    )


def _note(**fields: object) -> None:
    DirectoryReading.objects.update_or_create(pk=1, defaults=fields)
