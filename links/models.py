"""What is remembered of a link that Azure made. Never its address: that is a bearer secret."""

from django.db import models

from access.models import BastionHost, Gate


class LinkHost(models.Model):
    """Joins a Bastion host to the gate through which its links are opened and closed."""

    host = models.OneToOneField(BastionHost, on_delete=models.CASCADE, related_name="link_host")
    gate = models.OneToOneField(Gate, on_delete=models.CASCADE, related_name="link_host")

    def __str__(self) -> str:
        return f"links of {self.host_id}"
