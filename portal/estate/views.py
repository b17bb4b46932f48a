"""Having the estate read out of turn. The web process asks Azure nothing: it wakes a worker."""

import logging

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from access import ledger, policy
from access.models import Person
from access.services.refusals import one_transaction
from access.views.problems import mapped
from access.views.who import signed_in
from portal.celery import app

logger = logging.getLogger(__name__)


@require_POST
@mapped
@signed_in
def read_now(request: HttpRequest, person: Person) -> HttpResponse:
    with one_transaction("estate.read", by=person):
        policy.check_may_read_estate(person)
        ledger.record("estate.read_ordered", by=person)
    if _wake():
        messages.success(request, "A worker was asked to read the estate.")
    else:
        messages.error(
            request,
            "No worker could be asked now. The estate is read by itself when it is due.",
        )
    return redirect("verify")


def _wake() -> bool:
    """By name: the task's module brings the SDKs along, which this process has no use for."""
    try:
        app.send_task("portal.sync_estate", kwargs={"force": True})
    except OperationalError as error:
        logger.warning("no broker to have the estate read: %s", error)
        return False
    return True
