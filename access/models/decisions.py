"""What people say about a request: yes, no, a question, a remark. Written once, never changed
but for being dismissed."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models.people import Person
from access.models.requests import AccessRequest


class DecisionVerdict(models.TextChoices):
    APPROVE = "approve", "Approved"
    DENY = "deny", "Denied"


class Decision(models.Model):
    """One person's word on one revision of a request. An approval counts for its stage."""

    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, related_name="decisions"
    )
    revision = models.PositiveIntegerField()
    stage = models.PositiveSmallIntegerField()  # counted from 0
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    on_behalf_of = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # whose deputy decided
    verdict = models.CharField(max_length=8, choices=DecisionVerdict.choices)
    terms_digest = models.CharField(max_length=64)  # what they were shown
    minutes = models.PositiveIntegerField(null=True, blank=True)  # the length that was agreed to
    comment = models.TextField(blank=True)
    at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)  # signed in anew for it (step-up)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_why = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["access_request", "revision", "by"], name="decision_once"
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=DecisionVerdict.values), name="decision_verdict"
            ),
            models.CheckConstraint(
                condition=~Q(verdict="deny") | ~Q(comment=""), name="decision_denial_says_why"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["at", "verdict"], name="decision_by_time")]

    def __str__(self) -> str:
        return f"{self.verdict} of {self.access_request_id} by {self.by_id}"


class Decider(models.Model):
    """Who could decide the request's present stage, as last reckoned: for lists, counts and
    notices. Deciding reckons anew and never reads this."""

    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.CASCADE, related_name="deciders"
    )
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="asked_to_decide")
    on_behalf_of = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["access_request", "person"], name="decider_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} of {self.access_request_id}"


class CommentKind(models.TextChoices):
    COMMENT = "comment", "Comment"
    QUESTION = "question", "Question"
    ANSWER = "answer", "Answer"


class Comment(models.Model):
    """Visible to the parties of the request. A question returns the request to who asked."""

    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, related_name="comments"
    )
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=CommentKind.choices, default=CommentKind.COMMENT)
    text = models.TextField()
    key = models.UUIDField()  # the same key twice is the same comment

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["access_request", "by", "key"], name="comment_once"),
            models.CheckConstraint(condition=Q(kind__in=CommentKind.values), name="comment_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.access_request_id}"


class Review(models.Model):
    """Of access that was opened without approval: somebody else says whether it was right."""

    access_request = models.OneToOneField(
        AccessRequest, on_delete=models.PROTECT, related_name="review"
    )
    due_at = models.DateTimeField()
    chased_at = models.DateTimeField(null=True, blank=True)  # reviewers were last reminded
    overtook = models.ForeignKey(
        AccessRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="overtaken_by"
    )  # what still waited for an approval then, and goes on waiting
    reviewed_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(
        max_length=16,
        blank=True,
        choices=[("justified", "Justified"), ("unjustified", "Not justified")],
    )
    comment = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True, reviewed_at__isnull=True, verdict="")
                | Q(
                    reviewed_by__isnull=False,
                    reviewed_at__isnull=False,
                    verdict__in=["justified", "unjustified"],
                ),
                name="review_done_pair",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="review_open", condition=Q(reviewed_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"review of {self.access_request_id}"


class Deputy(models.Model):
    """Who decides in somebody's place, for a time. Not passed on: a deputy's deputy decides
    nothing for the first."""

    approver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="deputies")
    deputy = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="stands_in_for")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)  # taken back before its time

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="deputy_period"
            ),
            models.CheckConstraint(
                condition=~Q(deputy=models.F("approver")), name="deputy_is_another"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["deputy", "ends_at"], name="deputy_by_deputy"),
            models.Index(fields=["approver", "ends_at"], name="deputy_by_approver"),
        ]

    def __str__(self) -> str:
        return f"{self.deputy_id} for {self.approver_id}"
