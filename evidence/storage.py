"""Where the bytes lie: on disk under EVIDENCE_DIR, outside everything that a web server hands out.

    incoming/<random>                        on its way in; of no meaning after a crash
    stored/<ab>/<cd>/<sha256>-<random>       complete, read back once, written once
    set-aside/<date>/<ab>/<cd>/...           taken out of the store by `manage.py sweep_evidence --delete`

Folders are 0700, files 0400. The random end makes each stored file the only one that its key opens, so two
people who send the same bytes at the same moment cannot get in each other's way: the database decides whose
copy is kept (uploads.receive). docs/evidence.md describes the bytes.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from evidence.frames import KEY_BITS, Damaged, FrameReader, FrameWriter
from keys import ring

_STORED_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}-[0-9a-f]{16}")
_BUFFER_BYTES = 1024 * 1024
KEEP_FREE_BYTES = 1024**3  # the database may lie on the same disk, and must not stop


class Arrival:
    """One file on its way into the storage. It means nothing until `place`, and `discard` leaves nothing.

    It neither begins nor grows while the disk is nearly full: OSError.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self.stored_name = ""
        self._key = AESGCM.generate_key(KEY_BITS)
        self._digest = hashlib.sha256()
        self._path = _folder("incoming") / secrets.token_hex(16)
        _check_free_space()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._path, flags, 0o400), "wb", _BUFFER_BYTES)
        self._frames = FrameWriter(self._file, self._key)

    @property
    def sha256(self) -> str:
        """Of the plaintext written so far, in hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        _check_free_space()
        self._digest.update(data)
        self._frames.write(data)
        self.size_bytes += len(data)

    def place(self) -> None:
        """Complete the file, read it back from the disk, and give it its final place. Raises Damaged."""
        self._frames.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        if hasattr(os, "posix_fadvise"):  # so that the disk answers below, not the memory
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self._file.close()
        if self._read_back() != self.sha256:
            raise Damaged("The disk does not give back what was written.")
        folder = _folder("stored", self.sha256[:2], self.sha256[2:4])
        name = f"{self.sha256}-{secrets.token_hex(8)}"
        os.link(self._path, folder / name)  # fails rather than overwrite
        self.stored_name = f"{self.sha256[:2]}/{self.sha256[2:4]}/{name}"
        self._path.unlink()
        _make_durable(folder)

    def wrapped_key(self) -> bytes:
        return ring.encrypt(self._key, context=_context(self.sha256))

    def discard(self) -> None:
        """Remove what is there of it, placed or not."""
        with contextlib.suppress(OSError):  # a full disk refuses to flush; what matters is the unlink
            self._file.close()
        self._path.unlink(missing_ok=True)
        if self.stored_name:
            delete(self.stored_name)

    def _read_back(self) -> str:
        digest = hashlib.sha256()
        with contextlib.closing(_reader(self._path, self._key)) as reader:
            for plain in reader.frames():
                digest.update(plain)
        return digest.hexdigest()


def read(stored_name: str, *, wrapped_key: bytes, sha256: str) -> FrameReader:
    """To be closed by the caller. Raises Damaged, OSError (no such file), keys.ring.NotDecrypted."""
    return _reader(_path(stored_name), ring.decrypt(bytes(wrapped_key), context=_context(sha256)))


def can_open(wrapped_key: bytes, *, sha256: str) -> bool:
    """Whether the key ring of this process opens a file's key."""
    try:
        ring.decrypt(bytes(wrapped_key), context=_context(sha256))
    except ring.NotDecrypted:
        return False
    return True


def delete(stored_name: str) -> None:
    _path(stored_name).unlink(missing_ok=True)


def set_aside(stored_name: str, *, on: date) -> None:
    """Move a file out of the store; under set-aside/<on>/ it keeps its name, so that it can be put back."""
    source = _path(stored_name)
    folder = _folder("set-aside", on.isoformat(), *stored_name.split("/")[:2])
    with contextlib.suppress(FileNotFoundError):  # its last receipt was removed meanwhile
        source.rename(folder / source.name)
        _make_durable(folder)
        _make_durable(source.parent)


def arriving() -> int:
    """How many files are on their way in, those that a crash left included."""
    return len(os.listdir(_folder("incoming")))


def abandoned_before(moment: float) -> Iterator[Path]:
    """Files on their way in that nobody has written to since this time (seconds since 1970)."""
    return _written_before(moment, _folder("incoming"))


def stored_before(moment: float) -> Iterator[list[str]]:
    """The stored names of files written before this time, folder by folder."""
    root = _folder("stored")
    for folder in root.glob("??/??"):
        names = [path.relative_to(root).as_posix() for path in _written_before(moment, folder)]
        yield [name for name in names if _STORED_NAME.fullmatch(name)]


def _written_before(moment: float, folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was completed or removed meanwhile
            if path.lstat().st_mtime < moment:
                yield path


def _context(sha256: str) -> bytes:
    return b"evidence-blob:" + sha256.encode()


def _path(stored_name: str) -> Path:
    if not _STORED_NAME.fullmatch(stored_name):
        raise ValueError("Not the name of a stored file.")
    return settings.EVIDENCE_DIR / "stored" / stored_name


def _reader(path: Path, key: bytes) -> FrameReader:
    stored = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    try:
        return FrameReader(stored, key)
    except BaseException:
        stored.close()
        raise


def _folder(*parts: str) -> Path:
    """The folder under EVIDENCE_DIR, made if need be, so that it outlives a power cut."""
    path = Path(settings.EVIDENCE_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in parts:
        path = path / part
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        _make_durable(path.parent)
    return path


def _check_free_space() -> None:
    if shutil.disk_usage(settings.EVIDENCE_DIR).free < KEEP_FREE_BYTES:
        raise OSError(errno.ENOSPC, "Too little is free on the disk to take evidence")


def _make_durable(folder: Path) -> None:
    """A new name in a folder survives a power cut only once the folder itself is written out."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
