"""What kind of file it is, found while it streams past. docs/evidence.md says what is kept and what not."""

import re
from collections.abc import Callable, Collection
from typing import Protocol

from evidence import refusals
from evidence.kinds import (
    AAC,
    AMR,
    EMAIL,
    FLAC,
    HEIC,
    JPEG,
    M4A,
    MATROSKA,
    MP3,
    MP4,
    OGG,
    PDF,
    PICTURES,
    PNG,
    QUICKTIME,
    TEXT,
    THREE_GP,
    TIFF,
    WAV,
    WEBM,
    WEBP,
    Family,
    Kind,
    Mark,
)
from evidence.lengths import Boxes, Pdf, Png, Riff
from evidence.refusals import Refused
from evidence.texts import UTF16_MARKS, Email, PlainText, begins_like_an_email

HEAD_BYTES = 4096


class Watcher(Protocol):
    """Looks at all bytes of a file of one kind. Both may raise Refused."""

    def feed(self, data: bytes) -> None: ...

    def finish(self) -> set[Mark]: ...


_KEPT = (
    (rb"\xff\xd8\xff[\xc0-\xfe]", JPEG),
    (rb"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", PNG),
    (rb"RIFF.{4}WEBPVP8[ LX]", WEBP),
    (rb"II\*\x00|MM\x00\*", TIFF),
    (rb"(\xef\xbb\xbf)?[\t\n\f\r ]*%PDF-\d", PDF),
    (rb"\x1aE\xdf\xa3.{1,60}\x42\x82.{1,8}?webm", WEBM),
    (rb"\x1aE\xdf\xa3.{1,60}\x42\x82.{1,8}?matroska", MATROSKA),
    (rb"OggS\x00\x02.{22}(\x01vorbis|OpusHead|Speex   |\x7fFLAC)", OGG),
    (rb"RIFF.{4}WAVE", WAV),
    (rb"fLaC[\x00\x80]\x00\x00\x22", FLAC),
    (rb"#!AMR(-WB)?\n", AMR),
    (rb"ID3[\x02-\x04]\x00.[\x00-\x7f]{4}", MP3),
    (rb"[\x00-\x07].{3}(moov|mdat|wide)", QUICKTIME),  # from before there was ftyp
)
# By the first name in the ftyp box; a picture may be named by one of the others.
_BRANDS = (
    (rb"hei[cxms]|hev[cx]|(mif1|msf1).{4}(.{4})*?(hei[cxms]|hev[cx])", HEIC),
    (rb"qt  ", QUICKTIME),
    (rb"3g[2epgrs][0-9a-z]|mmp4", THREE_GP),
    (rb"M4[AB] ", M4A),
    (rb"iso[m0-9a-c]|mp4[12]|avc1|M4V[ HP]|MSNV|NDSC|XAVC|dash|f4v ", MP4),
)
_ZIP = rb"PK(\x03\x04|\x05\x06)"
_OLE = rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The first that fits counts.
_REFUSED: tuple[tuple[bytes, Callable[[], Refused]], ...] = (
    (rb"PK\x07\x08|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|MSCF\x00|ISc\(|.{257}ustar|xar!", refusals.archive),
    (rb"\x1f\x8b|\xfd7zXZ\x00|BZh[1-9]|\x28\xb5\x2f\xfd|LZIP|\x1f\x9d", refusals.archive),
    (rb"II\+\x00|MM\x00\+|GIF8[79]a|BM.{4}\x00{4}|8BPS|\x00\x00\x01\x00", refusals.other_picture),
    (rb".{4}ftyp(avi[fs]|crx |jxl |mif1|msf1)|\xff\x0a|\x00\x00\x00\x0cj[PX]", refusals.other_picture),
    (rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI |FLV\x01|\x30\x26\xb2\x75\x8e\x66\xcf", refusals.other_recording),
    (rb"\x00\x00\x01[\xb3\xba]|OggS|\.RMF|caff|FORM.{4}AIF|MThd|\.snd", refusals.other_recording),
    (rb"G.{187}G", refusals.other_recording),
    (rb"MZ|\x7fELF|\xca\xfe\xba\xbe|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|dex\n", refusals.program),
    (rb"[FCZ]WS[\x01-\x40]|\x4c\x00\x00\x00\x01\x14\x02\x00|\x00asm|#!", refusals.program),
    (rb"ITSF|SQLite format 3\x00|.{4}Standard (Jet|ACE) DB", refusals.other_document),
    (rb"%!PS|\xc5\xd0\xd3\xc6|\{\\rtf", refusals.other_document),
    (rb"(\xef\xbb\xbf)?\s*<[!?/a-zA-Z]", refusals.web_page),
)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
_HIDDEN_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
_TAIL_BYTES = _ZIP_END_BYTES + 2**16  # what readers of ZIP search, from the end


class Recogniser:
    """Finds the kind of a file while it streams past. `feed` and `finish` raise Refused.

    `is_container` says that the kind is not known yet after `finish`: it is a box of a kind that documents
    come in, and has to be looked into (containers.py)."""

    def __init__(self, accepted: Collection[str]) -> None:
        self.kind: Kind | None = None
        self.is_container = False
        self.marks: set[Mark] = set()
        self._accepted = accepted
        self._head = b""
        self._is_decided = False
        self._watchers: list[Watcher] = []

    def feed(self, data: bytes) -> None:
        if self._is_decided:
            for watcher in self._watchers:
                watcher.feed(data)
            return
        self._head += data
        if len(self._head) >= HEAD_BYTES:
            self._decide()

    def finish(self) -> None:
        if not self._head:
            raise refusals.empty()
        if not self._is_decided:
            self._decide()
        for watcher in self._watchers:
            self.marks |= watcher.finish()

    @property
    def family(self) -> Family | None:
        """Known from the first bytes on, of documents in a container too."""
        if self.is_container:
            return Family.OFFICE
        return self.kind.family if self.kind else None

    def _decide(self) -> None:
        self._is_decided = True
        head = self._head[:HEAD_BYTES]
        if re.match(_ZIP, head) or re.match(_OLE, head):
            self.is_container = True
            return
        kind = _kind(head)
        if kind is None:
            raise self._refusal(head)
        if kind.media_type not in self._accepted:
            raise refusals.not_accepted(self._accepted)
        self.kind = kind
        self._watchers = _watchers(kind, head)
        for watcher in self._watchers:
            watcher.feed(self._head)

    def _refusal(self, head: bytes) -> Refused:
        for pattern, refusal in _REFUSED:
            if re.match(pattern, head, re.DOTALL):
                return refusal()
        return refusals.not_accepted(self._accepted)


def _kind(head: bytes) -> Kind | None:
    for pattern, kind in _KEPT:
        if re.match(pattern, head, re.DOTALL):
            return kind
    if kind_of_boxes := _kind_of_boxes(head):
        return kind_of_boxes
    if sound := _sound(head):
        return sound
    if begins_like_an_email(head):
        return EMAIL
    if not _BINARY.search(head) or head.startswith(UTF16_MARKS):
        return TEXT
    return None


def _kind_of_boxes(head: bytes) -> Kind | None:
    """By the names in the first box, if that is ftyp."""
    size = int.from_bytes(head[:4], "big")
    if head[4:8] != b"ftyp" or not 16 <= size <= HEAD_BYTES:
        return None
    names = head[8 : min(size, len(head))]
    return next((kind for pattern, kind in _BRANDS if re.match(pattern, names, re.DOTALL)), None)


# Kilobits a second of MPEG-1 layer III, and of MPEG-2 and 2.5; samples a second of MPEG-1.
_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLES = (44100, 48000, 32000)
_FRAMES_AGREE = 3


def _sound(head: bytes) -> Kind | None:
    """MP3 or AAC without anything before it: a few frames in a row, each where the one before ends."""
    for kind, length_of in ((MP3, _mp3_frame), (AAC, _aac_frame)):
        at = 0
        for _number in range(_FRAMES_AGREE):
            length = length_of(head[at : at + 7])
            if not length:
                break
            at += length
            if at >= len(head) and at > length:  # two agree, and more do not fit in the head
                return kind
        else:
            return kind
    return None


def _mp3_frame(head: bytes) -> int:
    """Length in bytes, 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 0x08:
        return 0
    version, rate, samples = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if rate in (0, 15) or samples == 3:
        return 0
    is_first = version == 3
    per_second = _SAMPLES[samples] >> {3: 0, 2: 1, 0: 2}[version]
    kilobits = _RATES[0 if is_first else 1][rate]
    return (144 if is_first else 72) * kilobits * 1000 // per_second + (head[2] >> 1 & 1)


def _aac_frame(head: bytes) -> int:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def _watchers(kind: Kind, head: bytes) -> list[Watcher]:
    if kind is TEXT:
        return [PlainText(head)]
    if kind is EMAIL:
        return [Email(head)]
    own: list[Watcher] = []
    if kind is PDF:
        own = [Pdf()]
    elif kind is PNG:
        own = [Png()]
    elif kind in (WEBP, WAV):
        own = [Riff()]
    elif kind in (MP4, QUICKTIME, THREE_GP, M4A):
        own = [Boxes(b"moov")]
    elif kind is HEIC:
        own = [Boxes(b"meta")]
    return [*own, _NoArchive(is_picture=kind in PICTURES)]


class _NoArchive:
    """Refuses what would open as an archive too: ZIP is read from its end, so a picture or a PDF can be one.
    Programs that unpack RAR and 7z look anywhere; that is looked for in pictures."""

    def __init__(self, *, is_picture: bool) -> None:
        self._is_picture = is_picture
        self._tail = b""

    def feed(self, data: bytes) -> None:
        if self._is_picture:
            seen = self._tail[-8:] + data
            if any(begin in seen for begin in _HIDDEN_ARCHIVES):
                raise refusals.two_in_one()
        self._tail = data[-_TAIL_BYTES:] if len(data) >= _TAIL_BYTES else (self._tail + data)[-_TAIL_BYTES:]

    def finish(self) -> set[Mark]:
        at = self._tail.rfind(_ZIP_END)
        while at >= 0:
            comment = int.from_bytes(self._tail[at + 20 : at + _ZIP_END_BYTES], "little")
            if at + _ZIP_END_BYTES + comment == len(self._tail):
                raise refusals.two_in_one()
            at = self._tail.rfind(_ZIP_END, 0, at)
        return set()
