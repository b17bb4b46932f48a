"""What Teams, Slack and webhooks are sent, at receivers on loopback."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from access.delivery.worker import deliver
from access.models import Endpoint, Notice, Route
from access.sealed import seal
from tests.access.notices.moves import endpoint, let_pass, told
from tests.support.cast import Cast, ask
from tests.support.estate import machine
from tests.support.receivers import Service, http_service

pytestmark = pytest.mark.django_db(transaction=True)
EVIL = "<!channel> & <https://evil.example|click> **bold** [x](https://evil.example) `code` :fire:"


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def sent(cast: Cast, kind: str, **settings: Any) -> tuple[Service, Endpoint]:
    with http_service(**settings) as service:
        known = endpoint("Operations", service.address, kind)
        ask(machine(), by=cast.alice, reason=EVIL)
        deliver(known.route)
    return service, known


def texts(node: Any) -> str:
    """All strings of a message, one after another."""
    if isinstance(node, str):
        return node + "\n"
    if isinstance(node, dict):
        return "".join(texts(value) for value in node.values())
    return "".join(texts(each) for each in node) if isinstance(node, list) else ""


def test_teams_is_sent_a_card_with_one_button_that_opens_a_page(cast: Cast) -> None:
    service, known = sent(cast, "teams", status=202, answer=b"")
    [got] = service.got
    assert got.headers["Content-Type"] == "application/json"
    message = got.json
    assert message["type"] == "message"
    [attachment] = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    [action] = card["actions"]
    assert action["type"] == "Action.OpenUrl"
    assert action["url"].startswith("https://access.example.test/requests/BA-")
    assert "vm-app-01" in texts(card)
    assert "Alice" in texts(card)
    assert Notice.objects.get(endpoint=known).state == "sent"


def nodes(node: Any, kind: str) -> list[dict[str, Any]]:
    """All parts of a message that are of this type."""
    if isinstance(node, dict):
        here = [node] if node.get("type") == kind else []
        return here + [each for value in node.values() for each in nodes(value, kind)]
    return [each for item in node for each in nodes(item, kind)] if isinstance(node, list) else []


def test_what_alice_wrote_is_no_markdown_in_teams(cast: Cast) -> None:
    """A TextBlock reads Markdown, a TextRun does not."""
    service, _ = sent(cast, "teams", status=202, answer=b"")
    card = service.got[0].json
    labels = {block["text"] for block in nodes(card, "TextBlock")}
    assert labels <= {"Who", "For", "Machine", "Environment", "Way in", "Window", "Ticket"}
    assert any("**bold** [x](" in run["text"] for run in nodes(card, "TextRun"))
    assert "evil.example" not in texts(card)


def test_slack_is_sent_blocks_with_a_text_beside_them(cast: Cast) -> None:
    service, known = sent(cast, "slack")
    message = service.got[0].json
    assert "Alice asks for access to vm-app-01" in message["text"]
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds[0] == "header"
    [button] = next(b for b in message["blocks"] if b["type"] == "actions")["elements"]
    assert button["url"].startswith("https://access.example.test/")
    assert "value" not in button
    assert Notice.objects.get(endpoint=known).state == "sent"


def test_what_alice_wrote_calls_nobody_in_slack(cast: Cast) -> None:
    service, _ = sent(cast, "slack")
    message = service.got[0].json
    everything = texts(message)
    assert "<!channel>" not in everything
    assert "&lt;!channel&gt; &amp; " in everything

    for marked in nodes(message, "mrkdwn"):
        assert marked["text"].strip("*") in {"Who", "Machine", "Way in", "Window"}
    assert not any(plain["emoji"] for plain in nodes(message, "plain_text"))


def test_nobody_keeps_slack_from_being_told_by_what_they_write(cast: Cast) -> None:
    """Marks grow when they are escaped, and Slack refuses a text that is too long."""
    cast.alice.display_name = "&" * 100
    cast.alice.save()
    with http_service() as service:
        known = endpoint("Operations", service.address, "slack")
        ask(machine(), by=cast.alice, reason="<" * 1000)
        deliver(known.route)
    message = service.got[0].json
    assert len(message["blocks"][0]["text"]["text"]) <= 150
    for plain in nodes(message, "plain_text"):
        assert len(plain["text"]) <= 3000
        assert plain["text"].count("&") == plain["text"].count(";")  # none cut in two


def test_nor_teams(cast: Cast) -> None:
    """A line of a reason is an element of the card; of 28 kB Teams drops it, and tells nobody."""
    with http_service(status=202, answer=b"") as service:
        known = endpoint("Operations", service.address, "teams")
        ask(machine(), by=cast.alice, reason="x\n" * 490 + "the end")
        deliver(known.route)
    [got] = service.got
    assert len(got.body) < 20_000
    assert "the end" in texts(got.json)


def test_what_teams_may_show_instead_of_a_card_is_ours(cast: Cast) -> None:
    cast.alice.display_name = "[Approved](mailto:evil.example)"
    cast.alice.save()
    service, _ = sent(cast, "teams", status=202, answer=b"")
    [attachment] = service.got[0].json["attachments"]
    assert "evil" not in attachment["content"]["fallbackText"]


def test_slack_that_answers_something_else_than_ok_is_tried_again(cast: Cast) -> None:
    _, known = sent(cast, "slack", answer=b"channel_is_archived")
    waits = Notice.objects.get(endpoint=known)
    assert (waits.state, waits.problem) == ("queued", "Slack answered, but not with ok.")


def test_a_webhook_is_signed_so_that_its_receiver_can_tell(cast: Cast) -> None:
    service, known = sent(cast, "webhook", status=204, answer=b"")
    [got] = service.got
    stamp, identity = got.headers["X-Bastion-Access-Timestamp"], got.headers["X-Bastion-Access-Id"]
    signed = f"{stamp}.{identity}.".encode() + got.body
    expected = hmac.new(b"the secret", signed, hashlib.sha256).hexdigest()
    assert got.headers["X-Bastion-Access-Signature"] == f"v1={expected}"
    body = got.json
    assert body["event"] == "request.submitted"
    assert body["reference"] == "BA-" + body["reference"][3:]
    assert body["data"]["reason"] == EVIL.replace(
        "https://evil.example|click>", "[address left out]"
    ).replace("https://evil.example)", "[address left out]")
    assert Notice.objects.get(endpoint=known).state == "sent"


def test_while_a_secret_is_rotated_both_sign(cast: Cast) -> None:
    with http_service(status=200) as service:
        known = endpoint("SIEM", service.address, "webhook", old_secret=seal("the old one"))
        told(to=[])
        deliver(known.route)
    [got] = service.got
    stamp, identity = got.headers["X-Bastion-Access-Timestamp"], got.headers["X-Bastion-Access-Id"]
    signed = f"{stamp}.{identity}.".encode() + got.body
    both = [
        hmac.new(key, signed, hashlib.sha256).hexdigest() for key in (b"the secret", b"the old one")
    ]
    assert got.headers["X-Bastion-Access-Signature"] == ",".join(f"v1={each}" for each in both)


def test_a_repeated_delivery_has_the_same_id_so_that_it_can_be_told_apart(cast: Cast) -> None:
    with http_service(status=500) as service:
        known = endpoint("SIEM", service.address, "webhook")
        told(to=[])
        deliver(known.route)
        service.status = 200
        let_pass(hours=2)
        deliver(known.route)
    first, second = [got.headers["X-Bastion-Access-Id"] for got in service.got]
    assert first == second


@pytest.mark.parametrize("kind", ["teams", "slack", "webhook"])
def test_a_redirect_is_not_followed_and_says_so(cast: Cast, kind: str) -> None:
    with http_service() as elsewhere:
        _, known = sent(cast, kind, status=302, headers={"Location": elsewhere.address})
        assert elsewhere.got == []
    assert "redirects are not followed" in Route.objects.get(name=known.route).problem


def test_no_message_to_a_channel_holds_a_way_to_decide(cast: Cast) -> None:
    for kind, status in (("teams", 202), ("slack", 200), ("webhook", 200)):
        Endpoint.objects.update(active=False)
        with http_service(status=status) as service:
            known = endpoint(f"To {kind}", service.address, kind)
            told("request.submitted", to=[], key=kind, data={"reference": "BA-000001"})
            deliver(known.route)
        said = service.got[0].body.decode()
        for word in ("approve/", "deny/", "token", "session", "csrf"):
            assert word not in said
