"""Documents that come in a box: which kind is inside, and what else is. Office documents are ZIP archives, or
the older box of Microsoft when they have a password.

Nothing is unpacked to disk. Of what is inside only one piece at a time is in memory, and no more is inflated
than the box declares, which is bounded. The list of members is read by `zipfile`; their content by us,
because `zipfile` stops silently where a member that lies about its size goes on.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import BinaryIO

from evidence import refusals
from evidence.kinds import DOCX, LOCKED_OFFICE, ODP, ODS, ODT, PPTX, XLSX, Kind, Mark

MEMBERS = 5000
DIRECTORY_BYTES = 4 * 1024**2
INFLATED_BYTES = 1024**3
RATIO, SMALL_BYTES = 200, 64 * 1024**2  # a smaller document may be as full of repetition as it likes
_LIST_BYTES = 1024**2  # what is read of a list that names kinds
_PIECE = 64 * 1024

_END = struct.Struct("<4s4H2IH")
_LOCAL = struct.Struct("<4s22x2H")
_END64_AHEAD = 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others are never used, and LZMA can take any memory

_OPENDOCUMENT = {f"application/vnd.oasis.opendocument.{name}": kind for name, kind in (
    ("text", ODT), ("spreadsheet", ODS), ("presentation", ODP)
)}  # fmt: skip
# The content type of the main part. Templates and slide shows are what they are made of.
_OOXML = (
    (rb"wordprocessingml\.(document|template)\.main\+xml", DOCX),
    (rb"vnd\.ms-word\.(document|template)\.macroEnabled(Template)?\.main\+xml", DOCX),
    (rb"spreadsheetml\.(sheet|template)\.main\+xml", XLSX),
    (rb"vnd\.ms-excel\.(sheet|template)\.macroEnabled\.main\+xml", XLSX),
    (rb"presentationml\.(presentation|slideshow|template)\.main\+xml", PPTX),
    (rb"vnd\.ms-powerpoint\.(presentation|slideshow|template)\.macroEnabled\.main\+xml", PPTX),
)
_BEGINS_LIKE_OFFICE = re.compile(
    rb"PK\x03\x04.{26}(\[Content_Types\]\.xml|_rels/|docProps/|word/|xl/|ppt/|customXml/|mimetype)", re.DOTALL
)
_MACROS = re.compile(r"(.*/)?vba(project\.bin|data\.xml)|xl/macrosheets/.*|(basic|scripts)/.+", re.IGNORECASE)
_OF_A_PROGRAM = {"AndroidManifest.xml", "classes.dex", "META-INF/MANIFEST.MF"}

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ARCHIVES = (_ZIP, b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"MSCF\x00\x00\x00\x00")
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"dex\n0")
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_ENTRY_BYTES = 128


class _Broken(Exception):
    """A member does not open, or is not what its checksum says."""


# What `zipfile` raises when bytes are not what it expects. The storage's own errors are not among them.
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, struct.error, EOFError)


def look_into(file: BinaryIO, size_bytes: int, accepted: Collection[str]) -> tuple[Kind, set[Mark]]:
    """The kind of the document and its marks. Raises Refused."""
    begin = file.read(len(_OLE))
    kind, marks = _look_into_ole(file) if begin == _OLE else _look_into_zip(file, size_bytes)
    if kind.media_type not in accepted:
        raise refusals.not_accepted(accepted)
    return kind, marks


def _look_into_ole(file: BinaryIO) -> tuple[Kind, set[Mark]]:
    """With a password it has a stream of this name; without, it is a format from before 2007. The names
    stand in entries of 128 bytes, with their length and what they are."""
    file.seek(0)
    while piece := file.read(_PIECE):
        at = piece.find(_LOCKED)
        while at >= 0:
            if at % _ENTRY_BYTES == 0 and piece[at + 64 : at + 67] == b"\x22\x00\x02":
                return LOCKED_OFFICE, {Mark.ENCRYPTED}
            at = piece.find(_LOCKED, at + 1)
    raise refusals.other_document()


def _look_into_zip(file: BinaryIO, size_bytes: int) -> tuple[Kind, set[Mark]]:
    file.seek(0)
    is_like_office = bool(_BEGINS_LIKE_OFFICE.match(file.read(64)))
    try:
        marks = _check_end(file, size_bytes)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (*_UNREADABLE, _Broken):
        raise refusals.unreadable_document() if is_like_office else refusals.archive() from None
    kind, macros = _kind(file, members)
    if macros:
        marks.add(Mark.MACROS)
    _check_sizes(members, size_bytes)
    if len({member.filename for member in members}) < len(members):
        marks.add(Mark.DAMAGED)  # who opens it decides which of the two is there
    for member in members:
        marks |= _look_at(file, member)
    return kind, marks


def _check_end(file: BinaryIO, size_bytes: int) -> set[Mark]:
    """The list of members is small and lies where it says, so that all readers find the same one."""
    file.seek(max(0, size_bytes - _END.size - 2**16))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise _Broken
    _sign, disk, first, here, count, length, begin, comment = _END.unpack_from(tail, at)
    position = size_bytes - len(tail) + at
    if disk or first or here != count or begin + length != position:
        raise _Broken
    if tail[max(0, at - _END64_AHEAD) :][:4] == b"PK\x06\x07":  # with its own idea of where the list is
        raise _Broken
    if count > MEMBERS or length > DIRECTORY_BYTES:
        raise refusals.oversized_document()
    return {Mark.APPENDED} if at + _END.size + comment != len(tail) else set()


def _kind(file: BinaryIO, members: list[zipfile.ZipInfo]) -> tuple[Kind, bool]:
    """The kind, and whether it has macros."""
    named = {member.filename: member for member in members}
    if "mimetype" in named:
        media_type = _begin(file, named["mimetype"], 200).decode("ascii", "replace").strip()
        kind = _OPENDOCUMENT.get(media_type)
        if kind is None:
            raise refusals.other_document()
        return kind, any(map(_MACROS.fullmatch, named))
    if "[Content_Types].xml" in named:
        types = _begin(file, named["[Content_Types].xml"], _LIST_BYTES).replace(b"\0", b"")  # of UTF-16
        if not types:
            raise refusals.unreadable_document()
        kind = next((kind for pattern, kind in _OOXML if re.search(pattern, types, re.IGNORECASE)), None)
        if kind is None:
            raise refusals.other_document()
        return kind, b"macroenabled" in types.lower() or any(map(_MACROS.fullmatch, named))
    if not _OF_A_PROGRAM.isdisjoint(named):
        raise refusals.program()
    if any(name.endswith(".iwa") for name in named):  # of Pages, Numbers and Keynote
        raise refusals.other_document()
    raise refusals.archive()


def _check_sizes(members: list[zipfile.ZipInfo], size_bytes: int) -> None:
    packed = sum(member.compress_size for member in members)
    unpacked = sum(member.file_size for member in members)
    is_repetition = unpacked > max(SMALL_BYTES, RATIO * size_bytes)
    if unpacked > INFLATED_BYTES or is_repetition or packed > size_bytes:  # the same bytes used twice
        raise refusals.oversized_document()


def _look_at(file: BinaryIO, member: zipfile.ZipInfo) -> set[Mark]:
    if member.flag_bits & 1:
        return {Mark.ENCRYPTED}
    marks: set[Mark] = set()
    begin = b""
    try:
        for piece in _content(file, member):
            if not begin:
                begin = piece
                marks |= _look_at_begin(member.filename, begin)
    except _Broken:
        marks.add(Mark.DAMAGED)
    return marks


def _look_at_begin(name: str, begin: bytes) -> set[Mark]:
    if begin.startswith(_PROGRAMS) or _is_windows_program(begin):
        raise refusals.stuffed_document()
    if begin.startswith(_ARCHIVES) and not _BEGINS_LIKE_OFFICE.match(begin):
        raise refusals.stuffed_document()
    if name == "META-INF/manifest.xml" and b"encryption-data" in begin:
        return {Mark.ENCRYPTED}
    if begin.startswith((_ZIP, _OLE)) and not _MACROS.fullmatch(name):
        return {Mark.EMBEDDED}
    return set()


def _is_windows_program(begin: bytes) -> bool:
    at = int.from_bytes(begin[60:64], "little")
    return begin.startswith(b"MZ") and begin[at : at + 4] == b"PE\0\0"


def _begin(file: BinaryIO, member: zipfile.ZipInfo, length: int) -> bytes:
    """The beginning of a member, b"" if it cannot be read."""
    found = b""
    try:
        for piece in _content(file, member):
            found += piece
            if len(found) >= length:
                break
    except _Broken:
        return b""
    return found[:length]


def _content(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Its content, piece by piece. Raises _Broken, and Refused where it becomes larger than declared."""
    if member.flag_bits & 1 or member.compress_type not in _METHODS:
        raise _Broken
    file.seek(member.header_offset)
    header = file.read(_LOCAL.size)
    if not header.startswith(_ZIP) or len(header) < _LOCAL.size:
        raise _Broken
    _sign, name_length, extra_length = _LOCAL.unpack(header)
    file.seek(member.header_offset + _LOCAL.size + name_length + extra_length)
    size = checksum = 0
    for piece in _unpacked(file, member):
        size += len(piece)
        if size > member.file_size:
            raise refusals.oversized_document()
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if (size, checksum) != (member.file_size, member.CRC):
        raise _Broken


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    left = member.compress_size
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while left:
        packed = file.read(min(left, _PIECE))
        if not packed:
            raise _Broken
        left -= len(packed)
        if member.compress_type == zipfile.ZIP_STORED:
            yield packed
            continue
        while True:
            try:
                piece = inflater.decompress(packed, _PIECE)
            except zlib.error:
                raise _Broken from None
            if piece:
                yield piece
            packed = inflater.unconsumed_tail
            if not packed and len(piece) < _PIECE:
                break
