"""The form of a stored file: AES-256-GCM in frames, so that any part can be read without the rest.

    header   4 bytes "RGEV", 1 byte version (1), 3 zero bytes, 4 bytes frame size in bytes (big-endian)
    frames   ciphertext of one frame size of plaintext (the last: what is left) and its 16-byte tag

Frame n is encrypted with the nonce: 7 zero bytes, n as 4 bytes big-endian, 1 byte that is 1 for the last
frame and else 0; the header is authenticated with every frame (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015). So a file that was cut short, lengthened, reordered, changed in one
bit or put in another's place does not decrypt. A key is used for one file only: that makes the nonces safe.
"""

import io
import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FRAME_BYTES = 64 * 1024
TAG_BYTES = 16
KEY_BITS = 256
_HEADER = struct.Struct(">4sB3xI")
_NONCE = struct.Struct(">7xI?")
_MAGIC = b"RGEV"
_VERSION = 1


class Damaged(Exception):
    """The stored bytes are not what was written, or were written under another key."""


class FrameWriter:
    """Encrypts what is written to it. Nothing is complete before `finish`."""

    def __init__(self, out: BinaryIO, key: bytes, *, frame_bytes: int = FRAME_BYTES) -> None:
        self._out = out
        self._cipher = AESGCM(key)
        self._frame_bytes = frame_bytes
        self._header = _HEADER.pack(_MAGIC, _VERSION, frame_bytes)
        self._waiting = b""
        self._number = 0
        out.write(self._header)

    def write(self, data: bytes) -> None:
        waiting = memoryview(self._waiting + data)
        while len(waiting) > self._frame_bytes:  # a full frame stays back: it may be the last
            self._seal(waiting[: self._frame_bytes], last=False)
            waiting = waiting[self._frame_bytes :]
        self._waiting = bytes(waiting)

    def finish(self) -> None:
        self._seal(self._waiting, last=True)

    def _seal(self, plain: bytes | memoryview, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_NONCE.pack(self._number, last), plain, self._header))
        self._number += 1


class FrameReader:
    """Decrypts a stored file, any frame by itself. Raises Damaged, at the latest with the frame concerned."""

    def __init__(self, stored: BinaryIO, key: bytes) -> None:
        self._stored = stored
        self._cipher = AESGCM(key)
        self._header = stored.read(_HEADER.size)
        if len(self._header) < _HEADER.size:
            raise Damaged("The file ends within its header.")
        magic, version, self._frame_bytes = _HEADER.unpack(self._header)
        if (magic, version) != (_MAGIC, _VERSION) or not 0 < self._frame_bytes <= 2**24:
            raise Damaged("The file does not begin like one of ours.")
        body = stored.seek(0, os.SEEK_END) - _HEADER.size
        self.frame_count, self._last_frame = self._divide(body)
        self.size_bytes = body - self.frame_count * TAG_BYTES

    def frame(self, number: int) -> bytes:
        """The plaintext of frame `number`, which starts at `number * frame size` of the file."""
        last = number == self.frame_count - 1
        self._stored.seek(_HEADER.size + number * (self._frame_bytes + TAG_BYTES))
        sealed = self._stored.read(self._last_frame if last else self._frame_bytes + TAG_BYTES)
        try:
            return self._cipher.decrypt(_NONCE.pack(number, last), sealed, self._header)
        except InvalidTag as error:
            raise Damaged(f"Frame {number} of {self.frame_count} is not what was written.") from error

    def frames(self) -> Iterator[bytes]:
        for number in range(self.frame_count):
            yield self.frame(number)

    def close(self) -> None:
        self._stored.close()

    def _divide(self, body: int) -> tuple[int, int]:
        """How many frames there are, and how long the last one is with its tag."""
        whole, rest = divmod(body, self._frame_bytes + TAG_BYTES)
        if body == 0 or 0 < rest < TAG_BYTES or (rest == TAG_BYTES and whole):
            raise Damaged("The file ends within a frame.")
        return (whole + 1, rest) if rest else (whole, self._frame_bytes + TAG_BYTES)


class FrameFile(io.RawIOBase):
    """The plaintext as a file to read and seek in, for what is not read from its beginning to its end. It
    decrypts the frames that are asked for, holds one of them, and closes the reader with itself."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self._at = 0
        self._number, self._frame = 0, reader.frame(0)
        self._frame_bytes = len(self._frame)  # all are as long as the first, but for the last

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._reader.size_bytes}[whence]
        if begin + offset < 0:
            raise ValueError("No file begins before its first byte.")
        self._at = begin + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._reader.size_bytes:
            return 0
        number, within = divmod(self._at, self._frame_bytes)
        if number != self._number:
            self._number, self._frame = number, self._reader.frame(number)
        piece = self._frame[within : within + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._reader.close()
        super().close()
