"""What is said about a request: remarks, a question back to who asked, and its answer.

Written once, never changed. The text is kept here; the ledger gets its digest, so that nobody can
change what was said unseen. See decision 19.
"""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from access import ledger, policy
from access.approvers import Pool, candidate_for
from access.clock import db_now
from access.errors import Invalid, KeyReused, NotAllowed, WrongState
from access.models import AccessRequest, Comment, CommentKind, Person
from access.notices import tell
from access.services.decide import expired
from access.services.refusals import one_transaction
from access.services.submission import clean_text
from access.states import RequestState

COMMENT_LIMIT = 1000
MOST_COMMENTS = 200
PER_MINUTE = 10
EVENTS = {
    CommentKind.COMMENT: "request.commented",
    CommentKind.QUESTION: "request.asked_back",
    CommentKind.ANSWER: "request.answered",
}


def comment(access_request: AccessRequest, text: str, *, by: Person, key: uuid.UUID) -> Comment:
    """A remark that changes nothing. The same ``key`` again is the same comment.

    Raises ``NotAllowed`` or ``Invalid``.
    """
    text = _checked(text)
    with one_transaction("request.comment", by=by, reference=access_request.reference):
        locked = _lock(access_request)
        if (again := _again(locked, by, key)) is not None:
            return _check_same(again, CommentKind.COMMENT, text)
        now = db_now()
        _check_party(locked, by, now)
        said = _say(locked, CommentKind.COMMENT, text, by=by, key=key, at=now)
        _tell(locked, said, _others(locked, by))
    return said


def ask_back(
    access_request: AccessRequest, question: str, *, by: Person, key: uuid.UUID, revision: int
) -> Comment:
    """A question that whoever asked must answer. The request goes on waiting and can still be
    decided; when it lapses stays as it is. ``revision``: the one that was shown.

    Raises ``NotAllowed``, ``WrongState`` or ``Invalid``.
    """
    question = _checked(question)
    with one_transaction("request.ask_back", by=by, reference=access_request.reference):
        locked = _lock(access_request)
        if (again := _again(locked, by, key)) is not None:
            return _check_same(again, CommentKind.QUESTION, question)
        now = db_now()
        _check_undecided(locked, now)
        candidate_for(locked, by, Pool(now))
        if locked.revision != revision:
            raise WrongState("The request was changed since you looked. Read it again first.")
        said = _say(locked, CommentKind.QUESTION, question, by=by, key=key, at=now)
        if locked.asked_back_at is None:
            locked.asked_back_at = said.at
            locked.save(update_fields=["asked_back_at"])
        _tell(locked, said, [locked.requester])
    return said


def answer(access_request: AccessRequest, text: str, *, by: Person, key: uuid.UUID) -> Comment:
    """Of who asked for access, to all the questions that wait. Raises as ``ask_back`` does."""
    text = _checked(text)
    with one_transaction("request.answer", by=by, reference=access_request.reference):
        locked = _lock(access_request)
        if (again := _again(locked, by, key)) is not None:
            return _check_same(again, CommentKind.ANSWER, text)
        now = db_now()
        policy.check_may_answer(locked, by)
        _check_undecided(locked, now)
        if locked.asked_back_at is None:
            raise WrongState("No question waits for an answer any more. You can still comment.")
        asked = locked.comments.filter(
            kind=CommentKind.QUESTION, at__gte=locked.asked_back_at
        ).values("by")
        said = _say(locked, CommentKind.ANSWER, text, by=by, key=key, at=now)
        locked.asked_back_at = None
        locked.save(update_fields=["asked_back_at"])
        _tell(locked, said, Person.objects.filter(pk__in=asked))
    return said


def has_part_in(access_request: AccessRequest, person: Person) -> bool:
    """Asked, administers, or has decided. Who could decide now has, too: see ``approvers``. No
    query where the decisions were prefetched."""
    if not person.is_active:
        return False
    if access_request.requester_id == person.pk or policy.may_join_any_conversation(person):
        return True
    if access_request.decided_by_id == person.pk:
        return True
    return any(decision.by_id == person.pk for decision in access_request.decisions.all())


def _lock(access_request: AccessRequest) -> AccessRequest:
    """Whoever decides it meanwhile goes first or waits."""
    return AccessRequest.objects.select_for_update(no_key=True).get(pk=access_request.pk)


def _checked(text: str) -> str:
    text = clean_text(text)
    if not text:
        raise Invalid({"text": "Write something first."})
    if len(text) > COMMENT_LIMIT:
        raise Invalid({"text": f"Keep it under {COMMENT_LIMIT} characters."})
    return text


def _again(locked: AccessRequest, by: Person, key: uuid.UUID) -> Comment | None:
    return locked.comments.filter(by=by, key=key).first()


def _check_same(again: Comment, kind: CommentKind, text: str) -> Comment:
    if (again.kind, again.text) != (kind, text):
        raise KeyReused("Something else was said with this key before. Send it anew.")
    return again


def _check_party(locked: AccessRequest, by: Person, now: datetime) -> None:
    if has_part_in(locked, by):
        return
    try:
        candidate_for(locked, by, Pool(now))
    except (NotAllowed, WrongState):
        raise NotAllowed(
            "Only who asked, who can decide it and administrators take part in this conversation."
        ) from None


def _check_undecided(locked: AccessRequest, now: datetime) -> None:
    if not locked.is_undecided:
        label = RequestState(locked.state).label.lower()
        raise WrongState(f"{locked.reference} was already {label}. You can still comment.")
    if locked.state == RequestState.PENDING and locked.lapses_at <= now:
        raise expired(locked)


def _say(
    locked: AccessRequest,
    kind: CommentKind,
    text: str,
    *,
    by: Person,
    key: uuid.UUID,
    at: datetime,
) -> Comment:
    _check_measure(locked, by, at)
    said = Comment.objects.create(
        access_request=locked, by=by, at=at, kind=kind, text=text, key=key
    )
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = {"id": said.pk, "sha256": digest, "revision": locked.revision}
    ledger.record(EVENTS[kind], by=by, reference=locked.reference, data=known)
    return said


def _check_measure(locked: AccessRequest, by: Person, now: datetime) -> None:
    if locked.comments.count() >= MOST_COMMENTS:
        raise Invalid(
            {"text": f"There are {MOST_COMMENTS} comments here, which is the most. Please go on "
             "where you usually talk, and say here by a new request what came of it."}
        )  # fmt: skip
    lately = Comment.objects.filter(by=by, at__gt=now - timedelta(minutes=1))
    if lately.count() >= PER_MINUTE:
        raise Invalid(
            {"text": f"That was {PER_MINUTE} within a minute. Please wait a moment, then send it "
             "again; your text is still here."}
        )  # fmt: skip


def _others(locked: AccessRequest, by: Person) -> list[Person]:
    """Who asked, and whoever has spoken or decided so far."""
    took_part = (
        Q(pk__in=[locked.requester_id])
        | Q(pk__in=locked.comments.values("by"))
        | Q(pk__in=locked.decisions.values("by"))
    )
    return list(Person.objects.filter(took_part, is_active=True).exclude(pk=by.pk).order_by("pk"))


def _tell(locked: AccessRequest, said: Comment, to: Iterable[Person]) -> None:
    """That something was said and by whom; what it says is read in the portal."""
    event = EVENTS[CommentKind(said.kind)]
    tell(event, key=f"comment-{said.pk}", to=to, about=locked, by=said.by)
