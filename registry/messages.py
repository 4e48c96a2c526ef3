"""The Ukrainian catalogue, by Babel alone (`msgfmt` is often not installed). The source language is English.

    python -m registry.messages compile        .po -> .mo, where the .po is newer
    python -m registry.messages extract        what is used but not translated yet, as a .po to fill in
    python -m registry.messages check          what is missing, unused or has other placeholders; else exit 0
    python -m registry.messages merge FILE...  take translations from these .po files into the catalogue

A text that another package uses (and we word otherwise) carries the comment `# elsewhere: its package`.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

BASE_DIR = Path(__file__).resolve().parent.parent
CATALOGUE = BASE_DIR / "registry" / "locale" / "uk" / "LC_MESSAGES" / "django.po"
CODE = ("registry", "review", "partners", "claims", "evidence", "accounts", "ledger")
TEMPLATES = "templates"
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
HEADER = """\
msgid ""
msgstr ""
"Language: uk\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

"""  # noqa: E501
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")

Key = tuple[str, str | None]


@dataclass(frozen=True)
class Text:
    """A translatable text as it stands in the code: msgid (or singular and plural), context, where."""

    id: str | tuple[str, ...]
    context: str | None
    file: str

    @property
    def key(self) -> Key:
        return (self.id[0] if isinstance(self.id, tuple) else self.id), self.context


def used() -> list[Text]:
    """Every translatable text of our code and templates."""
    texts: list[Text] = []
    for folder in CODE:
        for file in sorted((BASE_DIR / folder).rglob("*.py")):
            texts += _texts(file, file.read_bytes())
    for file in sorted((BASE_DIR / TEMPLATES).rglob("*")):
        if file.suffix in (".html", ".txt"):
            # Python-like text with X for all else; its indentation means nothing.
            lines = templatize(file.read_text(encoding="utf-8"), origin=str(file)).splitlines()
            texts += _texts(file, "\n".join(line.lstrip() for line in lines).encode())
    return texts


def _texts(file: Path, source: bytes) -> Iterator[Text]:
    name = file.relative_to(BASE_DIR).as_posix()
    for _, found, _, context in extract("python", BytesIO(source), keywords=KEYWORDS, comment_tags=()):
        yield Text(tuple(found) if isinstance(found, list | tuple) else found, context, name)


def read(file: Path) -> Catalog:
    with file.open("rb") as stream:
        return read_po(stream, locale="uk")


def problems(catalogue: Catalog, texts: list[Text]) -> list[str]:
    """What keeps the catalogue from being complete, one sentence each."""
    found = []
    for text in {text.key: text for text in texts}.values():
        message = _find(catalogue, text.key)
        if message is None or message.fuzzy or not all(_strings(message)):
            found.append(f"{text.file}: not translated: {text.id!r}")
    keys = {text.key for text in texts}
    for message in catalogue:
        if not message.id:
            continue
        if _key(message) not in keys and not _is_elsewhere(message):
            found.append(f"no longer used: {message.id!r}")
        found += [f"placeholders differ: {message.id!r} and {string!r}" for string in _misfits(message)]
    return found


def _misfits(message: Message) -> list[str]:
    """Translations that name a placeholder which the text does not have, or leave one out.

    A plural form for one thing may leave the number out.
    """
    wanted = set(_PLACEHOLDER.findall(" ".join(_ids(message))))
    misfits = []
    for number, string in enumerate(_strings(message)):
        has = set(_PLACEHOLDER.findall(string))
        may_omit = message.pluralizable and number == 0
        if string and (has - wanted or (wanted - has and not may_omit)):
            misfits.append(string)
    return misfits


def compile_catalogue(file: Path = CATALOGUE) -> bool:
    """Writes the .mo beside the .po unless it is there and newer. Whether it did."""
    compiled = file.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime_ns >= file.stat().st_mtime_ns:
        return False
    draft = compiled.with_suffix(".mo.draft")
    with draft.open("wb") as stream:
        write_mo(stream, read(file))
    draft.replace(compiled)
    return True


def merge(catalogue: Catalog, others: dict[str, Catalog]) -> list[str]:
    """Adds the translations of the others, by file name. The first stays; a sentence for each conflict."""
    conflicts = []
    for name, other in others.items():
        for message in other:
            if not message.id or not any(_strings(message)):
                continue
            present = _find(catalogue, _key(message))
            if present is not None and all(_strings(present)):
                if _strings(present) != _strings(message):
                    conflicts.append(
                        f"{name}: {message.id!r} is already {present.string!r}, not {message.string!r}"
                    )
                continue
            catalogue.add(
                message.id, message.string, context=message.context, user_comments=message.user_comments
            )
    return conflicts


def write(catalogue: Catalog, file: Path, texts: list[Text]) -> None:
    """Sorted, with the files that use each text, and nothing that changes by itself."""
    for message in catalogue:
        files = {text.file for text in texts if text.key == _key(message)}
        message.locations = [(name, 0) for name in sorted(files)]
        message.auto_comments = []
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(HEADER.encode())
        write_po(stream, catalogue, width=110, omit_header=True, sort_output=True, include_lineno=False)


def untranslated(catalogue: Catalog, texts: list[Text]) -> Catalog:
    missing = Catalog(locale="uk")
    for text in texts:
        message = _find(catalogue, text.key)
        if message is None or not all(_strings(message)):
            missing.add(text.id, context=text.context, locations=[(text.file, 0)])
    return missing


def _find(catalogue: Catalog, key: Key) -> Message | None:
    return catalogue.get(key[0], context=key[1])


def _key(message: Message) -> Key:
    return _ids(message)[0], message.context


def _ids(message: Message) -> tuple[str, ...]:
    """The text, or its singular and plural."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _strings(message: Message) -> tuple[str, ...]:
    """The translation, or its plural forms; empty where there is none."""
    return (message.string or "",) if isinstance(message.string, str | None) else tuple(message.string)


def _is_elsewhere(message: Message) -> bool:
    return any(comment.startswith("elsewhere:") for comment in message.user_comments)


def main(command: str = "", *files: str) -> int:
    catalogue = read(CATALOGUE) if CATALOGUE.exists() else Catalog(locale="uk")
    if command == "compile":
        compile_catalogue()
    elif command == "extract":
        write_po(sys.stdout.buffer, untranslated(catalogue, used()), omit_header=True, include_lineno=False)
    elif command == "check":
        found = problems(catalogue, used())
        print(*found, sep="\n")
        return 1 if found else 0
    elif command == "merge" and files:
        texts = used()
        conflicts = merge(catalogue, {name: read(Path(name)) for name in files})
        write(catalogue, CATALOGUE, texts)
        print(*conflicts, sep="\n")
        return 1 if conflicts else 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
