"""What was said about a request, and saying something."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy
from access.api.callers import KEY, key_of, person
from access.api.pages import Pages
from access.api.requests import REFERENCE
from access.api.serializers import PersonSerializer, Strict
from access.models import AccessRequest, Comment, CommentKind, Scope
from access.models.requests import REFERENCE_PREFIX
from access.services import comments as service


class CommentSerializer(serializers.ModelSerializer[Comment]):
    by = PersonSerializer()

    class Meta:
        model = Comment
        fields = ["id", "kind", "by", "at", "text"]


class SaySerializer(Strict):
    """A question goes back to who asked for access; an answer is theirs, to what waits."""

    text = serializers.CharField(max_length=service.COMMENT_LIMIT)
    kind = serializers.ChoiceField(choices=CommentKind.choices, default=CommentKind.COMMENT)
    revision = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text="Of the request, as it was read. Needed for a question.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["kind"] == CommentKind.QUESTION and "revision" not in attrs:
            text = "Say which revision of the request the question is about."
            raise serializers.ValidationError({"revision": [text]})
        return attrs


class OldestFirst(Pages):
    ordering = ("at", "id")


class CommentViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Comment]):
    """The conversation about a request that you may see, the oldest first."""

    serializer_class = CommentSerializer
    pagination_class = OldestFirst
    scopes: ClassVar = {"create": Scope.REQUEST.value}

    def get_queryset(self) -> QuerySet[Comment]:
        if getattr(self, "swagger_fake_view", False):
            return Comment.objects.none()
        return self._request().comments.select_related("by")

    @extend_schema(parameters=[REFERENCE])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=SaySerializer,
        responses={201: CommentSerializer},
        parameters=[REFERENCE, KEY],
    )
    def create(self, request: Request, **_kwargs: str) -> Response:
        """Say something. Repeating the call with the same key says it once."""
        sent = SaySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        said = self._say(request, sent.validated_data)
        return Response(CommentSerializer(said).data, status=status.HTTP_201_CREATED)

    def _say(self, request: Request, sent: dict[str, Any]) -> Comment:
        about, by, key, text = self._request(), person(request), key_of(request), sent["text"]
        if sent["kind"] == CommentKind.QUESTION:
            return service.ask_back(about, text, by=by, key=key, revision=sent["revision"])
        if sent["kind"] == CommentKind.ANSWER:
            return service.answer(about, text, by=by, key=key)
        return service.comment(about, text, by=by, key=key)

    def _request(self) -> AccessRequest:
        reference = str(self.kwargs["reference"])
        rows = policy.visible_requests(person(self.request))
        found = rows.filter(pk=int(reference.removeprefix(REFERENCE_PREFIX))).first()
        if found is None or found.reference != reference:
            raise Http404
        return found
