"""Files that people can read as they are: plain text, and e-mails as a mail program saves them."""

import codecs
import re
from collections.abc import Callable

from evidence import refusals
from evidence.kinds import Mark
from evidence.refusals import Refused

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_ACTIVE: tuple[tuple[str, Callable[[], Refused]], ...] = (
    (r"<[!?/a-z]", refusals.web_page),
    (r"#!|@(echo|if|rem|set|cls|cd|start|call|goto)\b", refusals.program),
    (r"\{\\rtf|%!PS", refusals.other_document),
)
_START_LENGTH = 16
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")

_HEADER = re.compile(rb"([!-9;-~]+):(?: |\t|\r?$)")
_OF_AN_EMAIL = frozenset({b"from", b"sender", b"return-path", b"received", b"delivered-to"})
_OF_THE_LETTER = frozenset({b"date", b"message-id", b"mime-version"})
_SAVED_PAGE = re.compile(rb"(?im)^(snapshot-content-location:|from: *<saved by)")
_ATTACHMENT = re.compile(rb"(?i)\ncontent-disposition:[ \t]*(?:\r?\n[ \t]+)?attachment")
_LONGEST_ATTACHMENT_LINE = 100
_NOT_IN_AN_EMAIL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # but Escape, by which Japanese is written


def encoding(begin: bytes) -> str:
    """The encoding of a plain text that we keep, by its first two bytes: "utf-16" or "utf-8-sig"."""
    return "utf-16" if begin.startswith(UTF16_MARKS) else "utf-8-sig"


def begins_like_an_email(head: bytes) -> bool:
    """Lines of headers from the first byte on, those that every e-mail has among them."""
    names: set[bytes] = set()
    for line in head.split(b"\n")[:-1]:
        if line[:1] in (b" ", b"\t") and names:
            continue
        if not line.strip():
            break
        header = _HEADER.match(line)
        if header is None:
            return False
        names.add(header[1].lower())
    return bool(names & _OF_AN_EMAIL and names & _OF_THE_LETTER)


class PlainText:
    """Text to the last byte: UTF-8, or UTF-16 with its mark, nothing that controls a terminal or runs."""

    def __init__(self, begin: bytes) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding(begin))()
        self._start = ""

    def feed(self, data: bytes, *, final: bool = False) -> None:
        is_readable = True
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError:
            text, is_readable = data.decode("latin-1"), False  # a page or a script in old letters is one, too
        if len(self._start) < _START_LENGTH:  # a page may begin after any number of blank lines
            self._start = (self._start + text).lstrip()[:_START_LENGTH]
            for pattern, refusal in _ACTIVE:
                if re.match(pattern, self._start, re.IGNORECASE):
                    raise refusal()
        if not is_readable or _CONTROL.search(text):
            raise refusals.unreadable_text()

    def finish(self) -> set[Mark]:
        self.feed(b"", final=True)
        return set()


class Email:
    """Headers and whatever letters follow them, in any encoding; a web page saved as an e-mail is none."""

    def __init__(self, head: bytes) -> None:
        if _SAVED_PAGE.search(head):
            raise refusals.web_page()
        self._last = b""
        self._has_attachment = False

    def feed(self, data: bytes) -> None:
        if _NOT_IN_AN_EMAIL.search(data):
            raise refusals.unreadable_text()
        if not self._has_attachment:
            self._has_attachment = bool(_ATTACHMENT.search(self._last + data))
            self._last = (self._last + data)[-_LONGEST_ATTACHMENT_LINE:]

    def finish(self) -> set[Mark]:
        return {Mark.EMBEDDED} if self._has_attachment else set()
