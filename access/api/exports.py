"""Lists as CSV, by the same filters and for the same eyes as the lists themselves."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import FileResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from access import policy
from access.api.callers import person
from access.api.filters import GrantFilter, LedgerFilter, RequestFilter
from access.api.ledger import MayReadLedger
from access.api.scopes import InScope
from access.api.throttles import Calls, Exports
from access.models import AccessRequest, Grant, LedgerEntry, Person, Scope
from access.presenters import exports as tables
from access.services import exports as service
from access.tables import CONTENT_TYPE

CSV = {(200, "text/csv"): OpenApiTypes.STR}


class Csv(JSONRenderer):
    """So that who wants CSV is served. What goes wrong is JSON all the same."""

    media_type = "text/csv"
    format = "csv"


class ExportView(GenericAPIView[Any]):
    """At most 100,000 rows; each file leaves a line in the ledger: no other site makes a person's
    browser ask for one."""

    scopes: ClassVar = {"get": Scope.READ.value}
    throttle_classes = (Calls, Exports)
    renderer_classes = (JSONRenderer, Csv)
    pagination_class = None
    http_method_names = ("get",)  # a HEAD would make the file, and its line, for nobody
    table = ""
    model: type[Model]
    lines: Callable[[Iterable[Any]], tables.Rows]

    def visible(self, viewer: Person) -> QuerySet[Any]:
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return QuerySet(self.model).none()
        return self.visible(person(self.request))

    def get(self, request: Request) -> HttpResponseBase:
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise PermissionDenied("Another site led here. Ask for the file yourself.")
        rows = self.filter_queryset(self.get_queryset())
        service.check_size(rows)
        lines = self.lines(rows.iterator(chunk_size=service.CHUNK))
        chosen = {name: str(value) for name, value in request.query_params.items() if value}
        made = service.export(self.table, lines, by=person(request), chosen=chosen)
        answer = FileResponse(made.file, content_type=CONTENT_TYPE, as_attachment=True,
                              filename=f"{self.table}.csv")  # fmt: skip
        answer.headers["X-Content-SHA256"] = made.sha256
        return answer


class LedgerExport(ExportView):
    permission_classes = (InScope, MayReadLedger)
    filterset_class = LedgerFilter
    table = "ledger"
    model = LedgerEntry
    lines = staticmethod(tables.ledger_rows)

    @extend_schema(operation_id="exports_ledger", responses=CSV, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        """The ledger, the oldest first. For administrators and auditors."""
        return super().get(request)

    def visible(self, viewer: Person) -> QuerySet[LedgerEntry]:  # noqa: ARG002 - see MayReadLedger
        return LedgerEntry.objects.order_by("seq")


class RequestExport(ExportView):
    filterset_class = RequestFilter
    table = "requests"
    model = AccessRequest
    lines = staticmethod(tables.request_rows)

    @extend_schema(operation_id="exports_requests", responses=CSV, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Requests that you may see, the newest first."""
        return super().get(request)

    def visible(self, viewer: Person) -> QuerySet[AccessRequest]:
        rows = policy.visible_requests(viewer).select_related("requester", "decided_by", "extends")
        return rows.prefetch_related("doors__machine").order_by("-pk")


class GrantExport(ExportView):
    filterset_class = GrantFilter
    table = "grants"
    model = Grant
    lines = staticmethod(tables.grant_rows)

    @extend_schema(operation_id="exports_grants", responses=CSV, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Access that you may see, the newest first."""
        return super().get(request)

    def visible(self, viewer: Person) -> QuerySet[Grant]:
        people = ("access_request__requester", "access_request__decided_by")
        return policy.visible_grants(viewer).select_related("machine", *people).order_by("-pk")
