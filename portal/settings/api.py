"""The JSON API: who may call, how often, and how it describes itself."""

REST_FRAMEWORK = {
    # The first names the scheme in a 401: whoever is nobody is told to bring a token.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.api.tokens.PersonalToken",
        "portal.signin.entra.bearer.EntraToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["access.api.scopes.InScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["access.api.bodies.PlainJson"],
    "DEFAULT_FILTER_BACKENDS": ["access.api.filters.KnownFilters"],
    "DEFAULT_PAGINATION_CLASS": "access.api.pages.Pages",
    "DEFAULT_SCHEMA_CLASS": "access.api.described.Described",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_THROTTLE_CLASSES": ["access.api.throttles.Calls", "access.api.throttles.Writes"],
    "DEFAULT_THROTTLE_RATES": {
        "calls": "600/min",
        "writes": "120/min",
        "exports": "20/hour",
        "descriptions": "10/min",
        "devices": "20/min",
        "device-polls": "240/min",
    },
    "EXCEPTION_HANDLER": "access.api.problems.problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Bastion Access",
    "DESCRIPTION": "Time-boxed access to Azure VMs through Azure Bastion.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["access.api.scopes.InScope"],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "access.api.described.with_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RequestStateEnum": "access.states.RequestState",
        "GrantStateEnum": "access.states.GrantState",
        "PolicyStateEnum": "access.models.PolicyState",
        "CommentKindEnum": "access.models.CommentKind",
    },
}
