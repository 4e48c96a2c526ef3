"""Evidence goes out: decrypted frame by frame, under headers that let nothing in it run."""

import contextlib
import logging
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

from evidence import storage
from evidence.frames import Damaged
from evidence.kinds import KINDS, TEXT, Kind
from evidence.models import EvidenceFile, ScanState
from evidence.texts import encoding
from keys.ring import NotDecrypted

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_NAME_LENGTH = 120

logger = logging.getLogger(__name__)


class Unreadable(Exception):
    """The stored file is missing or damaged, which was logged. The text can be shown to the reader."""


class Quarantined(Unreadable):
    """Malware was found in the file: nobody is given it, whoever they are."""


def response(evidence_file: EvidenceFile, *, inline: bool = False) -> StreamingHttpResponse:
    """The file as it was received. The caller has checked who may read it, and records it in custody.

    A download, or with `inline` shown in the page if it is a picture or a PDF. Raises Unreadable if the file
    cannot be opened, and Quarantined; damage further on breaks the connection off, so that a part never
    passes for the whole.
    """
    if evidence_file.scan_state == ScanState.INFECTED:
        raise Quarantined(_("Malware was found in this file, so it is not opened here."))
    blob = evidence_file.blob
    kind = KINDS[blob.media_type]
    content = _Content(evidence_file)
    answer = StreamingHttpResponse(content, content_type=_content_type(kind, content.begin))
    disposition = "inline" if inline and kind.opens_in_browser else "attachment"
    for header, value in _HEADERS.items():
        answer.headers[header] = value
    answer.headers["Content-Length"] = str(blob.size_bytes)
    answer.headers["Content-Disposition"] = f"{disposition}; {_file_name(evidence_file.name, kind)}"
    return answer


class _Content:
    """The plaintext, frame by frame. The first frame is opened at once: before any header is out."""

    def __init__(self, evidence_file: EvidenceFile) -> None:
        self._evidence_file = evidence_file
        blob = evidence_file.blob
        with self._alarm():
            self._reader = storage.read(blob.stored_name, wrapped_key=blob.wrapped_key, sha256=blob.sha256)
        try:
            with self._alarm():
                if self._reader.size_bytes != blob.size_bytes:
                    raise Damaged("The file does not have the size it had when it was received.")
                self.begin = self._reader.frame(0)
        except Unreadable:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        with contextlib.closing(self), self._alarm():
            yield from self._reader.frames()

    def close(self) -> None:
        """Django calls this when the answer is out or given up."""
        self._reader.close()

    @contextlib.contextmanager
    def _alarm(self) -> Iterator[None]:
        try:
            yield
        except (Damaged, NotDecrypted, OSError) as error:
            logger.error("Evidence %s cannot be read: %s", self._evidence_file.public_id, error)
            raise Unreadable(
                _("This file cannot be opened at the moment. It has been reported; try again later.")
            ) from error


def _content_type(kind: Kind, begin: bytes) -> str:
    if kind is not TEXT:
        return kind.media_type
    return f"text/plain; charset={'utf-16' if encoding(begin) == 'utf-16' else 'utf-8'}"


def _file_name(name: str, kind: Kind) -> str:
    """The name in Content-Disposition (RFC 6266), one that no system takes for a path or a program."""
    safe = "".join("_" if _is_unsafe(character) else character for character in name).strip(". ")
    stem, dot, extension = safe.rpartition(".")
    if f"{dot}{extension}".lower() in kind.extensions:
        extension = f"{dot}{extension}"
    else:
        stem, extension = safe, kind.extensions[0]
    stem = stem[:_NAME_LENGTH].strip(". ") or "evidence"
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().strip(". ") or "evidence"
    return f"filename=\"{plain}{extension}\"; filename*=UTF-8''{quote(stem + extension, safe='')}"


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or character in '<>:"/\\|?*%;'
