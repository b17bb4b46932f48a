"""Settings that refuse what must never run in production, and what both shapes share."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "SECRET_KEY": "k9" * 30,
    "ALLOWED_HOSTS": "portal.example.test",
    "DATABASE_URL": "postgres://portal@127.0.0.1/portal",
    "REDIS_URL": "redis://127.0.0.1/0",
    "FIELD_KEYS": "Zm9yLXRlc3RzLW9mLXByb2R1Y3Rpb24tc2V0dGluZ3M=",
    "ENTRA_TENANT_ID": "7a2d1c60-0000-4000-8000-00000000f00d",
    "ENTRA_CLIENT_ID": "7a2d1c60-0000-4000-8000-00000000c11e",
}


def booted(code: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
    """Production settings in a process of their own, with nothing of this one's environment."""
    env = {"PATH": os.environ["PATH"], **GOOD, **changes}
    env["DJANGO_SETTINGS_MODULE"] = env.get("DJANGO_SETTINGS_MODULE", "portal.settings.production")
    script = f"import django; django.setup()\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_production_starts_with_its_own_parts() -> None:
    assert booted().returncode == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"AZURE_SIMULATED": "1"}, "simulated Azure"),
        ({"AZURE_ENDPOINT": "http://127.0.0.1:8790"}, "must be https"),
        ({"ACCESS_DEMO_SIGN_IN": "true"}, "demo sign-in"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "embedded-demo-only-not-a-secret" * 3}, "SECRET_KEY"),
        ({"DATABASE_URL": "sqlite:///portal.sqlite3"}, "PostgreSQL"),
        ({"REDIS_URL": "memory://"}, "REDIS_URL"),
        ({"FIELD_KEYS": "ZGVtby1vbmx5LW5vdC1hLXNlY3JldC0uLi4uLi4uLi4="}, "demo"),
        ({"FIELD_KEYS": "not-a-key"}, "no key"),
        ({"ACCESS_ANCHOR": "/var/lib/anchor"}, "ACCESS_ANCHOR_KEYS"),
        ({"ACCESS_ANCHOR": "/var/lib/anchor", "ACCESS_ANCHOR_KEYS": "short"}, "ACCESS_ANCHOR_KEYS"),
        (
            {"ACCESS_ANCHOR": "http://a.blob.core.windows.net/b", "ACCESS_ANCHOR_KEYS": "k" * 40},
            "https",
        ),
        ({"NOTICES_ALLOW_LOOPBACK": "true"}, "NOTICES_ALLOW_LOOPBACK"),
        ({"PORTAL_URL": "http://portal.example.test"}, "PORTAL_URL"),
        ({"VENDOR_URL": "http://portal.example.test"}, "VENDOR_URL"),
        ({"VENDOR_URL": "https://portal.example.test"}, "another host"),
        ({"VENDOR_URL": "https://portal.example.test:443"}, "another host"),
        ({"VENDOR_URL": "https://us@visit.example.test"}, "a host alone"),
        ({"VENDOR_URL": "https://visit.example.test"}, "ALLOWED_HOSTS must name visit"),
        ({"VENDOR_BASTION_STAND_IN": "http://127.0.0.1:8790"}, "VENDOR_BASTION_STAND_IN"),
        ({"EMAIL_HOST": "mail.example.test"}, "EMAIL_FROM"),
        ({"ENTRA_TENANT_ID": "common"}, "ENTRA_TENANT_ID"),
        ({"ENTRA_TENANT_ID": "organizations"}, "ENTRA_TENANT_ID"),
        ({"ENTRA_TENANT_ID": "contoso.onmicrosoft.com"}, "ENTRA_TENANT_ID"),
        ({"ENTRA_CLIENT_ID": "bastion-access"}, "ENTRA_CLIENT_ID"),
        ({"ENTRA_AUTHORITY": "http://login.example.test"}, "ENTRA_AUTHORITY"),
        ({"ENTRA_ISSUER": "http://login.example.test"}, "ENTRA_ISSUER"),
        ({"ENTRA_GROUP_ROLES": "approvers"}, "ENTRA_GROUP_ROLES"),
        ({"ENTRA_GROUP_ROLES": '{"approvers": "approver"}'}, "no object id"),
        (
            {"ENTRA_GROUP_ROLES": '{"7a2d1c60-0000-4000-8000-00000000f00d": "root"}'},
            "no role",
        ),
        ({"AZURE_BUDGET_WRITES": "many"}, "AZURE_BUDGET_WRITES"),
        ({"AZURE_BUDGET_READS": "0,25"}, "AZURE_BUDGET_READS"),
        ({"AZURE_BUDGET_FOR_CLOSES": "1"}, "AZURE_BUDGET_FOR_CLOSES"),
        ({"ENTRA_CLIENT_SECRET": "a", "ENTRA_CERTIFICATE_FILE": "/b.pem"}, "not several"),
    ],
)
def test_unsafe_production_refuses_to_start(changes: dict[str, str], why: str) -> None:
    """X-81"""
    refused = booted(**changes)
    assert refused.returncode != 0
    assert why in refused.stderr


def test_vendors_may_have_a_host_of_their_own() -> None:
    code = (
        "from django.conf import settings as s\n"
        "assert 'https://visit.example.test' in s.CSRF_TRUSTED_ORIGINS\n"
        "assert s.VENDOR_COOKIE_NAME == '__Host-visit' and not s.VENDOR_BASTION_STAND_IN"
    )
    both = "portal.example.test,visit.example.test"
    done = booted(code, VENDOR_URL="https://visit.example.test", ALLOWED_HOSTS=both)
    assert done.returncode == 0, done.stderr


def test_the_web_process_needs_a_credential_and_workers_none() -> None:
    refused = booted("import portal.wsgi")
    assert refused.returncode != 0
    assert "Sign-in needs" in refused.stderr
    assert booted("import portal.wsgi", ENTRA_CLIENT_SECRET="s").returncode == 0


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_what_production_needs_has_no_default(missing: str) -> None:
    refused = booted(**{missing: ""})
    assert refused.returncode != 0


def test_the_demo_does_not_exist_in_production() -> None:
    """X-36"""
    code = (
        "from django.conf import settings; from django.http import Http404\n"
        "from django.test import RequestFactory; from portal.signin.views import demo_sign_in\n"
        "assert settings.ACCESS_DEMO_SIGN_IN is False and settings.AZURE_SIMULATED is False\n"
        "try: demo_sign_in(RequestFactory().post('/', {'person': 'admin'}))\n"
        "except Http404: pass\n"
        "else: raise SystemExit(1)"
    )
    done = booted(code)
    assert done.returncode == 0, done.stderr


def test_a_secret_may_come_from_a_mounted_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("f1" * 40)
    code = "from django.conf import settings; assert settings.SECRET_KEY == 'f1' * 40"
    env = {key: value for key, value in GOOD.items() if key != "SECRET_KEY"}
    script = f"import django; django.setup()\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={
            "PATH": os.environ["PATH"], **env, "SECRET_KEY_FILE": str(secret),
            "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


class TestCompose:
    """No container engine is at hand in every place, so the file is read and held to its word."""

    @pytest.fixture
    def services(self) -> dict[str, dict[str, object]]:
        read: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(
            (ROOT / "docker-compose.yml").read_text()
        )
        return read["services"]

    def test_every_part_is_there(self, services: dict[str, dict[str, object]]) -> None:
        parts = {
            "postgres",
            "redis",
            "migrate",
            "web",
            "worker",
            "closer",
            "sweeper",
            "notifier",
            "beat",
            "simulator",
        }
        assert set(services) == parts
        assert services["simulator"]["profiles"] == ["trial"]

    def test_what_must_live_is_restarted(self, services: dict[str, dict[str, object]]) -> None:
        lasting = ("postgres", "redis", "web", "worker", "closer", "sweeper", "notifier", "beat")
        assert {services[name]["restart"] for name in lasting} == {"unless-stopped"}

    def test_only_workers_are_told_how_to_reach_azure(
        self, services: dict[str, dict[str, object]]
    ) -> None:
        """X-75"""
        told = {
            name
            for name, service in services.items()
            if any(re.match("AZURE_(?!BUDGET_)", key) for key in service.get("environment") or {})
        }
        assert told == {"worker", "closer"}

    def test_the_second_closer_has_what_it_needs_and_nothing_else(
        self, services: dict[str, dict[str, object]]
    ) -> None:
        """Whoever takes it over can open nothing, sign nobody in, and unseal nothing."""
        told = services["closer"]["environment"]
        assert isinstance(told, dict)
        allowed = r"DJANGO_SETTINGS_MODULE|DATABASE_URL|ACCESS_ANCHOR\w*|CLOSER_\w+|LOG_\w+"
        whose = "SECOND_CLOSER_CLIENT_ID|ANCHOR_CLIENT_ID|TENANT_ID|FEDERATED_TOKEN_FILE"
        azure = rf"AZURE_(ENDPOINT|SUBSCRIPTIONS|BUDGET_\w+|{whose})"
        other = [name for name in told if not re.fullmatch(f"{allowed}|{azure}", name)]
        assert other == ["NOTICES_SECURITY_CONTACT"]
        assert str(told["DJANGO_SETTINGS_MODULE"]).endswith(":-portal.settings.closer}")
        needed = {name: GOOD[name] for name in ("DATABASE_URL",)}
        blank = dict.fromkeys(set(GOOD) - set(needed), "")
        code = (
            "from django.conf import settings\n"
            "from access.kinds import all_kinds\n"
            "from portal.closer import rounds\n"
            "assert len(all_kinds()) == 3 and not settings.FIELD_KEYS"
        )
        done = booted(code, DJANGO_SETTINGS_MODULE="portal.settings.closer", **blank)
        assert done.returncode == 0, done.stderr

    def test_no_empty_secret_reaches_the_azure_sdk(
        self, services: dict[str, dict[str, object]]
    ) -> None:
        """azure-identity takes an empty AZURE_CLIENT_SECRET for one, and never starts."""
        worker = services["worker"]["environment"]
        assert isinstance(worker, dict)
        ids = [
            f"AZURE_{name}CLIENT_ID" for name in ("", "READER_", "OPENER_", "CLOSER_", "KEEPER_")
        ]
        assert {worker[name] for name in (*ids, "AZURE_TENANT_ID")} == {None}
        blank = dict.fromkeys((*ids, "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"), "")
        code = (
            "from portal.azure import door, roles\nfor one in roles.Identity: door.credential(one)"
        )
        done = booted(code, **blank)
        assert done.returncode == 0, done.stderr

    def test_one_identity_serves_as_all_unless_others_are_named(self) -> None:
        code = (
            "from django.conf import settings\n"
            "print(settings.AZURE_READER_CLIENT_ID, settings.AZURE_OPENER_CLIENT_ID,"
            " settings.AZURE_CLOSER_CLIENT_ID)"
        )
        one = booted(code, AZURE_CLIENT_ID="one", AZURE_READER_CLIENT_ID="")
        assert one.stdout.split() == ["one", "one", "one"]
        two = booted(code, AZURE_CLIENT_ID="one", AZURE_CLOSER_CLIENT_ID="two")
        assert two.stdout.split() == ["one", "one", "two"]

    def test_but_nobody_is_the_keeper_unless_named(self) -> None:
        """It may write machines: the others' rights must not grow into that by themselves."""
        code = "from django.conf import settings\nprint([settings.AZURE_KEEPER_CLIENT_ID])"
        assert booted(code, AZURE_CLIENT_ID="one").stdout.split() == ["['']"]
        assert booted(code, AZURE_KEEPER_CLIENT_ID="two").stdout.split() == ["['two']"]

    def test_the_web_is_told_no_way_to_azure_in_the_trial_either(self) -> None:
        """X-75"""
        read = yaml.safe_load((ROOT / "docker-compose.trial.yml").read_text())["services"]
        told = {
            name
            for name, service in read.items()
            if any(
                key.startswith(("AZURE_", "IDENTITY_")) for key in service.get("environment", {})
            )
        }
        assert told == {"worker", "closer"}

    def test_simulated_azure_gives_our_identities_their_roles(
        self, services: dict[str, dict[str, object]]
    ) -> None:
        from portal.settings.simulated import PRINCIPALS

        command = " ".join(services["simulator"]["command"])  # type: ignore[arg-type]
        for principal in PRINCIPALS:
            file = f"docs/roles/{principal.removeprefix('portal-')}.json"
            assert f"--role {principal}={file}" in command
            assert (ROOT / file).exists()
        assert "COPY docs/roles docs/roles" in (ROOT / "Dockerfile").read_text()

    def test_slow_calls_to_azure_cannot_starve_the_sweep(
        self, services: dict[str, dict[str, object]]
    ) -> None:
        assert "sweep" in services["sweeper"]["command"]  # type: ignore[operator]
        assert "sweep" not in services["worker"]["command"]  # type: ignore[operator]

    def test_nothing_of_ours_runs_with_more_than_it_needs(
        self, services: dict[str, dict[str, object]]
    ) -> None:
        others = ("sweeper", "notifier", "beat", "simulator")
        for name in ("migrate", "web", "worker", "closer", *others):
            assert services[name]["cap_drop"] == ["ALL"]
            assert services[name]["read_only"] is True
        assert "USER portal" in (ROOT / "Dockerfile").read_text()

    def test_the_web_answers_this_machine_only(
        self, services: dict[str, dict[str, object]]
    ) -> None:
        assert all(str(port).startswith("127.0.0.1:") for port in services["web"]["ports"])  # type: ignore[attr-defined]
        assert not [name for name in ("postgres", "redis") if "ports" in services[name]]


class TestWhatIsWritten:
    """A setting that nobody can find, or that never reaches the process, is none."""

    NOT_FOR_PEOPLE = {"TEST_DATABASE_URL"}

    def test_every_setting_is_described_and_no_other(self) -> None:
        asked = re.compile(r"env(?:\.[a-z_]+)?\(\s*\"([A-Z_]+)\"")
        modules = [*(ROOT / "portal/settings").glob("*.py"), ROOT / "portal/serving.py"]
        read = {name for module in modules for name in asked.findall(module.read_text())}
        written = set(
            re.findall(r"`([A-Z]+(?:_[A-Z]+)+|PORT)`", (ROOT / "docs/settings.md").read_text())
        )
        assert written == read - self.NOT_FOR_PEOPLE

    def test_what_is_to_be_filled_in_reaches_a_process(self) -> None:
        filled = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        compose = (ROOT / "docker-compose.yml").read_text()
        assert [name for name in filled if name not in compose] == []
        described = (ROOT / "docs/settings.md").read_text()
        ours = [name for name in filled if name != "POSTGRES_PASSWORD"]  # of the database's own
        assert [name for name in ours if f"`{name}`" not in described] == []
