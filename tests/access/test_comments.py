"""Bob asks Alice what she means, Alice answers, and it is known who said what."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from access import services
from access.approvers import Pool, reckon
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import AccessRequest, Comment, LedgerEntry, Machine, Notice, Person, Role
from access.services.comments import MOST_COMMENTS, PER_MINUTE, answer, ask_back, comment
from tests.access.test_races import all_at_once
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, ask, person


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)
    monkeypatch.setattr("access.notices.gathering.wake_routes", lambda _names: None)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine()


@pytest.fixture
def asked(cast: Cast, vm: Machine) -> AccessRequest:
    return ask(vm, by=cast.alice)


def says(asked: AccessRequest, text: str, *, by: Person) -> Comment:
    return comment(asked, text, by=by, key=uuid.uuid4())


def asks(asked: AccessRequest, text: str, *, by: Person) -> Comment:
    return ask_back(asked, text, by=by, key=uuid.uuid4(), revision=asked.revision)


def answers(asked: AccessRequest, text: str, *, by: Person) -> Comment:
    return answer(asked, text, by=by, key=uuid.uuid4())


def line(event: str) -> LedgerEntry:
    return LedgerEntry.objects.get(event=event)


def told(event: str) -> set[str]:
    return {n.person.display_name for n in Notice.objects.filter(event=event) if n.person}


@pytest.mark.parametrize("who", ["alice", "bob", "dana"])
def test_the_parties_may_speak(who: str, cast: Cast, asked: AccessRequest) -> None:
    said = says(asked, "  On it.\r\n", by=getattr(cast, who))
    assert (said.text, said.kind) == ("On it.", "comment")


@pytest.mark.parametrize("who", ["erin", "charlie"])
def test_auditors_read_and_others_do_not_speak(who: str, cast: Cast, asked: AccessRequest) -> None:
    with pytest.raises(NotAllowed):
        says(asked, "Hello", by=getattr(cast, who))
    assert line("request.comment.refused").outcome == "denied"
    assert Comment.objects.count() == 0


def test_who_decided_may_still_speak_without_the_role(cast: Cast, asked: AccessRequest) -> None:
    approve(asked, by=cast.bob)
    cast.bob.roles.filter(role=Role.APPROVER).delete()
    assert says(asked, "Tell me how it went.", by=Person.objects.get(pk=cast.bob.pk))


def test_the_text_is_kept_here_and_its_digest_in_the_ledger(
    cast: Cast, asked: AccessRequest
) -> None:
    """Decision 19: a text with a name in it can be taken away; that it was changed is seen."""
    says(asked, "Mr Miller knows.", by=cast.alice)
    known = line("request.commented")
    assert known.reference == asked.reference
    assert known.data["sha256"] == hashlib.sha256(b"Mr Miller knows.").hexdigest()
    assert "Miller" not in str(known.data)


def test_the_same_key_says_it_once(cast: Cast, asked: AccessRequest) -> None:
    key = uuid.uuid4()
    first = comment(asked, "Once", by=cast.alice, key=key)
    assert comment(asked, "Once", by=cast.alice, key=key) == first
    assert Comment.objects.count() == 1
    assert LedgerEntry.objects.filter(event="request.commented").count() == 1


@pytest.mark.parametrize("text", ["", "   ", "\u202e\x07", "x" * 1001])
def test_nothing_and_too_much_are_refused(text: str, cast: Cast, asked: AccessRequest) -> None:
    with pytest.raises(Invalid):
        says(asked, text, by=cast.alice)


def test_nobody_floods_a_request(cast: Cast, asked: AccessRequest) -> None:
    for number in range(PER_MINUTE):
        says(asked, f"{number}", by=cast.alice)
    with pytest.raises(Invalid, match="wait a moment"):
        says(asked, "and", by=cast.alice)
    assert says(asked, "Bob is not held up by it", by=cast.bob)
    Comment.objects.update(at=db_now() - timedelta(seconds=61))
    assert says(asked, "Later", by=cast.alice)


def test_a_request_has_so_many_comments_and_no_more(cast: Cast, asked: AccessRequest) -> None:
    long_ago = db_now() - timedelta(hours=1)
    Comment.objects.bulk_create(
        Comment(access_request=asked, by=cast.alice, at=long_ago, text="x", key=uuid.uuid4())
        for _ in range(MOST_COMMENTS)
    )
    with pytest.raises(Invalid, match="200 comments"):
        says(asked, "One more", by=cast.alice)


def test_bob_asks_back_and_alice_answers(cast: Cast, asked: AccessRequest) -> None:
    lapses = asked.lapses_at
    question = asks(asked, "Which disk?", by=cast.bob)
    asked.refresh_from_db()
    assert (asked.state, asked.asked_back_at, asked.lapses_at) == ("pending", question.at, lapses)
    assert told("request.asked_back") == {"Alice"}
    answers(asked, "/var", by=cast.alice)
    asked.refresh_from_db()
    assert (asked.state, asked.asked_back_at) == ("pending", None)
    assert told("request.answered") == {"Bob"}
    assert approve(asked, by=cast.bob).state == "approved"


def test_one_answer_is_to_all_who_asked(cast: Cast, asked: AccessRequest) -> None:
    carol = person("Carol", Role.APPROVER)
    first = asks(asked, "Which disk?", by=cast.bob)
    asks(asked, "Whose disk?", by=carol)
    asked.refresh_from_db()
    assert asked.asked_back_at == first.at
    answers(asked, "/var of the log host", by=cast.alice)
    assert told("request.answered") == {"Bob", "Carol"}
    asked.refresh_from_db()
    asks(asked, "And why?", by=carol)
    assert Notice.objects.filter(event="request.asked_back").count() == 3


def test_it_can_be_decided_while_a_question_waits(cast: Cast, asked: AccessRequest) -> None:
    asks(asked, "Which disk?", by=cast.bob)
    assert approve(asked, by=cast.bob).state == "approved"
    with pytest.raises(WrongState, match="already approved"):
        answers(asked, "Too late", by=cast.alice)


def test_only_who_may_decide_asks_back(cast: Cast, asked: AccessRequest) -> None:
    for other in (cast.alice, cast.dana, cast.erin, cast.charlie):
        with pytest.raises(NotAllowed):
            asks(asked, "Why?", by=other)
    assert LedgerEntry.objects.filter(event="request.ask_back.refused").count() == 4
    asked.refresh_from_db()
    assert asked.asked_back_at is None


def test_only_alice_answers(cast: Cast, asked: AccessRequest) -> None:
    asks(asked, "Which disk?", by=cast.bob)
    for other in (cast.bob, cast.dana):
        with pytest.raises(NotAllowed):
            answers(asked, "/var", by=other)
    assert LedgerEntry.objects.filter(event="request.answer.refused").count() == 2


def test_an_answer_needs_a_question(cast: Cast, asked: AccessRequest) -> None:
    with pytest.raises(WrongState, match="No question waits"):
        answers(asked, "/var", by=cast.alice)


def test_a_question_about_what_was_changed_meanwhile_is_not_asked(
    cast: Cast, asked: AccessRequest
) -> None:
    """X-09, for questions."""
    AccessRequest.objects.filter(pk=asked.pk).update(revision=2)
    with pytest.raises(WrongState, match="changed since you looked"):
        asks(asked, "Which disk?", by=cast.bob)


def test_nothing_is_asked_of_what_has_lapsed_or_is_over(cast: Cast, asked: AccessRequest) -> None:
    AccessRequest.objects.filter(pk=asked.pk).update(lapses_at=db_now() - timedelta(seconds=1))
    with pytest.raises(WrongState, match="expired unanswered"):
        asks(asked, "Which disk?", by=cast.bob)
    AccessRequest.objects.filter(pk=asked.pk).update(lapses_at=db_now() + timedelta(hours=1))
    services.withdraw(asked, by=cast.alice)
    with pytest.raises(WrongState, match="already withdrawn"):
        asks(asked, "Which disk?", by=cast.bob)


def test_a_comment_tells_those_who_took_part_but_not_who_wrote_it(
    cast: Cast, asked: AccessRequest
) -> None:
    says(asked, "Which disk?", by=cast.bob)
    says(asked, "All of them", by=cast.alice)
    assert told("request.commented") == {"Alice", "Bob"}
    assert Notice.objects.filter(event="request.commented").count() == 2
    assert "All of them" not in str(list(Notice.objects.values_list("data", flat=True)))


# The page


def url(asked: AccessRequest, name: str = "request") -> str:
    return reverse(name, args=[asked.reference])


def form_of(response: Any) -> dict[str, Any]:
    """The hidden fields that the page's own form would send."""
    html = response.content.decode()
    form = html[html.index('id="conversation"') :]
    found = re.findall(r'type="hidden" name="(key|revision)" value="([^"]*)"', form)
    assert {name for name, _ in found} == {"key", "revision"}
    return dict(found)


def test_a_conversation_without_scripts(cast: Cast, asked: AccessRequest, browser: Browser) -> None:
    bob, alice = browser(cast.bob), browser(cast.alice)
    page = bob.get(url(asked))
    assert "Ask for more information" in words(page)
    sent = form_of(page) | {"text": "Which disk?"}
    answered = bob.post(url(asked, "request-ask-back"), sent)
    assert answered.url == f"{url(asked)}#said-{Comment.objects.get().pk}"
    page = alice.get(url(asked))
    assert "Bob asked for more information Waits for an answer" in words(page)
    assert "Send answer" in words(page)
    alice.post(url(asked, "request-answer"), form_of(page) | {"text": "/var"})
    text = words(bob.get(url(asked)))
    assert text.index("Which disk?") < text.index("Alice answered") < text.index("/var")
    assert "Waits for an answer" not in text


def test_the_list_says_that_it_waits_for_an_answer(
    cast: Cast, asked: AccessRequest, browser: Browser
) -> None:
    bob = browser(cast.bob)
    assert "Waits for an answer" not in words(bob.get(reverse("approvals")))
    asks(asked, "Which disk?", by=cast.bob)
    for page in ("approvals", "home"):
        assert "Waits for an answer" in words(bob.get(reverse(page)))


def test_an_error_keeps_what_was_typed(cast: Cast, asked: AccessRequest, browser: Browser) -> None:
    alice = browser(cast.alice)
    for number in range(PER_MINUTE):
        says(asked, f"{number}", by=cast.alice)
    sent = form_of(alice.get(url(asked))) | {"text": "A long thought"}
    page = alice.post(url(asked, "request-comment"), sent)
    assert page.status_code == 400
    html = page.content.decode()
    assert "<title>Error: " in html
    assert 'href="#id_text"' in html
    assert "A long thought</textarea>" in html
    assert form_of(page)["key"] == sent["key"]


def test_what_was_typed_survives_a_conflict(
    cast: Cast, asked: AccessRequest, browser: Browser
) -> None:
    bob = browser(cast.bob)
    sent = form_of(bob.get(url(asked))) | {"text": "Which disk?"}
    AccessRequest.objects.filter(pk=asked.pk).update(revision=2)
    page = bob.post(url(asked, "request-ask-back"), sent)
    assert page.status_code == 409
    assert "changed since you looked" in words(page)
    assert "Which disk?</textarea>" in page.content.decode()
    assert form_of(page)["revision"] == "2"


def test_a_thousand_characters_with_line_breaks_fit(
    cast: Cast, asked: AccessRequest, browser: Browser
) -> None:
    """Browsers count a line break as one character and send two."""
    alice = browser(cast.alice)
    text = ("x" * 99 + "\r\n") * 10
    sent = form_of(alice.get(url(asked))) | {"text": text[:-2] + "x"}
    assert alice.post(url(asked, "request-comment"), sent).status_code == 302


def test_an_auditor_reads_it_and_is_offered_nothing(
    cast: Cast, asked: AccessRequest, browser: Browser
) -> None:
    says(asked, "On it.", by=cast.bob)
    erin = browser(cast.erin)
    page = erin.get(url(asked))
    assert "On it." in words(page)
    assert url(asked, "request-comment") not in page.content.decode()
    sent = {"text": "Hello", "key": uuid.uuid4(), "revision": 1}
    assert erin.post(url(asked, "request-comment"), sent).status_code == 403


@pytest.mark.parametrize("name", ["request-comment", "request-ask-back", "request-answer"])
def test_a_colleague_sees_and_says_nothing(
    name: str, cast: Cast, asked: AccessRequest, browser: Browser
) -> None:
    sent = {"text": "Hello", "key": uuid.uuid4(), "revision": 1}
    charlie = browser(cast.charlie)
    assert charlie.post(url(asked, name), sent).status_code == 404
    assert charlie.get(url(asked, name)).status_code == 405
    assert Comment.objects.count() == 0


def test_hostile_words_stay_words(cast: Cast, asked: AccessRequest, browser: Browser) -> None:
    """X-60"""
    says(asked, "<script>alert(1)</script> \u202egnp.exe\x1b[31m", by=cast.alice)
    html = browser(cast.bob).get(url(asked)).content.decode()
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_the_live_page_notices_a_comment_without_another_query(
    cast: Cast, asked: AccessRequest, browser: Browser, django_assert_max_num_queries: Any
) -> None:
    alice = browser(cast.alice)
    first = alice.get(url(asked, "request-live"))
    known = {"If-None-Match": first["ETag"]}
    with django_assert_max_num_queries(4) as queries:  # two of them are the session's
        assert alice.get(url(asked, "request-live"), headers=known).status_code == 304
    assert sum("access_accessrequest" in query["sql"] for query in queries) == 1
    asks(asked, "Which disk?", by=cast.bob)
    changed = alice.get(url(asked, "request-live"), headers=known)
    assert changed.status_code == 200
    assert "Which disk?" in words(changed)
    assert "Send answer" in words(changed)
    assert "<textarea" not in changed.content.decode()  # what is half typed stays


# The API


def test_the_api_reads_and_says(cast: Cast, asked: AccessRequest, browser: Browser) -> None:
    path, key = f"/api/v1/requests/{asked.reference}/comments/", str(uuid.uuid4())
    alice, bob = browser(cast.alice), browser(cast.bob)

    def post(client: Any, **body: Any) -> Any:
        headers = {"Idempotency-Key": key}
        return client.post(path, body, content_type="application/json", headers=headers)

    missing = post(bob, text="Which disk?", kind="question")
    assert set(missing.json()["errors"]) == {"revision"}
    made = [post(bob, text="Which disk?", kind="question", revision=1).json() for _ in range(2)]
    assert made[0] == made[1]
    assert post(alice, text="/var", kind="answer").status_code == 201
    found = alice.get(path).json()["results"]
    assert [(c["kind"], c["by"]["display_name"], c["text"]) for c in found] == [
        ("question", "Bob", "Which disk?"),
        ("answer", "Alice", "/var"),
    ]
    assert post(browser(cast.erin), text="Hello").status_code == 403
    assert browser(cast.erin).get(path).status_code == 200
    assert post(browser(cast.charlie), text="Hello").status_code == 404
    assert browser(cast.charlie).get(path).status_code == 404
    assert set(post(alice, text="x", by=1).json()["errors"]) == {"by"}


def test_who_is_asked_is_reckoned_as_before(cast: Cast, asked: AccessRequest) -> None:
    """A question changes nothing about who may decide."""
    asks(asked, "Which disk?", by=cast.bob)
    asked.refresh_from_db()
    reckon(asked, Pool(db_now()))
    assert [row.person for row in asked.deciders.all()] == [cast.bob]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_double_click_says_it_once(transactional_db: None) -> None:
    cast, key = Cast.create(), uuid.uuid4()
    asked = ask(estate.machine(), by=cast.alice)
    results = all_at_once(*[lambda: comment(asked, "Once", by=cast.alice, key=key)] * 8)
    assert len({result.pk for result in results}) == 1
    assert LedgerEntry.objects.filter(event="request.commented").count() == 1
