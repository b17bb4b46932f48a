"""Under which names the portal meets simulated Azure: five principals, with the roles of
docs/roles and nothing else, in the order of ``portal.azure.roles.Identity``. And the demo's key."""

PRINCIPALS = (
    "portal-reader",
    "portal-opener",
    "portal-closer",
    "portal-keeper",
    "portal-second-closer",
)

# Of the demo and the tests; production refuses it.
DEMO_FIELD_KEY = "ZGVtby1vbmx5LW5vdC1hLXNlY3JldC0uLi4uLi4uLi4="
