"""What is shipped: the image's command, the compose file, and production as it boots."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.portal.hardening.conftest import Server, production
from tests.portal.test_settings import GOOD, ROOT, booted

OLD = "0ld" * 30


def test_the_image_starts_gunicorn_with_its_settings():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert (
        'CMD ["gunicorn", "--config", "python:portal.serving", "portal.wsgi:application"]'
        in dockerfile
    )
    assert "USER portal" in dockerfile
    assert "--access-logfile" not in dockerfile
    assert "SECRET_KEY=" not in dockerfile.replace("RUN SECRET_KEY=$(python", "")  # made, not kept


def test_the_image_can_be_built(tmp_path: Path):
    """Its own line, with the settings of the image and with nothing else of the environment."""
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    line = next(
        each for each in dockerfile.splitlines() if "collectstatic" in each and "RUN" in each
    )
    done = subprocess.run(
        ["/bin/sh", "-c", line.removeprefix("RUN ")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "STATIC_ROOT": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "staticfiles.json").exists()


def test_gunicorn_reads_them_as_they_are_meant():
    shown = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", "python:portal.serving", "--print-config",
         "tests.portal.hardening.echo:application"],
        cwd=ROOT, env=production(), capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    found = dict(re.findall(r"^(\w+)\s+= (.*)$", shown, flags=re.MULTILINE))
    assert found["header_map"] == "refuse"
    assert found["forwarded_allow_ips"] == "[]"
    assert found["secure_scheme_headers"] == "{}"
    assert found["accesslog"] == "None"
    assert (found["limit_request_line"], found["limit_request_field_size"]) == ("4094", "8190")
    assert found["proxy_protocol"] in ("False", "off")
    assert found["control_socket_disable"] == "True"


def test_the_compose_file_hands_on_what_hardening_needs():
    settings = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-settings"]
    for name in ("SECRET_KEY_FALLBACKS", "SECRET_KEY_FALLBACKS_FILE"):
        assert settings[name] is None  # only where it is set
    for name in ("BEHIND_TLS_PROXY", "TRUSTED_PROXIES", "ACCESS_SESSION_SECONDS"):
        assert name in settings
    web = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]
    assert web["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]
    assert web["read_only"] is True
    assert web["cap_drop"] == ["ALL"]


def test_what_compose_passes_as_empty_is_as_unset():
    code = (
        "from django.conf import settings as s\n"
        "print(s.TRUSTED_PROXIES, s.SECRET_KEY_FALLBACKS, s.SECURE_PROXY_SSL_HEADER)"
    )
    done = booted(code, TRUSTED_PROXIES="", SECRET_KEY_FALLBACKS="")
    assert done.stdout.split() == ["0", "[]", "None"], done.stderr
    assert booted(code, BEHIND_TLS_PROXY="true").stdout.startswith("1 []")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"SECRET_KEY_FALLBACKS": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY_FALLBACKS": f"{OLD},embedded-demo-only-not-a-secret{OLD}"}, "SECRET_KEY"),
        ({"TRUSTED_PROXIES": "1"}, "BEHIND_TLS_PROXY"),
    ],
)
def test_unsafe_production_refuses_to_start(changes: dict[str, str], why: str):
    """X-81"""
    refused = booted(**changes)
    assert refused.returncode != 0
    assert why in refused.stderr


@pytest.mark.parametrize(
    "given", [f"{OLD} {'m1d' * 30}", f"{OLD},{'m1d' * 30}", f"{OLD}\n{'m1d' * 30}\n"]
)
def test_keys_of_before_come_as_a_list(given: str):
    code = "from django.conf import settings; print(len(settings.SECRET_KEY_FALLBACKS))"
    assert booted(code, SECRET_KEY_FALLBACKS=given).stdout.strip() == "2"


def test_django_has_nothing_to_warn_of(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=production(
            SECRET_KEY=secrets.token_urlsafe(64),
            ACCESS_ANCHOR=str(tmp_path), ACCESS_ANCHOR_KEYS=secrets.token_urlsafe(48),
        ),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


class TestProduction:
    """X-36: what is for trying and for developing does not exist."""

    @pytest.mark.parametrize(
        "path",
        ["/sign-in/demo/", "/admin/", "/admin/login/", "/metrics", "/metrics/", "/__debug__/",
         "/debug/", "/api-auth/login/", "/control/", "/_sim/", "/__sim__/state", "/msi/token",
         "/.env", "/.git/config", "/manage.py", "/static/../portal/settings/base.py",
         "/static/%2e%2e/manage.py", "/static/", "/media/", "/server-status", "/swagger/",
         "/api/v1/docs/", "/api/v1/schema/swagger-ui/", "/jsi18n/", "/i18n/setlang/"],
    )  # fmt: skip
    def test_it_is_not_found(self, path: str, proxied: Server):
        answer = proxied.get(path, "X-Forwarded-Proto: https")
        assert answer.status in ((405,) if path == "/sign-in/demo/" else (404, 400)), answer.body
        for leak in (b"Traceback", b"urlpatterns", b"DEBUG", b"django", b"Django"):
            assert leak not in answer.body

    def test_nobody_signs_in_as_the_demo(self, proxied: Server):
        """The address is the demo's; without it, the answer to a form is the same 404 or 403."""
        raw = (
            f"POST /sign-in/demo/ HTTP/1.1\r\nHost: {GOOD['ALLOWED_HOSTS']}\r\n"
            "X-Forwarded-Proto: https\r\nConnection: close\r\nContent-Length: 12\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\nperson=admin"
        )
        answer = proxied.send(raw.encode())
        assert answer.status in (403, 404)
        assert "set-cookie" not in answer.headers or "session" not in answer.headers["set-cookie"]

    @pytest.mark.parametrize(
        "path", ["/api/v1/schema/", "/api/v1/machines/?format=api", "/api/v1/"]
    )
    def test_the_api_tells_nothing_to_nobody(self, path: str, proxied: Server):
        answer = proxied.get(path, "X-Forwarded-Proto: https", "Accept: text/html")
        assert answer.status in (401, 403, 404, 406)
        assert not answer.body.lstrip().startswith(b"<") or answer.status == 404

    def test_its_answers_carry_what_production_adds(self, proxied: Server):
        headers = proxied.get("/sign-in/", "X-Forwarded-Proto: https").headers
        assert (
            headers["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"
        )
        assert "upgrade-insecure-requests" in headers["content-security-policy"]
        assert "x-powered-by" not in headers

    def test_static_files_are_immutable_and_for_this_site_only(self, proxied: Server):
        page = proxied.get("/sign-in/", "X-Forwarded-Proto: https").body.decode()
        path = re.search(r'src="(/static/js/portal\.[0-9a-f]+\.js)"', page)
        assert path is not None
        headers = proxied.get(path[1], "X-Forwarded-Proto: https").headers
        assert "immutable" in headers["cache-control"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
