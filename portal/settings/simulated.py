"""Under which names the portal meets simulated Azure: four principals, with the roles of
docs/roles and nothing else. In the order of ``portal.azure.roles.Identity``."""

PRINCIPALS = ("portal-reader", "portal-opener", "portal-closer", "portal-keeper")
