"""Bastion hosts as places for links, and what is kept of a link that Azure made."""

from django.db import models

from access.models import BastionHost, Gate, Grant


class LinkHost(models.Model):
    """Joins a Bastion host to the gate through which its links are opened and closed."""

    host = models.OneToOneField(BastionHost, on_delete=models.CASCADE, related_name="link_host")
    gate = models.OneToOneField(Gate, on_delete=models.CASCADE, related_name="link_host")

    def __str__(self) -> str:
        return f"links of {self.host_id}"


class SealedLink(models.Model):
    """The address of an open grant's link, which is a bearer secret: sealed together with the
    grant's number, opened at a hand-off alone, and emptied the moment that closing is owed."""

    grant = models.OneToOneField(Grant, on_delete=models.CASCADE, related_name="sealed_link")
    sealed = models.TextField(blank=True)  # empty once it was purged
    sha256 = models.CharField(max_length=64)  # of the address, by which the ledger recognises it
    kept_at = models.DateTimeField()
    purged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sealed="", purged_at__isnull=False)
                | (~models.Q(sealed="") & models.Q(purged_at__isnull=True)),
                name="sealed_link_purged_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"the link of grant {self.grant_id}"
