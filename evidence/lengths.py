"""Where a file ends by its own account, watched while it streams past: what was cut short is marked as
damaged, and what goes on after its end, too. Nothing is decoded here; whether a file opens is found out
later, by a process of its own.
"""

import struct
from abc import ABC, abstractmethod

from evidence.kinds import Mark

_PDF_END_WITHIN = 1024  # bytes of the end of a PDF, as its readers look for it
_PDF_MARKS = (
    (b"/Encrypt", Mark.ENCRYPTED),
    (b"/JavaScript", Mark.MACROS),
    (b"/Launch", Mark.MACROS),
    (b"/EmbeddedFile", Mark.EMBEDDED),
)
_LONGEST_PDF_MARK = max(len(word) for word, _ in _PDF_MARKS)


class Pdf:
    """A PDF: its last %%EOF, and what it says in the open of passwords, scripts and files in it."""

    def __init__(self) -> None:
        self._tail = b""
        self._marks: set[Mark] = set()

    def feed(self, data: bytes) -> None:
        seen = self._tail[-_LONGEST_PDF_MARK:] + data
        self._marks.update(mark for word, mark in _PDF_MARKS if mark not in self._marks and word in seen)
        self._tail = (self._tail + data)[-_PDF_END_WITHIN:]

    def finish(self) -> set[Mark]:
        if b"%%EOF" not in self._tail:
            return self._marks | {Mark.DAMAGED}
        return self._marks


class _Pieces(ABC):
    """A file that is made of pieces, each with its length before it. Only the heads are looked at."""

    head_bytes = 8

    def __init__(self, begin: int) -> None:
        self._skip = begin
        self._head = b""
        self._ended = False
        self._over = 0  # bytes after the end
        self.names: set[bytes] = set()

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._ended:
                self._over += len(data) - at
                return
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            taken = data[at : at + self.head_bytes - len(self._head)]
            self._head += taken
            at += len(taken)
            if len(self._head) == self.head_bytes:
                self._read_head()

    @abstractmethod
    def _read_head(self) -> None: ...

    def _next(self, skip: int, *, last: bool = False) -> None:
        self._head, self._skip, self._ended = b"", skip, last

    @abstractmethod
    def finish(self) -> set[Mark]: ...


class Png(_Pieces):
    """Chunks: length, name, content, checksum; the last is IEND."""

    def __init__(self) -> None:
        super().__init__(8)

    def _read_head(self) -> None:
        length, name = struct.unpack(">I4s", self._head)
        if name == b"IEND":
            self._next(0, last=True)  # its four bytes of checksum count as over
        else:
            self._next(length + 4)

    def finish(self) -> set[Mark]:
        if not self._ended or self._over < 4:
            return {Mark.DAMAGED}
        return {Mark.APPENDED} if self._over > 4 else set()


class Riff(_Pieces):
    """WebP and WAV: one length for the whole, at its beginning."""

    def __init__(self) -> None:
        super().__init__(0)
        self._is_open = False

    def _read_head(self) -> None:
        _riff, length = struct.unpack("<4sI", self._head)
        self._is_open = length in (0, 2**32 - 1)  # a recorder that never came back to write it
        self._length = length + length % 2
        self._next(0, last=True)

    def finish(self) -> set[Mark]:
        missing = self._length - self._over
        if self._is_open or missing > 1:  # the byte that makes it even is left out by some
            return {Mark.DAMAGED}
        return {Mark.APPENDED} if missing < 0 else set()


class Boxes(_Pieces):
    """MP4 and all that is built like it: boxes of length and name. `needed` is the one without which the
    rest cannot be shown: a telephone that stops in the middle of a recording never writes it."""

    def __init__(self, needed: bytes) -> None:
        super().__init__(0)
        self._needed = needed
        self._is_broken = False

    def _read_head(self) -> None:
        length, name = struct.unpack(">I4s", self._head[:8])
        if length == 1 and self.head_bytes == 8:
            self.head_bytes = 16
            return
        if length == 1:
            (length,) = struct.unpack(">Q", self._head[8:])
        self.names.add(name)
        is_last = length == 0  # this box goes on to the end of the file
        self._is_broken = not is_last and length < self.head_bytes
        self._next(max(0, length - self.head_bytes), last=is_last or self._is_broken)
        self.head_bytes = 8

    def finish(self) -> set[Mark]:
        is_cut = bool(self._skip or self._head)
        is_damaged = self._is_broken or is_cut or self._needed not in self.names
        return {Mark.DAMAGED} if is_damaged else set()
