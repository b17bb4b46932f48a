"""A secret that somebody puts into the tree is found, and the list of exceptions stays honest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from supply import secrets

KNOWN: dict[str, Any] = json.loads(secrets.BASELINE.read_text())
AWS = "AKIA" + "Q3EGRJVU5B2XHZ7P"
# Put together here, so that this file has none.
PLANTED = {
    "an access key": ("settings.py", f'KEY_ID = "{AWS}"'),
    "a private key": ("tls.pem", "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADAN\n"),
    "a password": ("settings.py", 'EMAIL_HOST_' + 'PASSWORD = "Wjf83ks0qLp2"'),
    "a field key": ("deploy.md", '`"4Jr0y8Wk2qVn6Zt1Lx9' + 'cBd7Fh3Gm5PsAuEoIiRwTyQk="`'),
    "an address with a password": ("compose.yml", "url: postgres://portal:" + "Wjf83ks0qLp2@db/p"),
    "a token": ("notes.md", "eyJhbGciOiJSUzI1NiJ9." + "eyJvaWQiOiJhbGljZSJ9.c2lnbmF0dXJl"),
    "a silenced key": ("settings.py", f'KEY_ID = "{AWS}"  # pragma: allowlist secret'),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_is_found(tmp_path: Path, what: str) -> None:
    """X-82"""
    name, text = PLANTED[what]
    (tmp_path / name).write_text(f"# a file\n{text}\n")
    found = secrets.look([name], KNOWN, tmp_path)
    assert [path for path, _ in found] == [name]


def test_what_is_locked_or_generated_is_not_taken_for_secrets() -> None:
    paths = ["requirements.txt", "requirements-dev.txt", "docs/openapi.yaml"]
    assert not list(secrets.look(paths, KNOWN))


def test_a_new_secret_fails_and_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.py").write_text(PLANTED["an access key"][1])
    monkeypatch.setattr(secrets, "ROOT", tmp_path)
    monkeypatch.setattr(secrets, "files", lambda: ["settings.py"])
    found = secrets.look(["settings.py"], KNOWN, tmp_path)
    monkeypatch.setattr(secrets, "look", lambda *_: found)
    assert secrets.main([]) == 1
    out = capsys.readouterr().out
    assert "settings.py:1: AWS Access Key" in out
    assert AWS not in out


def test_nothing_is_excepted_that_no_person_has_judged() -> None:
    rows = [row for rows in KNOWN["results"].values() for row in rows]
    assert all(row["is_secret"] is False for row in rows)
    assert len(rows) < 60  # a long list is read by nobody
    assert not [path for path in KNOWN["results"] if not (secrets.ROOT / path).is_file()]


def test_what_was_judged_here_is_known_in_every_checkout() -> None:
    """A list that names one machine's folder excepts nothing on another."""
    rows = [(path, row) for path, rows in KNOWN["results"].items() for row in rows]
    assert all(row["filename"] == path and not path.startswith("/") for path, row in rows)
    found = secrets.look(["portal/settings/testing.py"], KNOWN)
    assert {secret.filename for _, secret in found} == {"portal/settings/testing.py"}


def test_nobody_is_asked_over_the_network_and_no_comment_silences_it() -> None:
    used = " ".join(row["path"] for row in KNOWN["filters_used"])
    assert "verification" not in used
    assert "allowlist" not in used
