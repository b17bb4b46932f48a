"""Signing in through Entra, and who that makes a person."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from access.models import LedgerEntry, Person, Role
from portal.models import BrowserSession, DirectoryReading
from tests.portal.signin.conftest import SignIn, back, begun, is_signed_in, through
from tests.support.cast import Cast, ask, be_seen
from tests.support.entra import CLIENT, OTHER_TENANT, SECRET, TENANT, Entra, User, oid
from tests.support.estate import machine

pytestmark = pytest.mark.django_db


def lines(event: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(event=event).order_by("seq"))


class TestSigningIn:
    def test_a_person_arrives_with_their_roles_and_the_ledger_knows(
        self, entra: Entra, sign_in: SignIn
    ) -> None:
        browser = sign_in(entra.user("Alice", "Engineer", "Approver", "Something.Else"))
        assert is_signed_in(browser)
        alice = Person.objects.get()
        assert (alice.tenant_id, alice.object_id) == (TENANT, oid("Alice"))
        assert alice.held_roles == {Role.ENGINEER.value, Role.APPROVER.value}
        assert (alice.display_name, alice.mail) == ("Alice", "alice@example.test")
        assert not alice.is_guest
        assert alice.roles_read_at is not None
        assert [line.data for line in lines("person.signed_in")] == [{"how": "entra"}]
        assert lines("person.roles_changed")[0].data["after"] == ["approver", "engineer"]

    def test_entra_is_asked_for_a_code_with_pkce_state_and_nonce(self, entra: Entra) -> None:
        address = begun(Client(), "/sign-in/entra/?next=/machines/")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{entra.authority}/{TENANT}/oauth2/v2.0/authorize?")
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["response_mode"] == "query"
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == "https://access.example.test/sign-in/entra/callback/"
        assert set(asked["scope"].split()) == {"openid", "profile", "offline_access"}
        assert asked["state"]
        assert asked["nonce"]

    def test_entra_is_asked_what_it_is_once_a_day(self, entra: Entra, sign_in: SignIn) -> None:
        for _ in range(2):
            sign_in(entra.user("Alice"))
        assert entra.asked_times("/openid-configuration") == 1
        assert entra.asked_times("/keys") == 1

    def test_people_land_where_they_were_going(self, entra: Entra) -> None:
        alice = entra.user("Alice")
        assert through(Client(), entra, alice, "/sign-in/entra/?next=/ledger/").url == "/ledger/"

    @pytest.mark.parametrize("evil", ["https://evil.test/", "//evil.test", "/\\evil.test", "x"])
    def test_no_link_chooses_where(self, evil: str, entra: Entra) -> None:
        alice, browser = entra.user("Alice"), Client()
        assert through(browser, entra, alice, f"/sign-in/entra/?next={evil}").url == "/"

    def test_the_session_is_a_new_one(self, entra: Entra, sign_in: SignIn) -> None:
        """Who planted a session before the sign-in has nothing by it."""
        browser = Client()
        address = begun(browser)
        planted = browser.cookies["sessionid"].value
        back(browser, entra.visit(address, entra.user("Alice")))
        assert browser.cookies["sessionid"].value != planted
        thief = Client()
        thief.cookies["sessionid"] = planted
        assert not is_signed_in(thief)
        assert BrowserSession.objects.get(person__isnull=False).how == "entra"

    def test_two_tabs_sign_in_beside_each_other(self, entra: Entra) -> None:
        browser, alice = Client(), entra.user("Alice")
        one = begun(browser, "/sign-in/entra/?next=/machines/")
        two = begun(browser, "/sign-in/entra/?next=/requests/")
        assert back(browser, entra.visit(two, alice)).url == "/requests/"
        assert back(browser, entra.visit(one, alice)).url == "/machines/"

    def test_only_a_few_tabs_are_remembered(self, entra: Entra) -> None:
        browser = Client()
        for _ in range(9):
            begun(browser)
        assert len(browser.session["entra_flows"]) == 5

    def test_nothing_of_entras_is_readable_in_the_database(
        self, entra: Entra, sign_in: SignIn
    ) -> None:
        """X-50"""
        browser = sign_in(entra.user("Alice"))
        kept = str(dict(browser.session))
        assert "canary" not in kept
        assert SECRET not in kept

    def test_without_configuration_there_is_no_such_page(self, client: Client) -> None:
        for path in ("", "callback/", "refused/"):
            assert client.get(f"/sign-in/entra/{path}").status_code == 404

    def test_the_sign_in_page_leads_there(self, entra: Entra, client: Client, settings) -> None:
        settings.ACCESS_DEMO_SIGN_IN = False
        html = client.get("/sign-in/?next=/machines/").content.decode()
        assert "/sign-in/entra/?next=/machines/" in html
        assert "not configured" not in html

    def test_entra_away_is_said_and_nobody_is_signed_in(self, entra: Entra, settings) -> None:
        settings.ENTRA_AUTHORITY = "https://localhost:9"
        answer = Client().get("/sign-in/entra/")
        assert answer.status_code == 503
        assert "does not answer" in answer.content.decode()

    def test_a_certificate_nobody_vouches_for_is_not_believed(self, entra: Entra, settings) -> None:
        settings.ENTRA_CA_FILE = ""
        assert Client().get("/sign-in/entra/").status_code == 503

    def test_a_provider_that_calls_itself_otherwise_is_not_believed(
        self, entra: Entra, settings
    ) -> None:
        settings.ENTRA_ISSUER = f"{entra.authority}/{OTHER_TENANT}/v2.0"
        assert Client().get("/sign-in/entra/").status_code == 503

    def test_a_workload_identitys_assertion_is_read_each_time(
        self, entra: Entra, sign_in: SignIn, settings, tmp_path
    ) -> None:
        file = tmp_path / "token"
        settings.ENTRA_CLIENT_SECRET, settings.ENTRA_FEDERATED_TOKEN_FILE = "", str(file)
        for text in ("first", "second"):
            file.write_text(text)
            sign_in(entra.user("Alice"))
            sent = [sent for path, sent in entra.asked if path.endswith("/token")]
            assert sent[-1]["client_assertion"] == text
            assert "client_secret" not in sent[-1]

    def test_a_certificate_signs_who_the_portal_is(
        self, entra: Entra, sign_in: SignIn, settings, tmp_path
    ) -> None:
        import trustme

        file, rsa = tmp_path / "portal.pem", trustme.KeyType.RSA
        made = trustme.CA().issue_cert("portal.test", key_type=rsa)
        file.write_bytes(made.private_key_and_cert_chain_pem.bytes())
        settings.ENTRA_CLIENT_SECRET, settings.ENTRA_CERTIFICATE_FILE = "", str(file)
        sign_in(entra.user("Alice"))
        sent = [sent for path, sent in entra.asked if path.endswith("/token")]
        assert sent[-1]["client_assertion"].count(".") == 2

    def test_a_key_that_does_not_fit_is_said_to_the_log_only(
        self, entra: Entra, settings, tmp_path
    ) -> None:
        import trustme

        file = tmp_path / "portal.pem"
        file.write_bytes(trustme.CA().issue_cert("x.test").private_key_and_cert_chain_pem.bytes())
        settings.ENTRA_CLIENT_SECRET, settings.ENTRA_CERTIFICATE_FILE = "", str(file)
        assert through(Client(), entra, entra.user("Alice")).status_code == 503


class TestIdentity:
    def test_the_same_object_of_another_tenant_is_refused(self, entra: Entra) -> None:
        """X-27"""
        Person.objects.create(tenant_id=TENANT, object_id=oid("Alice"), display_name="Alice")
        browser, alice = Client(), entra.user("Alice")
        entra.tamper = {"tid": OTHER_TENANT}
        answer = through(browser, entra, alice)
        assert answer.status_code == 403
        assert "of another organisation" in answer.content.decode()
        assert not is_signed_in(browser)
        assert Person.objects.count() == 1
        refused = lines("person.sign_in.refused")[0]
        assert (refused.outcome, refused.data) == ("denied", {"reason": "wrong-tenant"})

    def test_the_same_mail_of_another_account_links_nothing(
        self, entra: Entra, sign_in: SignIn
    ) -> None:
        """X-27"""
        sign_in(entra.user("Alice", "Admin"))
        names = dict.fromkeys(("email", "preferred_username", "upn"), "alice@example.test")
        sign_in(entra.user("Mallory", claims=names))
        alice, mallory = Person.objects.order_by("pk")
        assert alice.mail == mallory.mail
        assert mallory.held_roles == {"engineer"}
        assert alice.held_roles == {"admin"}

    def test_a_new_hire_with_an_old_address_has_nothing_of_the_old_account(
        self, entra: Entra, sign_in: SignIn
    ) -> None:
        """X-29"""
        sign_in(entra.user("Alice", "Engineer", "Approver"))
        hire = User("Alice", ["Engineer"], oid=oid("Alice the second"))
        browser = sign_in(hire)
        old, new = Person.objects.order_by("pk")
        assert old.object_id != new.object_id
        assert new.held_roles == {"engineer"}
        assert int(browser.session["_auth_user_id"]) == new.pk

    def test_names_that_no_database_keeps(self, entra: Entra, sign_in: SignIn) -> None:
        sign_in(entra.user("Alice", claims={"name": "A\0l\ud800ice" + "x" * 300}))
        assert Person.objects.get().display_name == ("Alice" + "x" * 300)[:200]

    def test_who_is_renamed_stays_the_same_person(self, entra: Entra, sign_in: SignIn) -> None:
        """X-29"""
        alice = entra.user("Alice")
        sign_in(alice)
        alice.name = "Alice Married"
        sign_in(alice)
        assert Person.objects.get().display_name == "Alice Married"

    @pytest.mark.parametrize(
        ("claims", "is_guest"),
        [
            ({"acct": 1}, True),
            ({"acct": "1"}, True),
            ({"acct": None, "idp": f"https://sts.windows.net/{OTHER_TENANT}/"}, True),
            ({"acct": 0, "idp": "live.com"}, True),
            ({"acct": 0, "idp": f"https://sts.windows.net/{TENANT}/"}, False),
            ({"acct": 0}, False),
        ],
    )
    def test_guests_are_known_as_such(
        self, claims: dict[str, object], is_guest: bool, entra: Entra, sign_in: SignIn
    ) -> None:
        sign_in(entra.user("Gina", claims=claims))
        assert Person.objects.get().is_guest is is_guest

    def test_what_the_directory_knows_of_guests_is_not_taken_back(
        self, entra: Entra, sign_in: SignIn
    ) -> None:
        gina = entra.user("Gina")
        sign_in(gina)
        Person.objects.update(is_guest=True)
        DirectoryReading.objects.update_or_create(pk=1, defaults={"finished_at": timezone.now()})
        sign_in(gina)
        assert Person.objects.get().is_guest
        DirectoryReading.objects.update(finished_at=None)
        sign_in(gina)
        assert not Person.objects.get().is_guest

    @pytest.mark.parametrize("may", [False, True])
    def test_guests_decide_only_where_that_is_set(
        self, may: bool, entra: Entra, sign_in: SignIn, cast: Cast, settings
    ) -> None:
        settings.ENTRA_GUESTS_APPROVE = may
        be_seen()
        asked = ask(machine(), by=cast.alice)
        browser = sign_in(entra.user("Gina", "Approver", claims={"acct": 1}))
        said = {"terms_digest": asked.terms_digest, "revision": asked.revision}
        browser.post(f"/requests/{asked.reference}/approve/", said)
        asked.refresh_from_db()
        assert asked.state == ("approved" if may else "pending")

    def test_without_a_role_nobody_gets_in_and_is_told_what_to_do(self, entra: Entra) -> None:
        nobody = entra.user("Nobody")
        nobody.roles = []
        answer = through(Client(), entra, nobody)
        assert answer.status_code == 403
        html = answer.content.decode()
        assert "assign you an app role" in html
        assert "/sign-in/entra/?account=another" in html
        assert "prompt=select_account" in begun(Client(), "/sign-in/entra/?account=another")
        assert "prompt=" not in begun(Client())
        assert not Person.objects.exists()
        refused = lines("person.sign_in.refused")[0]
        assert (refused.subject, refused.data) == (
            f"{TENANT}/{oid('Nobody')}",
            {"reason": "no-role"},
        )

    def test_who_is_switched_off_here_stays_out(self, entra: Entra, sign_in: SignIn) -> None:
        sign_in(entra.user("Alice"))
        Person.objects.update(is_active=False)
        answer = through(Client(), entra, next(iter(entra.users.values())))
        assert answer.status_code == 403
        assert "switched off" in answer.content.decode()

    def test_roles_that_are_gone_at_sign_in_end_the_other_browsers(
        self, entra: Entra, sign_in: SignIn, settings
    ) -> None:
        alice = entra.user("Alice", "Engineer", "Approver")
        before = sign_in(alice)
        alice.roles = ["Engineer"]
        after = sign_in(alice)
        assert not is_signed_in(before)
        assert is_signed_in(after)


class TestGroups:
    """X-30"""

    @pytest.fixture(autouse=True)
    def _a_group_of_approvers(self, settings) -> None:
        settings.ENTRA_GROUP_ROLES = {oid("approvers"): "approver"}

    def test_members_hold_the_role_of_the_group(self, entra: Entra, sign_in: SignIn) -> None:
        sign_in(entra.user("Bob", claims={"groups": [oid("approvers"), oid("other")]}))
        assert Person.objects.get().held_roles == {"engineer", "approver"}

    @pytest.mark.parametrize(
        "overage",
        [{"_claim_names": {"groups": "src1"}, "_claim_sources": {}}, {"hasgroups": True}, {}],
    )
    def test_groups_that_are_left_out_are_asked_of_graph(
        self, overage: dict[str, object], entra: Entra, sign_in: SignIn, monkeypatch
    ) -> None:
        asked: list[object] = []

        def graph(token: str, wanted: list[str]) -> frozenset[str]:
            asked.append((token.startswith("canary-access"), wanted))
            return frozenset(wanted)

        monkeypatch.setattr("portal.signin.entra.arriving.groups_of_token", graph)
        sign_in(entra.user("Bob", claims=overage))
        assert asked == [(True, [oid("approvers")])]
        assert Person.objects.get().held_roles == {"engineer", "approver"}

    def test_and_where_graph_does_not_say_nobody_gets_in(self, entra: Entra, monkeypatch) -> None:
        from portal.directory.mine import Unknown

        def away(_token: str, _wanted: list[str]) -> frozenset[str]:
            raise Unknown("away")

        monkeypatch.setattr("portal.signin.entra.arriving.groups_of_token", away)
        bob = entra.user("Bob", claims={"_claim_names": {"groups": "src1"}})
        answer = through(Client(), entra, bob)
        assert answer.status_code == 403
        assert "could not be read" in answer.content.decode()
        assert lines("person.sign_in.refused")[0].data == {"reason": "groups-unknown"}
        assert not Person.objects.exists()


class TestReplays:
    """X-28"""

    def test_a_callback_works_once(self, entra: Entra) -> None:
        browser = Client()
        address = entra.visit(begun(browser), entra.user("Alice"))
        assert back(browser, address).status_code == 302
        asked = entra.asked_times("/token")
        browser.post("/sign-out/")
        assert back(browser, address).status_code == 403
        assert entra.asked_times("/token") == asked
        assert not is_signed_in(browser)

    def test_a_callback_in_another_browser_is_refused(self, entra: Entra) -> None:
        theirs, mine = Client(), Client()
        begun(mine)
        answer = back(mine, entra.visit(begun(theirs), entra.user("Alice")))
        assert answer.status_code == 403
        assert "began elsewhere" in answer.content.decode()
        assert not is_signed_in(mine)
        assert lines("person.sign_in.refused")[0].data == {"reason": "not-begun"}

    def test_a_code_that_another_flow_got_is_refused(self, entra: Entra) -> None:
        """The verifier is the browser's own: PKCE."""
        browser, alice = Client(), entra.user("Alice")
        one = entra.visit(begun(Client()), alice)
        two = entra.visit(begun(browser), alice)
        stolen = parse_qs(urlsplit(one).query)["code"][0]
        own = parse_qs(urlsplit(two).query)["code"][0]
        answer = back(browser, two.replace(own, stolen))
        assert answer.status_code == 403
        assert "AADSTS501481" in answer.content.decode()

    def test_a_sign_in_that_took_too_long_is_refused(self, entra: Entra, monkeypatch) -> None:
        browser = Client()
        address = entra.visit(begun(browser), entra.user("Alice"))
        monkeypatch.setattr("portal.signin.entra.flow.FLOW_SECONDS", 0)
        assert back(browser, address).status_code == 403

    def test_a_token_of_another_sign_in_is_refused(self, entra: Entra) -> None:
        entra.tamper = {"nonce": "0" * 64}
        assert through(Client(), entra, entra.user("Alice")).status_code == 403

    def test_strangers_fill_no_ledger(self, entra: Entra) -> None:
        for number in range(5):
            answer = Client().get(f"/sign-in/entra/callback/?state=guess-{number}&code=x")
            assert answer.url == "/sign-in/entra/refused/?why=not-begun"
        assert len(lines("person.sign_in.refused")) == 1

    def test_looking_at_the_callback_writes_nothing(self, entra: Entra) -> None:
        assert Client().get("/sign-in/entra/callback/").status_code == 302
        assert not LedgerEntry.objects.exists()


class TestWhatIsWritten:
    def test_entras_own_words_are_neither_shown_nor_kept(self, entra: Entra, caplog) -> None:
        words = "AADSTS50076: alice@example.test must use a second factor. Trace ID: 1 "
        entra.error = ("invalid_grant", f"{words}Correlation ID: {oid('correlation')} Timestamp: 1")
        answer = through(Client(), entra, entra.user("Alice"))
        html, told = answer.content.decode(), f"invalid_grant AADSTS50076 {oid('correlation')}"
        assert told in html
        assert lines("person.sign_in.refused")[0].data["entra"] == told
        for text in (html, caplog.text):
            assert "second factor" not in text
            assert "alice@example.test" not in text

    def test_an_error_out_of_the_address_is_only_a_number(self, entra: Entra) -> None:
        browser = Client()
        state = parse_qs(urlsplit(begun(browser)).query)["state"][0]
        said = f"state={state}&error=<b>call+0800</b>&error_description=Call+0800+AADSTS65004"
        html = browser.get(f"/sign-in/entra/callback/?{said}", follow=True).content.decode()
        assert "other AADSTS65004" in html
        assert "0800" not in html

    def test_nobody_puts_words_on_the_page_of_a_refusal(self, entra: Entra) -> None:
        said = "why=not-completed&told=Call+0800+AADSTS65004&next=//evil.test"
        answer = Client().get(f"/sign-in/entra/refused/?{said}")
        html = answer.content.decode()
        assert answer.status_code == 403
        assert "AADSTS65004" in html
        assert "Call" not in html
        assert 'href="/sign-in/entra/?next=/"' in html

    def test_the_code_is_in_no_page(self, entra: Entra) -> None:
        entra.tamper = {"exp": 1}
        browser = Client()
        address = entra.visit(begun(browser), entra.user("Alice"))
        code = parse_qs(urlsplit(address).query)["code"][0]
        answer = back(browser, address)
        assert answer.status_code == 403
        assert code not in answer.content.decode()

    def test_no_secret_reaches_a_log(self, entra: Entra, sign_in: SignIn, caplog) -> None:
        caplog.set_level("DEBUG")
        for logger in ("msal", "urllib3", "requests", "django", "portal"):
            caplog.set_level("INFO", logger)
        sign_in(entra.user("Alice"))
        entra.broken = 500
        through(Client(), entra, entra.user("Alice"))
        for secret in (SECRET, "canary-refresh", "canary-access", "eyJ"):
            assert secret not in caplog.text
