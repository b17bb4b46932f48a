"""The terms: built in or the installation's own, and a file that cannot be used is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from links.models import Invitation
from links.visiting import terms
from links.visiting.errors import Refusal
from tests.portal.test_settings import booted
from tests.support.cast import Cast
from tests.support.estate import machine
from tests.support.visiting import Visitor, accepts_terms, comes_in, invited, opened

OWN = """\
version: "2026-11"
texts:
  en:
    - Be careful.
    - Touch nothing else.
  de: [Seien Sie vorsichtig., Rühren Sie nichts anderes an.]
"""
# Another text is another version: change both, or what was accepted is not what is meant.
BUILT_IN = ("built-in 1", "24e7790ab718")


@pytest.fixture
def own(tmp_path: Path, settings: Any) -> Path:
    file = tmp_path / "terms.yaml"
    file.write_text(OWN, encoding="utf-8")
    settings.VENDOR_TERMS_FILE = str(file)
    return file


def test_the_built_in_text_is_the_one_of_its_version() -> None:
    shown = terms.current("en")
    assert (shown.version, shown.digest[:12]) == BUILT_IN
    whole = "\n\n".join([shown.version, *shown.paragraphs])
    assert shown.digest == hashlib.sha256(whole.encode()).hexdigest()


def test_a_language_without_pages_is_english() -> None:
    assert terms.current("xx") == terms.current("en")


def test_the_installations_own_are_shown_by_language(own: Path) -> None:
    german, french = terms.current("de"), terms.current("fr")
    assert german.paragraphs == ["Seien Sie vorsichtig.", "Rühren Sie nichts anderes an."]
    assert (german.version, german.language) == ("2026-11", "de")
    assert french == terms.current("en")
    assert french.paragraphs == ["Be careful.", "Touch nothing else."]
    assert german.digest != french.digest


def test_what_was_accepted_in_one_language_counts_in_all(own: Path, cast: Cast) -> None:
    visitor = comes_in(opened(invited(machine(), cast)))
    assert not terms.accepted(visitor.invitation)
    accepts_terms(visitor, "de")
    assert terms.accepted(visitor.invitation)
    row = visitor.invitation.accepted.get()
    assert (row.version, row.language) == ("2026-11", "de")
    assert row.digest == terms.current("de").digest


def test_another_version_asks_anew(cast: Cast, own: Path, settings: Any, tmp_path: Path) -> None:
    visitor = accepts_terms(comes_in(opened(invited(machine(), cast))))
    newer = tmp_path / "newer.yaml"
    newer.write_text(OWN.replace("2026-11", "2026-12"), encoding="utf-8")
    settings.VENDOR_TERMS_FILE = str(newer)
    assert not terms.accepted(visitor.invitation)
    accepts_terms(visitor)
    assert Invitation.objects.get().accepted.count() == 2


def test_terms_that_changed_between_reading_and_accepting_are_not_accepted(
    cast: Cast, own: Path, settings: Any
) -> None:
    visitor: Visitor = comes_in(opened(invited(machine(), cast)))
    shown = terms.current("en")
    settings.VENDOR_TERMS_FILE = ""
    with pytest.raises(Refusal, match="terms"):
        terms.accept(
            visitor.browser,
            version=shown.version,
            digest=shown.digest,
            language="en",
            caller=visitor.caller,
        )
    assert not visitor.invitation.accepted.exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("texts: {en: [A]}", "must hold version and texts"),
        ("version: '1'\ntexts: {en: [A]}\nmore: 1", "must hold version and texts"),
        ("- 1", "must hold version and texts"),
        ("", "must hold version and texts"),
        ("version: ''\ntexts: {en: [A]}", "version must be"),
        (f"version: {'9' * 41}x\ntexts: {{en: [A]}}", "version must be"),
        ("version: built-in 1\ntexts: {en: [A]}", "version must be"),
        ("version: true\ntexts: {en: [A]}", "version must be"),
        ("version: |\n  1\n  2\ntexts: {en: [A]}", "version must be"),
        ("version: '1'\ntexts: {de: [A]}", "en be among them"),
        ("version: '1'\ntexts: [A]", "en be among them"),
        ("version: '1'\ntexts: {en: [A], xx: [B]}", "no pages in xx"),
        ("version: '1'\ntexts: {en: []}", "the text in en"),
        ("version: '1'\ntexts: {en: [A, '  ']}", "the text in en"),
        ("version: '1'\ntexts: {en: {a: b}}", "the text in en"),
        ("version: '1\n", "is no YAML"),
        ("version: !!python/object:os.system x", "is no YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_the_start(
    own: Path, settings: Any, tmp_path: Path, text: str, why: str
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(text, encoding="utf-8")
    settings.VENDOR_TERMS_FILE = str(broken)
    with pytest.raises(terms.BadTerms, match=why):
        terms.require_readable()
    with pytest.raises(CommandError, match="VENDOR_TERMS_FILE"):
        call_command("check")


def test_a_server_does_not_start_with_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    """gunicorn runs no checks."""
    missing = str(tmp_path / "none.yaml")
    done = booted("import portal.wsgi", ENTRA_CLIENT_SECRET="s", VENDOR_TERMS_FILE=missing)
    assert done.returncode != 0
    assert "none.yaml cannot be read" in done.stderr


def test_a_file_that_is_missing_is_refused_at_the_start(settings: Any, tmp_path: Path) -> None:
    settings.VENDOR_TERMS_FILE = str(tmp_path / "none.yaml")
    with pytest.raises(terms.BadTerms, match="cannot be read"):
        terms.require_readable()
