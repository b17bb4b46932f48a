"""The API's own description, for whoever is signed in."""

from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularAPIView

from access.api.throttles import Calls, Descriptions
from access.models import Scope


class Schema(SpectacularAPIView):
    scopes: ClassVar = {"get": Scope.READ.value}
    throttle_classes = (Calls, Descriptions)


class PersonalTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "access.api.tokens.PersonalToken"
    name = "personalToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal token, `bax_…`: made in My settings, or by a device "
            "sign-in. It may do what its scopes name, and never decides anything.",
        }
