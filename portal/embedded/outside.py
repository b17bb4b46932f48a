"""The demo's machines outside Azure: one that a rule keeps shut, and one that nothing does."""

from access import policy
from access.models import BastionHost, Machine, Person
from jit.outside.services import Details, register
from portal.embedded.people import DEMO_TENANT

HOST = "bastion-hub-neu"
TARGETS = (
    ("onprem-db-01", "192.168.40.10", "finance", "production"),  # the estate has a deny for it
    ("onprem-storage-01", "192.168.40.20", "platform", "production"),
)


def seed_outside() -> None:
    """Safe to repeat: what was registered once stays as people left it. Nothing is there to reach
    it through while the estate was never read."""
    host = BastionHost.objects.filter(name=HOST, ip_connect=True).first()
    admin = Person.objects.filter(tenant_id=DEMO_TENANT, object_id="admin").first()
    if host is None or admin is None or not policy.may_manage_outside(admin):
        return
    for name, address, owner, environment in TARGETS:
        if not Machine.objects.filter(name=name).exists():
            details = Details(name, address, "linux", (22,), host.pk, owner, environment)
            register(details, by=admin)
