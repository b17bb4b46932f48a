"""A vendor reads all of a page in one language, and reads there what is true."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest

from supply import messages

CODE = """
from django.utils.translation import gettext, ngettext_lazy, pgettext

AGAIN = gettext("Ask again in %(wait)s seconds") % {"wait": 9}
LEFT = ngettext_lazy("%(left)s try left", "%(left)s tries left", "left")
OPEN = pgettext("of a window", "Open")
NOT_ASKED = "Nobody reads this in another language"
"""
PAGE = """{% load i18n %}
<main title="{% translate "100% private" %}">
      {# it's indented as no program may be #}
    {% blocktranslate trimmed %}
      <strong>{{ sponsor }}</strong>
      invites you
    {% endblocktranslate %}
  </main>
"""
GERMAN = {
    "Ask again in %(wait)s seconds": "Erneut in %(wait)s Sekunden anfordern",
    "Open": "Offen",
    "100%% private": "Zu 100%% privat",
    "<strong>%(sponsor)s</strong> invites you": "<strong>%(sponsor)s</strong> lädt Sie ein",
}
SAID = {*GERMAN, ("%(left)s try left", "%(left)s tries left")}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A product of one page, in English and German."""
    monkeypatch.setattr(messages, "PLURALS", {"de": messages.PLURALS["de"]})
    (tmp_path / "templates/visit/letters").mkdir(parents=True)
    (tmp_path / "links").mkdir()
    (tmp_path / "links/words.py").write_text(CODE)
    (tmp_path / "templates/visit/letters/page.html").write_text(PAGE)
    return tmp_path


@pytest.fixture
def german(tree: Path) -> Path:
    """Its German, complete."""
    messages.main([], tree)
    po = messages.po_of("de", tree)
    text = po.read_text()
    for english, word in GERMAN.items():
        text = text.replace(f'msgid "{english}"\nmsgstr ""', f'msgid "{english}"\nmsgstr "{word}"')
    text = text.replace('msgstr[0] ""', 'msgstr[0] "noch %(left)s Versuch"')
    po.write_text(text.replace('msgstr[1] ""', 'msgstr[1] "noch %(left)s Versuche"'))
    assert messages.main([], tree) == 0
    return po


def amended(po: Path, old: str, new: str) -> None:
    text = po.read_text()
    assert old in text
    po.write_text(text.replace(old, new))
    with po.with_suffix(".mo").open("wb") as out:  # as a careless hand would leave it: compiled
        out.write(messages._compiled(messages._read(po, "de")))


def test_every_text_of_the_product_is_there_in_every_language(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert messages.main(["--check"]) == 0, capsys.readouterr().out


def test_texts_of_code_and_of_pages_are_found(tree: Path) -> None:
    assert {text.id for text in messages.said(tree)} == SAID


def test_what_is_new_is_asked_for_and_what_is_known_stays(
    german: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tree / "links/words.py").open("a") as file:
        file.write('NEW = gettext("Sign out")\n')
    assert messages.main([], tree) == 1
    assert "'Sign out' is not translated" in capsys.readouterr().out
    assert 'msgstr "Offen"' in german.read_text()


def test_what_is_compiled_is_what_people_read(german: Path) -> None:
    with german.with_suffix(".mo").open("rb") as file:
        read = gettext.GNUTranslations(file)
    assert read.pgettext("of a window", "Open") == "Offen"
    assert read.gettext("100%% private") == "Zu 100%% privat"
    assert [read.ngettext("%(left)s try left", "%(left)s tries left", n) for n in (1, 2)] == [
        "noch %(left)s Versuch",
        "noch %(left)s Versuche",
    ]


def test_the_same_texts_are_the_same_files(german: Path, tree: Path) -> None:
    """Else each change of the code would bring changes of four languages along."""
    before = german.read_bytes(), german.with_suffix(".mo").read_bytes()
    code = tree / "links/words.py"
    code.write_text("\n\n# Moved down\n" + code.read_text())
    assert messages.main([], tree) == 0
    assert before == (german.read_bytes(), german.with_suffix(".mo").read_bytes())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('msgstr "Offen"', 'msgstr ""', "'Open' is not translated"),
        ('msgstr "Offen"', 'msgstr " "', "'Open' is not translated"),
        ('msgid "Open"', 'msgid "Ajar"', "'Ajar' is said nowhere"),
        ('msgid "Open"', 'msgid "Ajar"', "'Open' is missing"),
        ("%(wait)s Sekunden", "einigen Sekunden", "other places to fill"),
        ("%(wait)s Sekunden", "%(weit)s Sekunden", "other places to fill"),
        ("noch %(left)s Versuche", "noch Versuche", "other places to fill"),
        ("Zu 100%% privat", "Zu 100% privat", "other places to fill"),
        ("<strong>%(sponsor)s</strong> lädt", "<b>%(sponsor)s</b> lädt", "other tags"),
        (
            "</strong> lädt Sie ein",
            "</strong> lädt Sie <script>ein</script>",
            "other tags",
        ),
        ('msgctxt "of a window"', '#, fuzzy\nmsgctxt "of a window"', "only guessed"),
    ],
)
def test_a_translation_that_would_mislead_is_refused(
    german: Path, tree: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, told: str
) -> None:
    amended(german, old, new)
    capsys.readouterr()
    assert messages.main(["--check"], tree) == 1
    assert told in capsys.readouterr().out


def test_a_translation_that_nobody_compiled_is_refused(
    german: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page would go on saying what was there before."""
    german.write_text(german.read_text().replace("Offen", "Geöffnet"))
    assert messages.main(["--check"], tree) == 1
    assert "django.mo is not what it compiles to" in capsys.readouterr().out
    german.with_suffix(".mo").unlink()
    assert messages.main(["--check"], tree) == 1


def test_to_check_changes_nothing(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert messages.main(["--check"], tree) == 1
    assert "is not there" in capsys.readouterr().out
    assert not (tree / "links/locale").exists()


def test_every_language_that_a_vendor_can_choose_is_translated(settings) -> None:
    chosen = [code for code, _ in settings.LANGUAGES]
    assert sorted(chosen) == sorted(["en", *messages.PLURALS])
    kept = {path.name for path in (messages.ROOT / "links/locale").iterdir()}
    assert kept == set(messages.PLURALS)


def test_nobody_is_addressed_as_a_friend() -> None:
    """Vendors are guests of a bank: Sie, vous, usted."""
    familiar = {
        "de": r"\b(?:du|dich|dir|dein(?:e[mnrs]?)?|euch|euer|eure[mnrs]?)\b",
        "fr": r"\b(?:tu|toi|ton|tes)\b",
        "es": r"\b(?:tú|tu|tus|tuyo|contigo|vosotros|vuestr[oa]s?)\b",
    }
    for language, words in familiar.items():
        catalog = messages._read(messages.po_of(language), language)
        for each in catalog:
            for form in messages._forms(each.string) if each.id else ():
                assert not re.search(words, form, re.IGNORECASE), f"{language}: {form}"
