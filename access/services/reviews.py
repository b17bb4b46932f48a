"""Saying of access that was opened without an approval whether that was right."""

from django.db.models import QuerySet

from access import ledger, notices, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import AccessRequest, Grant, Person, Review
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text
from access.states import WANTING

JUSTIFIED, UNJUSTIFIED = "justified", "unjustified"
SAID = {JUSTIFIED: "It was justified.", UNJUSTIFIED: "It was not justified."}


def review(access_request: AccessRequest, *, by: Person, verdict: str, comment: str) -> Review:
    """Somebody else's word on it, once. The same word by the same person again changes nothing.

    Raises ``NotAllowed``, ``WrongState``, or ``Invalid`` with ``verdict`` or ``comment``.
    """
    comment = _checked(verdict, comment)
    with one_transaction("review.decide", by=by, reference=access_request.reference):
        row = Review.objects.select_for_update().filter(access_request=access_request).first()
        if row is None:
            raise WrongState("Only what was opened by break-glass is reviewed.")
        policy.check_may_review(access_request, by)
        if row.reviewed_by_id == by.pk and row.verdict == verdict:
            return row
        _check_time(row)
        row.reviewed_by, row.reviewed_at = by, db_now()
        row.verdict, row.comment = verdict, comment
        row.save(update_fields=["reviewed_by", "reviewed_at", "verdict", "comment"])
        data = {"verdict": verdict, "comment": comment, "due_at": row.due_at}
        ledger.record("review.done", by=by, reference=access_request.reference, data=data)
        _tell(row, access_request, by)
    return row


def runs(access_request: AccessRequest) -> QuerySet[Grant]:
    """What of it may still be used."""
    wanted = Grant.objects.filter(access_request=access_request, state__in=WANTING)
    return wanted.filter(end_order__isnull=True)


def _checked(verdict: str, comment: str) -> str:
    comment, problems = clean_text(comment), {}
    if verdict not in SAID:
        problems["verdict"] = "Say whether it was justified."
    if not comment:
        problems["comment"] = "Say what you looked at and why you think so. It stands for good."
    elif len(comment) > REASON_LIMIT:
        problems["comment"] = f"Keep the comment under {REASON_LIMIT} characters."
    if problems:
        raise Invalid(problems)
    return comment


def _check_time(row: Review) -> None:
    """Not before what is to be judged has happened; but what is due can always be done."""
    if row.reviewed_by is not None:
        raise WrongState(f"{row.reviewed_by.display_name} has reviewed this already.")
    if row.due_at > db_now() and runs(row.access_request).exists():
        raise WrongState(
            "It is still open, so nobody can say yet what was done. Review it when it has ended; "
            "an administrator can end it now."
        )


def _tell(row: Review, asked: AccessRequest, by: Person) -> None:
    data = {"why": f"{SAID[row.verdict]} {row.comment}", "verdict": row.verdict}
    key = f"{asked.reference}.reviewed"
    if row.verdict == JUSTIFIED:
        notices.tell("review.done", key=key, to=[asked.requester], about=asked, data=data, by=by)
        return
    to = [asked.requester, *policy.people_with(policy.Act.HEAR_OF_EMERGENCIES)]
    notices.tell_overseers("review.unjustified", key=key, to=to, about=asked, data=data, by=by)
