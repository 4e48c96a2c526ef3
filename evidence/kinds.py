"""What kind of file it is: found in the content, never in the name or in what the sender's machine says."""

import codecs
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

HEAD_BYTES = 4096


@dataclass(frozen=True)
class Kind:
    """A kind of file that we keep. Whoever downloads it gets it under one of its extensions."""

    media_type: str
    label: Promise
    extensions: tuple[str, ...]
    opens_in_browser: bool


JPEG = Kind("image/jpeg", gettext_lazy("JPEG picture"), (".jpg", ".jpeg", ".jpe", ".jfif"), True)
PNG = Kind("image/png", gettext_lazy("PNG picture"), (".png",), True)
PDF = Kind("application/pdf", gettext_lazy("PDF document"), (".pdf",), True)
TEXT = Kind("text/plain", gettext_lazy("plain text"), (".txt", ".text", ".log"), False)
KINDS = {kind.media_type: kind for kind in (JPEG, PNG, PDF, TEXT)}


class Refused(Exception):
    """The file is not kept. The text tells the sender, in their language, what to do instead."""


def empty() -> Refused:
    return Refused(_("The file is empty. Check that it opens on your device and send it again."))


def too_large(limit: int) -> Refused:
    return Refused(
        _("The file is larger than %(limit)s. Make it smaller or split it, and send it again.")
        % {"limit": filesizeformat(limit)}
    )


def too_many() -> Refused:
    return Refused(_("Too many files at once. We did not keep this one: send it again by itself."))


def not_stored() -> Refused:
    return Refused(
        _("We could not store the file just now and kept nothing of it. Send it again in a few minutes.")
    )


def not_accepted(accepted: Collection[str]) -> Refused:
    labels = ", ".join(str(kind.label) for kind in KINDS.values() if kind.media_type in accepted)
    return Refused(
        _("We cannot take this kind of file here. Send one of these: %(kinds)s.") % {"kinds": labels}
    )


def unreadable_text() -> Refused:
    return Refused(
        _("We cannot read the letters in this text. Save it as UTF-8 or as a PDF document and send that.")
    )


def archive() -> Refused:
    return Refused(_("We cannot take archives. Unpack this one and send the files in it one by one."))


def office_document() -> Refused:
    return Refused(
        _("We cannot take office documents yet. Open it, save it as a PDF document and send the PDF.")
    )


def heic_picture() -> Refused:
    return Refused(
        _(
            "We cannot take HEIC pictures yet: send it as JPEG. On an iPhone, open the picture, choose "
            "Share, Options, Most Compatible, save it to Files and send it from there."
        )
    )


def other_picture() -> Refused:
    return Refused(_("We cannot take this kind of picture yet. Save it as JPEG or PNG and send it again."))


def recording() -> Refused:
    return Refused(
        _(
            "We cannot take video or sound recordings yet. Keep the original safe. You can send single "
            "pictures from a video as JPEG or PNG."
        )
    )


def program() -> Refused:
    return Refused(
        _("This file is a program, and we take no programs. Send a picture, a PDF document or plain text.")
    )


def web_page() -> Refused:
    return Refused(
        _("We cannot take web pages, SVG or XML. Save it as a PDF document, or send a picture of it.")
    )


_KEPT = (
    (re.compile(rb"\xff\xd8\xff[\xc0-\xfe]"), JPEG),
    (re.compile(rb"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), PNG),
    (re.compile(rb"(\xef\xbb\xbf)?[\t\n\f\r ]*%PDF-\d"), PDF),
)
# The first that fits counts: an office document is an archive, too, and a HEIC picture a kind of video.
_REFUSED: tuple[tuple[bytes, Callable[[], Refused]], ...] = (
    (
        rb"PK\x03\x04.*(\[Content_Types\]\.xml|_rels/\.rels|word/|xl/|ppt/|application/vnd\.oasis)",
        office_document,
    ),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", office_document),
    (rb"PK(\x03\x04|\x05\x06|\x07\x08)|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|MSCF\x00|.{257}ustar", archive),
    (rb"\x1f\x8b|\xfd7zXZ\x00|BZh[1-9]|\x28\xb5\x2f\xfd", archive),
    (rb"RIFF.{4}WEBP|II\*\x00|MM\x00\*|GIF8[79]a|BM.{4}\x00{4}|.{4}ftypavi[fs]", other_picture),
    (rb".{4}ftyp.{0,40}(hei[cxms]|hev[cx]|mif1|msf1)", heic_picture),
    (rb".{4}(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF.{4}AVI |FLV\x01|\x30\x26\xb2\x75", recording),
    (rb"\x00\x00\x01[\xb3\xba]|RIFF.{4}WAVE|OggS|fLaC|ID3|#!AMR|\xff[\xe2\xe3\xf1-\xf3\xf9-\xfb]", recording),
    (rb"MZ|\x7fELF|\xca\xfe\xba\xbe|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|dex\n", program),
)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
_ACTIVE_TEXT: tuple[tuple[str, Callable[[], Refused]], ...] = (
    (r"<[!?/a-z]", web_page),
    (r"#!AMR", recording),
    (r"#!|%!PS", program),
    (r"\{\\rtf", office_document),
)
_START_LENGTH = 16
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")


class Recogniser:
    """Finds the kind of a file while it streams past. `feed` and `finish` raise Refused."""

    def __init__(self, accepted: Collection[str]) -> None:
        self._accepted = accepted
        self._head = b""
        self._kind: Kind | None = None
        self._text: _Text | None = None

    def feed(self, data: bytes) -> None:
        if self._text:
            self._text.feed(data)
        elif self._kind is None:
            self._head += data
            if len(self._head) >= HEAD_BYTES:
                self._decide()

    def finish(self) -> Kind:
        if not self._head:
            raise empty()
        kind = self._kind or self._decide()
        if self._text:
            self._text.finish()
        return kind

    def _decide(self) -> Kind:
        head = self._head[:HEAD_BYTES]
        kind = next((kind for pattern, kind in _KEPT if pattern.match(head)), None)
        if kind is None and _BINARY.search(head) and not head.startswith(_UTF16_MARKS):
            raise self._refusal(head)
        if kind is None:
            kind, self._text = TEXT, _Text(self._head)
        if kind.media_type not in self._accepted:
            raise not_accepted(self._accepted)
        self._kind = kind
        return kind

    def _refusal(self, head: bytes) -> Refused:
        for pattern, refusal in _REFUSED:
            if re.match(pattern, head, re.DOTALL):
                return refusal()
        return not_accepted(self._accepted)


class _Text:
    """Text to the last byte: UTF-8, or UTF-16 with its mark, nothing that controls a terminal or runs."""

    def __init__(self, begin: bytes) -> None:
        self._decoder = codecs.getincrementaldecoder(text_encoding(begin))()
        self._start = ""
        self.feed(begin)

    def feed(self, data: bytes, *, final: bool = False) -> None:
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError:
            raise unreadable_text() from None
        if _CONTROL.search(text):
            raise unreadable_text()
        if len(self._start) < _START_LENGTH:  # a page may begin after any number of blank lines
            self._start = (self._start + text).lstrip()[:_START_LENGTH]
            for pattern, refusal in _ACTIVE_TEXT:
                if re.match(pattern, self._start, re.IGNORECASE):
                    raise refusal()

    def finish(self) -> None:
        self.feed(b"", final=True)


def text_encoding(begin: bytes) -> str:
    """The encoding of a plain text that we keep, by its first two bytes: "utf-16" or "utf-8-sig"."""
    return "utf-16" if begin.startswith(_UTF16_MARKS) else "utf-8-sig"
