"""``python -m supply.messages``: what vendors read, in their languages.

Takes the texts out of links/ and templates/visit/, brings ``django.po`` of each language up to
date and compiles it to the ``django.mo`` that the portal reads. Both are in the tree, so that who
runs the portal needs neither this nor gettext's own tools.

    python -m supply.messages            update and compile; says what is to be translated
    python -m supply.messages --check    change nothing; exit code 1 if anything is amiss
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
PLURALS = {
    "de": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "ja": "nplurals=1; plural=0;",
}  # of every language but English, which is what the texts are written in
LAZY = {f"{name}_lazy": where for name, where in DEFAULT_KEYWORDS.items() if name != "_"}
KEYWORDS = {**DEFAULT_KEYWORDS, **LAZY}
# What has to be in a translation just as often: places to fill, tags, and addresses of either.
FIXED = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}|</?\w+[^>]*>")
WIDTH = 100


class Tidy(Catalog):
    """Says nothing of dates, people and tools: the same texts are the same file."""

    def __init__(self, language: str) -> None:
        super().__init__(
            language, header_comment="# What vendors read: supply/messages.py", fuzzy=False
        )
        self.mime_headers = [("Plural-Forms", PLURALS[language])]

    def _get_mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale_identifier)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]

    mime_headers = property(_get_mime_headers, Catalog._set_mime_headers)  # noqa: SLF001


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    texts = list(said(root))
    found = []
    for language in PLURALS:
        file = po_of(language, root)
        if "--check" not in arguments:
            _update(file, language, texts)
        found += [f"{file.relative_to(root)}: {what}" for what in amiss(file, language, texts)]
    print("\n".join(found) or f"{len(texts)} texts in {len(PLURALS)} languages")
    return 1 if found else 0


def po_of(language: str, root: Path = ROOT) -> Path:
    return root / "links" / "locale" / language / "LC_MESSAGES" / "django.po"


def said(root: Path = ROOT) -> Iterator[Message]:
    """Every text that asks for a translation, once for each file that says it."""
    sources = [(path, path.read_text()) for path in sorted((root / "links").rglob("*.py"))]
    for path in sorted((root / "templates" / "visit").rglob("*.*")):
        code = templatize(path.read_text(), origin=str(path))
        # Python's reader of what became of a template would stumble over its indentation.
        sources.append((path, "\n".join(line.lstrip() for line in code.splitlines())))
    for path, code in sources:
        place = [(path.relative_to(root).as_posix(), 0)]
        for _, ids, comments, context in extract(
            "python", BytesIO(code.encode()), KEYWORDS, comment_tags=["Translators:"]
        ):
            named = ids[:2] if isinstance(ids, tuple) else ids
            yield Message(named, locations=place, auto_comments=comments, context=context)


def amiss(file: Path, language: str, texts: Sequence[Message]) -> Iterator[str]:
    """What keeps vendors from reading all of it, and right."""
    if not file.exists():
        yield "is not there"
        return
    catalog = _read(file, language)
    known = [message for message in catalog if message.id]  # all but the head
    wanted = {_key(text) for text in texts}
    yield from (f"{each.id!r} is said nowhere" for each in known if _key(each) not in wanted)
    for key in sorted(wanted - {_key(each) for each in known}, key=str):
        yield f"{key[1]!r} is missing"
    for each in known:
        yield from _amiss_in(each)
    compiled = file.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != _compiled(catalog):
        yield f"{compiled.name} is not what it compiles to"


def _amiss_in(message: Message) -> Iterator[str]:
    forms = _forms(message.string)
    if message.fuzzy:
        yield f"{message.id!r} is only guessed (fuzzy)"
    if not all(form.strip() for form in forms):
        yield f"{message.id!r} is not translated"
        return
    originals = [_fixed(text) for text in _forms(message.id)]
    for form in forms:
        if _fixed(form) not in originals:
            yield f"{message.id!r} has other places to fill or other tags than {form!r}"


def _update(file: Path, language: str, texts: Sequence[Message]) -> None:
    """What is translated stays; what is said no more goes; nothing is guessed."""
    old = _read(file, language) if file.exists() else Tidy(language)
    new = Tidy(language)
    for text in texts:
        known = old.get(text.id, text.context)
        new.add(
            text.id,
            known.string if known and known.pluralizable == text.pluralizable else None,
            locations=text.locations,
            auto_comments=text.auto_comments,
            context=text.context,
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        write_po(out, new, width=WIDTH, sort_by_file=True, include_lineno=False)
    file.with_suffix(".mo").write_bytes(_compiled(_read(file, language)))


def _read(file: Path, language: str) -> Catalog:
    with file.open("rb") as source:
        found = read_po(source, locale=language, abort_invalid=True)
    tidy = Tidy(language)
    for each in found:
        if each.id:
            tidy[each.id] = each
    return tidy


def _compiled(catalog: Catalog) -> bytes:
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def _key(message: Message) -> tuple[str, object]:
    return message.context or "", message.id


def _forms(text: str | Sequence[str] | None) -> list[str]:
    return [text or ""] if text is None or isinstance(text, str) else list(text)


def _fixed(text: str) -> Counter[str]:
    return Counter(FIXED.findall(text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
