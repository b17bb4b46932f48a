"""Deletions that Azure took on and carries out in its own time."""

from django.db import models


class Fate(models.TextChoices):
    AT_WORK = "at work"
    DONE = "done"
    FAILED = "failed"


class Deletion(models.Model):
    """One call for several machines' links of a host, and what Azure said of it since.

    A hint for all workers, never a truth: the list of links is asked as well before anything is
    called gone, and where no row tells of a deletion Azure is asked by name. Old rows of a host are
    dropped at its next deletion."""

    bastion = models.CharField(max_length=400)  # its ARM id, in lower case
    address = models.TextField()  # where Azure tells how it goes
    machines = models.JSONField()  # ARM ids, in lower case
    at = models.DateTimeField()
    at_work_at = models.DateTimeField(null=True, blank=True)  # when Azure last said so
    over_at = models.DateTimeField(null=True, blank=True)  # when it was first heard to be over
    fate = models.CharField(max_length=8, choices=Fate.choices, default=Fate.AT_WORK)

    class Meta:
        indexes = [models.Index(fields=["bastion", "at"], name="deletion_of_host")]

    def __str__(self) -> str:
        return f"deletion of {len(self.machines)} links, {self.fate}"
