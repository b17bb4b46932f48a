"""Personal tokens on the pages: made, shown once, seen and revoked."""

from __future__ import annotations

import re
import uuid

from access.models import ApiToken, Notice
from tests.access.api.calling import token_of, with_secret
from tests.support.browsers import Browser
from tests.support.cast import Cast


def test_a_token_is_made_and_shown_once(cast: Cast, browser: Browser) -> None:
    alice = browser(cast.alice)
    assert "Make a token" in alice.get("/me/").content.decode()
    sent = {"key": str(uuid.uuid4()), "name": "laptop", "scopes": ["read"], "days": "7"}
    page = alice.post("/me/tokens/new/", sent).content.decode()
    found = re.search(r"bax_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", page)
    assert found
    assert with_secret(found[0]).get("me/").status_code == 200
    settings = alice.get("/me/").content.decode()
    assert "laptop" in settings
    assert found[0] not in settings
    assert ApiToken.objects.get().prefix in settings


def test_the_same_form_twice_makes_one_token(cast: Cast, browser: Browser) -> None:
    """Whoever reloads the page that shows it would otherwise have a second that nobody knows of."""
    alice = browser(cast.alice)
    key = re.search(r'name="key" value="([^"]+)"', alice.get("/me/tokens/new/").content.decode())
    assert key
    sent = {"key": key[1], "name": "laptop", "scopes": ["read"], "days": "7"}
    assert alice.post("/me/tokens/new/", sent).status_code == 200
    again = alice.post("/me/tokens/new/", sent)
    assert again.status_code == 409
    assert "sent already" in again.content.decode()
    assert ApiToken.objects.count() == 1
    assert browser(cast.bob).post("/me/tokens/new/", sent).status_code == 200  # his own


def test_a_wrong_form_says_where(cast: Cast, browser: Browser) -> None:
    page = browser(cast.alice).post("/me/tokens/new/", {"name": "", "days": "365"})
    assert page.status_code == 400
    for words in ("Say what the token is for", "Choose what the token may do", "how long it lasts"):
        assert words in page.content.decode()
    assert not ApiToken.objects.exists()


def test_revoking_ones_own_asks_first(cast: Cast, browser: Browser) -> None:
    caller, token = token_of(cast.alice)
    alice, path = browser(cast.alice), f"/me/tokens/{token.pk}/revoke/"
    assert "Revoke laptop?" in alice.get(path).content.decode()
    assert caller.get("me/").status_code == 200
    assert alice.post(path)["Location"] == "/me/"
    assert caller.get("me/").status_code == 401
    assert "no longer works" in alice.get(path).content.decode()
    assert not Notice.objects.filter(event="token.revoked").exists()  # she knows


def test_administrators_and_auditors_see_everybodys(cast: Cast, browser: Browser) -> None:
    _, token = token_of(cast.alice)
    path = f"/me/tokens/{token.pk}/revoke/"
    for who, status in [(cast.alice, 404), (cast.bob, 404), (cast.dana, 200), (cast.erin, 200)]:
        assert browser(who).get("/people/tokens/").status_code == status
    assert token.prefix in browser(cast.erin).get("/people/tokens/").content.decode()
    assert browser(cast.charlie).post(path).status_code == 404
    assert browser(cast.erin).post(path).status_code == 403
    assert browser(cast.dana).post(path)["Location"] == "/people/tokens/"
    assert Notice.objects.filter(event="token.revoked", person=cast.alice).exists()
    assert token.prefix not in browser(cast.dana).get("/people/tokens/").content.decode()
    assert "Revoked" in browser(cast.dana).get("/people/tokens/", {"all": "1"}).content.decode()
