"""Files as they come, honest and hostile, each built here from nothing, with what reception makes of it.

A `Sample` is kept as `kind` with `marks`, or refused with the sentence that `refusal` makes.
"""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from evidence import kinds, refusals
from evidence.kinds import Kind, Mark

ACCEPTED = tuple(kinds.KINDS)
NOISE = hashlib.shake_256(b"noise").digest(20_000)  # what cannot be compressed; alike each time


@dataclass(frozen=True)
class Sample:
    name: str
    content: bytes
    kind: Kind | None = None
    marks: frozenset[Mark] = frozenset()
    refusal: Callable[[], refusals.Refused] | None = None

    @property
    def sentence(self) -> str:
        return str(self.refusal()) if self.refusal else ""


def kept(name: str, content: bytes, kind: Kind, *marks: Mark) -> Sample:
    return Sample(name, content, kind, frozenset(marks))


def refused(name: str, content: bytes, why: Callable[[], refusals.Refused]) -> Sample:
    return Sample(name, content, refusal=why)


def not_accepted() -> refusals.Refused:
    return refusals.not_accepted(ACCEPTED)


# --- Pictures ---


def jpeg(*, extra: bytes = b"") -> bytes:
    """One grey pixel, by the tables of T.81 that are needed for it."""
    quantities = b"\xff\xdb\x00\x43\x00" + b"\x10" * 64
    frame = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    tables = (
        b"\xff\xc4\x00\x14\x00\x01" + bytes(15) + b"\x00" + b"\xff\xc4\x00\x14\x10\x01" + bytes(15) + b"\x00"
    )
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x3f"
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return b"\xff\xd8" + jfif + extra + quantities + frame + tables + scan + b"\xff\xd9"


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(
    width: int = 1, height: int = 1, *, depth: int = 8, rows: bytes | None = None, extra: bytes = b""
) -> bytes:
    rows = (b"\0" + b"\x80" * width) * height if rows is None else rows
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + pixels + chunk(b"IEND")


def riff(name: bytes, content: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(content) + 4) + name + content


def webp() -> bytes:
    return riff(b"WEBP", b"VP8L" + struct.pack("<I", 14) + b"\x2f" + bytes(13))


def tiff(order: str = "<", pages: int = 1) -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    page = 2 + 8 * 12 + 4
    out = mark + struct.pack(f"{order}I", 8)
    for number in range(pages):
        following = 8 + (number + 1) * page if number + 1 < pages else 0
        fields = ((256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (278, 1), (279, 1))
        out += struct.pack(f"{order}H", len(fields))
        out += b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in fields)
        out += struct.pack(f"{order}I", following)
    return out


def gif() -> bytes:
    return b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


# --- Recordings ---


def box(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def boxes(brand: bytes, *rest: bytes, others: bytes = b"") -> bytes:
    return box(b"ftyp", brand + bytes(4) + brand + others) + b"".join(rest)


MOOV, MDAT, META = box(b"moov", bytes(100)), box(b"mdat", NOISE[:5000]), box(b"meta", bytes(40))


def large_box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 1) + name + struct.pack(">Q", len(content) + 16) + content


def matroska(doc_type: bytes) -> bytes:
    head = b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82" + bytes([0x80 | len(doc_type)]) + doc_type
    return (
        b"\x1aE\xdf\xa3" + bytes([0x80 | len(head)]) + head + b"\x18\x53\x80\x67" + b"\xff" * 8 + NOISE[:500]
    )


def mp3(frames: int = 20) -> bytes:
    return (b"\xff\xfb\x90\x00" + bytes(413)) * frames


def aac(frames: int = 20) -> bytes:
    length = 200
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC])
    return (head + bytes(length - 7)) * frames


def ogg(codec: bytes) -> bytes:
    return b"OggS\0\2" + bytes(8) + b"\1\0\0\0" + bytes(8) + b"\1" + bytes([len(codec)]) + codec + NOISE[:300]


def wav(content: bytes = bytes(800)) -> bytes:
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    return riff(b"WAVE", form + b"data" + struct.pack("<I", len(content)) + content)


# --- Documents ---


def pdf(*extra: bytes, end: bytes = b"startxref\n0\n%%EOF\n") -> bytes:
    parts = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n",
    ]
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"".join([*parts, *extra]) + b"trailer<</Root 1 0 R>>\n" + end


def zipped(*members: tuple[str, bytes], packed: bool = True, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
        archive.comment = comment
    return out.getvalue()


OOXML = "application/vnd.openxmlformats-officedocument"
WORD = f"{OOXML}.wordprocessingml.document.main+xml"
EXCEL = f"{OOXML}.spreadsheetml.sheet.main+xml"
POWERPOINT = f"{OOXML}.presentationml.presentation.main+xml"


def types(main: str) -> tuple[str, bytes]:
    return "[Content_Types].xml", (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>'
    ).encode()


RELS = ("_rels/.rels", b"<Relationships/>")
BODY = ("word/document.xml", "<w:document>Договір</w:document>".encode())


def ooxml(main: str = WORD, *more: tuple[str, bytes]) -> bytes:
    return zipped(types(main), RELS, BODY, *more)


def odf(name: str = "text", *more: tuple[str, bytes], manifest: bytes = b"<manifest/>") -> bytes:
    media_type = f"application/vnd.oasis.opendocument.{name}".encode()
    rest = (("content.xml", b"<office/>"), ("META-INF/manifest.xml", manifest), *more)
    return zipped(("mimetype", media_type), *rest, packed=False)


def ole(*streams: str) -> bytes:
    """The box of Microsoft before 2007, also around new documents that have a password."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0")
    entries = b""
    for name in ("Root Entry", *streams):
        told = name.encode("utf-16-le")
        kind = 5 if name == "Root Entry" else 2
        entries += told.ljust(64, b"\0") + struct.pack("<HB", len(told) + 2, kind) + bytes(61)
    return header + entries.ljust(1024, b"\0")


def patched(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def after(content: bytes, sign: bytes, offset: int, new: bytes) -> bytes:
    """Changed at `offset` from the last `sign`."""
    return patched(content, content.rindex(sign) + offset, new)


def lying_about_size() -> bytes:
    """Declares ten bytes of a member that goes on for a megabyte, under the checksum of the ten."""
    content = ooxml(WORD, ("word/media/image1.png", bytes(1_000_000)))
    content = after(content, b"PK\1\2", 24, struct.pack("<I", 10))
    return after(content, b"PK\1\2", 16, struct.pack("<I", zlib.crc32(bytes(10))))


def same_bytes_used_often() -> bytes:
    """Many entries in the list for one member (the bomb of D. Fifield, 2019, simplified)."""
    content = ooxml(WORD, ("x", NOISE[:20_000]))
    at = content.rindex(b"PK\1\2")
    end = content.rindex(b"PK\5\6")
    entries = content[content.index(b"PK\1\2") : end]
    once = content[at:end]
    listed = entries + b"".join(once[:46] + b"%c" % (97 + n) for n in range(20))
    count, begin = 4 + 20, content.index(b"PK\1\2")
    return (
        content[:begin]
        + listed
        + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(listed), begin, 0)
    )


def damaged_inside() -> bytes:
    content = ooxml(WORD, ("word/media/image1.png", NOISE[:500]))
    return patched(content, content.index(NOISE[100:120]), bytes(3))


def with_a_password_in_zip() -> bytes:
    """Members encrypted by ZIP itself, as its list says."""
    content = ooxml(WORD, ("word/secret.xml", NOISE[:100]))
    return after(content, b"PK\1\2", 8, b"\1\0")


def windows_program() -> bytes:
    return b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + bytes(200)


# --- Words ---

LETTER = (
    "Return-Path: <bank@example.org>\r\n"
    "Received: from mx.example.org\r\n\tby mx2; Sat, 7 Mar 2026 10:00:00 +0200\r\n"
    "From: Bank <bank@example.org>\r\nTo: olena@example.org\r\nDate: Sat, 7 Mar 2026 10:00:00 +0200\r\n"
    "Subject: =?utf-8?B?0JTQvtCz0L7QstGW0YA=?=\r\nMIME-Version: 1.0\r\n"
)


def letter(rest: bytes = b"\r\nDear Olena\r\n") -> bytes:
    return LETTER.encode() + rest


ATTACHED = (
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n'
    b"Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename=deed.pdf\r\n\r\n"
    b"JVBERi0=\r\n--b--\r\n"
)

HONEST = (
    kept("photo.jpg", jpeg(), kinds.JPEG),
    kept("photo with EXIF.JPG", jpeg(extra=segment(0xE1, b"Exif\0\0II*\0" + bytes(30))), kinds.JPEG),
    kept("moving photo.jpg", jpeg() + boxes(b"mp42", MOOV, MDAT), kinds.JPEG),
    kept("scan.png", png(), kinds.PNG),
    kept("scan with words.png", png(extra=chunk(b"tEXt", b"Comment\0kitchen")), kinds.PNG),
    kept("picture.webp", webp(), kinds.WEBP),
    kept("IMG_0001.HEIC", boxes(b"heic", META, MDAT, others=b"mif1"), kinds.HEIC),
    kept("IMG_0002.heif", boxes(b"mif1", META, MDAT, others=b"heic"), kinds.HEIC),
    kept("burst.heic", boxes(b"hevc", META, MDAT), kinds.HEIC),
    kept("scan.tif", tiff(), kinds.TIFF),
    kept("scan of a Macintosh.tiff", tiff(">"), kinds.TIFF),
    kept("deed.pdf", pdf(), kinds.PDF),
    kept("deed with a mark before.pdf", b"\xef\xbb\xbf" + pdf(), kinds.PDF),
    kept("deed with lines after.pdf", pdf() + b"\r\n" * 20, kinds.PDF),
    kept("deed with a signature.pdf", pdf() + pdf()[9:], kinds.PDF),
    kept("deed with a password.pdf", pdf(b"3 0 obj<</Encrypt 4 0 R>>endobj\n"), kinds.PDF, Mark.ENCRYPTED),
    kept("deed with a form.pdf", pdf(b"3 0 obj<</S/JavaScript/JS(1)>>endobj\n"), kinds.PDF, Mark.MACROS),
    kept("deed with a file.pdf", pdf(b"3 0 obj<</Type/EmbeddedFile>>endobj\n"), kinds.PDF, Mark.EMBEDDED),
    kept("contract.docx", ooxml(), kinds.DOCX),
    kept("contract in another order.docx", zipped(BODY, RELS, types(WORD)), kinds.DOCX),
    kept(
        "form.dotx",
        ooxml(WORD.replace("document", "template", 2).replace("officetemplate", "officedocument")),
        kinds.DOCX,
    ),
    kept("losses.xlsx", ooxml(EXCEL), kinds.XLSX),
    kept(
        "losses, repetitive.xlsx", ooxml(EXCEL, ("xl/sheet1.xml", b"<c><v>0</v></c>" * 200_000)), kinds.XLSX
    ),
    kept("slides.pptx", ooxml(POWERPOINT), kinds.PPTX),
    kept("show.ppsx", ooxml(POWERPOINT.replace("presentation.main", "slideshow.main")), kinds.PPTX),
    kept("contract with a photo.docx", ooxml(WORD, ("word/media/image1.jpeg", jpeg())), kinds.DOCX),
    kept(
        "report with a chart.docx",
        ooxml(WORD, ("word/embeddings/a.xlsx", ooxml(EXCEL))),
        kinds.DOCX,
        Mark.EMBEDDED,
    ),
    kept(
        "losses.xlsm", ooxml("application/vnd.ms-excel.sheet.macroEnabled.main+xml"), kinds.XLSX, Mark.MACROS
    ),
    kept(
        "contract with a password.docx",
        ole("EncryptionInfo", "EncryptedPackage"),
        kinds.LOCKED_OFFICE,
        Mark.ENCRYPTED,
    ),
    kept("letter.odt", odf(), kinds.ODT),
    kept("losses.ods", odf("spreadsheet"), kinds.ODS),
    kept("slides.odp", odf("presentation"), kinds.ODP),
    kept("letter with a password.odt", odf(manifest=b"<m:encryption-data/>"), kinds.ODT, Mark.ENCRYPTED),
    kept(
        "letter with macros.odt", odf("text", ("Basic/Standard/Module1.xml", b"<x/>")), kinds.ODT, Mark.MACROS
    ),
    kept("VID_0001.mp4", boxes(b"isom", MOOV, MDAT), kinds.MP4),
    kept("VID of an Android phone.mp4", boxes(b"mp42", MDAT, MOOV), kinds.MP4),
    kept(
        "VID of more than four gigabytes.mp4",
        boxes(b"mp42", large_box(b"mdat", NOISE[:9000]), MOOV),
        kinds.MP4,
    ),
    kept("IMG_0003.MOV", boxes(b"qt  ", box(b"wide"), MDAT, MOOV), kinds.QUICKTIME),
    kept("old clip.mov", MOOV + MDAT, kinds.QUICKTIME),
    kept("old phone.3gp", boxes(b"3gp4", MOOV, MDAT), kinds.THREE_GP),
    kept("message.webm", matroska(b"webm"), kinds.WEBM),
    kept("recording.mkv", matroska(b"matroska"), kinds.MATROSKA),
    kept("voice.m4a", boxes(b"M4A ", MOOV, MDAT), kinds.M4A),
    kept("voice.aac", aac(), kinds.AAC),
    kept("voice.mp3", mp3(), kinds.MP3),
    kept("voice with a title.mp3", b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + mp3(), kinds.MP3),
    kept("voice.opus", ogg(b"OpusHead\1\1" + bytes(9)), kinds.OGG),
    kept("voice.ogg", ogg(b"\1vorbis" + bytes(23)), kinds.OGG),
    kept("call.wav", wav(), kinds.WAV),
    kept("call.amr", b"#!AMR\n" + NOISE[:640], kinds.AMR),
    kept("voice.flac", b"fLaC\0\0\0\x22" + bytes(34) + NOISE[:300], kinds.FLAC),
    kept("letter.eml", letter(), kinds.EMAIL),
    kept("letter in old letters.eml", letter("\r\nШановна Олено".encode("cp1251")), kinds.EMAIL),
    kept("letter with a file.eml", letter(ATTACHED), kinds.EMAIL, Mark.EMBEDDED),
    kept("story.txt", "Будинок зруйновано 7 березня.\n".encode(), kinds.TEXT),
    kept("story from Windows.txt", "\ufeffБудинок зруйновано.\r\n".encode("utf-16-le"), kinds.TEXT),
    kept("losses.csv", "предмет;вартість\nстіл;100\n".encode(), kinds.TEXT),
    kept("chat.txt", "[07.03.26, 10:15] Олена: Ми в укритті 🏠\nFrom: not a letter\n".encode(), kinds.TEXT),
    kept("places.json", json.dumps({"place": "Ірпінь"}, ensure_ascii=False).encode(), kinds.TEXT),
)

HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
EICAR_ZIP = zipped(("a.txt", b"nothing"))

HOSTILE = (
    # Two files in one.
    refused("pdf and zip.pdf", pdf() + EICAR_ZIP, refusals.two_in_one),
    refused("pdf in the comment of a zip.pdf", zipped(("a", b"b"), comment=pdf()), refusals.archive),
    refused(
        "zip and its end in a pdf.pdf",
        pdf(b"3 0 obj\n" + EICAR_ZIP[:-22] + b"endobj\n") + EICAR_ZIP[-22:],
        refusals.two_in_one,
    ),
    refused("picture and zip.jpg", jpeg() + EICAR_ZIP, refusals.two_in_one),
    refused("picture and zip.png", png() + EICAR_ZIP, refusals.two_in_one),
    refused("picture and jar.webp", webp() + zipped(("META-INF/MANIFEST.MF", b"x")), refusals.two_in_one),
    refused("picture and rar.jpg", jpeg() + b"Rar!\x1a\x07\x01\0" + NOISE[:50], refusals.two_in_one),
    refused("picture and 7z.png", png() + b"7z\xbc\xaf\x27\x1c\0\4" + NOISE[:50], refusals.two_in_one),
    refused("film and zip.mp4", boxes(b"isom", MOOV, MDAT) + EICAR_ZIP, refusals.two_in_one),
    refused("sound and zip.mp3", mp3() + EICAR_ZIP, refusals.two_in_one),
    refused("gif and script.gif", b"GIF89a/*" + bytes(30) + b"*/=1;alert(1)", refusals.other_picture),
    kept("picture and page.jpg", jpeg() + HTML, kinds.JPEG),
    kept("picture with a page in its comment.jpg", jpeg(extra=segment(0xFE, HTML)), kinds.JPEG),
    kept("picture and page.png", png() + HTML, kinds.PNG, Mark.APPENDED),
    kept(
        "picture with a program in its words.png",
        png(extra=chunk(b"tEXt", b"<?php system($_GET[0]);")),
        kinds.PNG,
    ),
    kept("picture and page.webp", webp() + HTML, kinds.WEBP, Mark.APPENDED),
    kept("document and page.docx", ooxml() + HTML, kinds.DOCX, Mark.APPENDED),
    refused("two archives in one.docx", ooxml() + ooxml(EXCEL), refusals.unreadable_document),
    refused("page before a pdf.pdf", HTML + pdf(), refusals.web_page),
    # Not what the name says.
    refused("photo.jpg (program)", windows_program(), refusals.program),
    refused("photo.jpg (page)", HTML, refusals.web_page),
    refused("deed.pdf (archive)", EICAR_ZIP, refusals.archive),
    kept("run.exe (picture)", jpeg(), kinds.JPEG),
    kept("page.html (words)", b"just words", kinds.TEXT),
    # Archives.
    refused("files.zip", EICAR_ZIP, refusals.archive),
    refused("empty.zip", zipped(), refusals.archive),
    refused("map.kmz", zipped(("doc.kml", b"<kml/>")), refusals.archive),
    refused("files.rar", b"Rar!\x1a\x07\x01\0" + NOISE[:99], refusals.archive),
    refused("files.7z", b"7z\xbc\xaf\x27\x1c\0\4" + NOISE[:99], refusals.archive),
    refused("files.tar", b"a.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(800), refusals.archive),
    refused("files.tar.gz", b"\x1f\x8b\x08\0" + NOISE[:99], refusals.archive),
    refused("files.tar.xz", b"\xfd7zXZ\0" + NOISE[:99], refusals.archive),
    refused("files.tar.bz2", b"BZh91AY&SY" + NOISE[:99], refusals.archive),
    refused("files.cab", b"MSCF\0\0\0\0" + NOISE[:99], refusals.archive),
    # Programs and scripts.
    refused("setup.exe", windows_program(), refusals.program),
    refused("tool", b"\x7fELF\2\1\1" + bytes(99), refusals.program),
    refused("tool of a Macintosh", b"\xcf\xfa\xed\xfe\7\0\0\1" + bytes(99), refusals.program),
    refused(
        "app.apk", zipped(("AndroidManifest.xml", b"\3\0"), ("classes.dex", b"dex\n035\0")), refusals.program
    ),
    refused(
        "app.jar", zipped(("META-INF/MANIFEST.MF", b"x"), ("A.class", b"\xca\xfe\xba\xbe")), refusals.program
    ),
    refused("classes.dex", b"dex\n035\0" + bytes(99), refusals.program),
    refused("page.wasm", b"\0asm\1\0\0\0", refusals.program),
    refused("game.swf", b"CWS\x0a" + NOISE[:99], refusals.program),
    refused("photo.lnk", b"L\0\0\0\1\x14\2\0" + bytes(99), refusals.program),
    refused("run.sh", b"#!/bin/sh\nrm -rf ~\n", refusals.program),
    refused("run.bat", b"@echo off\r\ndel *.*\r\n", refusals.program),
    # What acts when it is opened.
    refused("page.html", HTML, refusals.web_page),
    refused("page after blank lines.html", b"\n" * 20_000 + HTML, refusals.web_page),
    refused("page in old letters.html", "<html>Дім".encode("cp1251"), refusals.web_page),
    refused("page in wide letters.html", "<html>".encode("utf-16"), refusals.web_page),
    refused("drawing.svg", SVG, refusals.web_page),
    refused("drawing with a head.svg", b'<?xml version="1.0"?>' + SVG, refusals.web_page),
    refused("page.php", b"<?php system($_GET['c']);", refusals.web_page),
    refused(
        "feed.xml",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        refusals.web_page,
    ),
    refused(
        "saved page.mhtml",
        b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.org/\r\nDate: x\r\n\r\n",
        refusals.web_page,
    ),
    refused("words.rtf", b"{\\rtf1\\ansi {\\object\\objdata 01}}", refusals.other_document),
    refused("print.ps", b"%!PS-Adobe-3.0\n(%pipe%id) (w) file\n", refusals.other_document),
    refused("print.eps", b"\xc5\xd0\xd3\xc6" + bytes(99), refusals.other_document),
    refused("help.chm", b"ITSF\3\0\0\0" + bytes(99), refusals.other_document),
    # Documents of other kinds, and broken ones.
    refused("words.doc", ole("WordDocument", "Macros"), refusals.other_document),
    refused("letter.msg", ole("__properties_version1.0"), refusals.other_document),
    refused(
        "words of EncryptedPackage.doc",
        ole("WordDocument") + "xEncryptedPackage".encode("utf-16-le"),
        refusals.other_document,
    ),
    refused(
        "losses.xlsb",
        ooxml("application/vnd.ms-excel.sheet.binary.macroEnabled.main"),
        refusals.other_document,
    ),
    refused("drawing.vsdx", ooxml("application/vnd.ms-visio.drawing.main+xml"), refusals.other_document),
    refused("drawing.odg", odf("graphics"), refusals.other_document),
    refused("book.epub", zipped(("mimetype", b"application/epub+zip")), refusals.other_document),
    refused("letter.pages", zipped(("Index/Document.iwa", b"x")), refusals.other_document),
    refused("cut short.docx", ooxml()[:-100], refusals.unreadable_document),
    refused("cut short.odt", odf()[:-100], refusals.unreadable_document),
    refused("without its list.docx", ooxml()[:200], refusals.unreadable_document),
    refused("list elsewhere.docx", after(ooxml(), b"PK\5\6", 16, b"\0\0\0\0"), refusals.unreadable_document),
    refused(
        "two lists.docx", ooxml()[:-22] + b"PK\6\7" + bytes(16) + ooxml()[-22:], refusals.unreadable_document
    ),
    kept("one byte changed.docx", damaged_inside(), kinds.DOCX, Mark.DAMAGED),
    kept("with members under a password.docx", with_a_password_in_zip(), kinds.DOCX, Mark.ENCRYPTED),
    kept("contract.docm", ooxml(WORD, ("word/vbaProject.bin", ole("VBA"))), kinds.DOCX, Mark.MACROS),
    kept("names that climb.docx", ooxml(WORD, ("../../etc/cron.d/x", b"* * * * * root")), kinds.DOCX),
    # Bombs.
    refused("says little, becomes much.docx", lying_about_size(), refusals.oversized_document),
    refused(
        "mostly nothing.xlsx", ooxml(EXCEL, ("xl/sheet1.xml", bytes(70_000_000))), refusals.oversized_document
    ),
    refused("the same again and again.docx", same_bytes_used_often(), refusals.oversized_document),
    refused(
        "says it becomes four gigabytes.docx",
        after(ooxml(), b"PK\1\2", 24, b"\xfe\xff\xff\xff"),
        refusals.oversized_document,
    ),
    refused(
        "six thousand members.docx",
        ooxml(WORD, *((f"x{n}", b"") for n in range(6000))),
        refusals.oversized_document,
    ),
    refused(
        "archive inside.docx", ooxml(WORD, ("word/embeddings/a.bin", EICAR_ZIP)), refusals.stuffed_document
    ),
    refused(
        "bomb inside.odt", odf("text", ("Pictures/a", zipped(("a", bytes(10**6))))), refusals.stuffed_document
    ),
    refused(
        "program inside.docx",
        ooxml(WORD, ("word/media/image1.png", windows_program())),
        refusals.stuffed_document,
    ),
    refused("rar inside.pptx", ooxml(POWERPOINT, ("ppt/a", b"Rar!\x1a\x07\0")), refusals.stuffed_document),
    kept("fifty thousand by fifty thousand.png", png(50_000, 50_000, depth=1, rows=bytes(10**6)), kinds.PNG),
    kept("ten thousand pages.tif", tiff(pages=10_000), kinds.TIFF),
    # Recordings and pictures of other kinds, and broken ones.
    refused("clip.avi", riff(b"AVI ", b"LIST" + bytes(99)), refusals.other_recording),
    refused("clip.wmv", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(99), refusals.other_recording),
    refused("clip.flv", b"FLV\1\5" + bytes(99), refusals.other_recording),
    refused("clip.mpg", b"\0\0\1\xba" + bytes(99), refusals.other_recording),
    refused("clip.ts", (b"G" + bytes(187)) * 5, refusals.other_recording),
    refused("clip of an unknown brand.mp4", boxes(b"zzzz", MOOV), refusals.other_recording),
    refused("clip.ogv", ogg(b"\x80theora" + bytes(34)), refusals.other_recording),
    refused("picture.avif", boxes(b"avif", META), refusals.other_picture),
    refused("picture.bmp", b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + bytes(44), refusals.other_picture),
    refused("picture.gif", gif(), refusals.other_picture),
    refused("picture.psd", b"8BPS\0\1" + bytes(99), refusals.other_picture),
    refused("icon.ico", b"\0\0\1\0\1\0" + bytes(99), refusals.other_picture),
    kept("cut short.png", png()[:-20], kinds.PNG, Mark.DAMAGED),
    kept("cut short.mp4", boxes(b"isom", MOOV, MDAT)[:-50], kinds.MP4, Mark.DAMAGED),
    kept(
        "the battery was empty.mp4",
        boxes(b"isom", struct.pack(">I", 0) + b"mdat" + NOISE[:900]),
        kinds.MP4,
        Mark.DAMAGED,
    ),
    kept(
        "box of impossible length.mp4",
        boxes(b"isom", MOOV, struct.pack(">I", 3) + b"mdat"),
        kinds.MP4,
        Mark.DAMAGED,
    ),
    kept("cut short.wav", wav()[:-300], kinds.WAV, Mark.DAMAGED),
    kept("cut short.pdf", pdf()[:-30], kinds.PDF, Mark.DAMAGED),
    kept("starts a program.pdf", pdf(b"3 0 obj<</S/Launch/F(cmd.exe)>>endobj\n"), kinds.PDF, Mark.MACROS),
    # Words that are none.
    refused("empty.txt", b"", refusals.empty),
    refused("old letters.txt", "Будинок зруйновано".encode("cp1251"), refusals.unreadable_text),
    refused("zero byte late.txt", b"plain text" * 1000 + b"\0", refusals.unreadable_text),
    refused("commands a terminal.txt", b"plain text" * 1000 + b"\x1b[2J", refusals.unreadable_text),
    refused("half a letter.txt", b"plain text" * 1000 + "щ".encode()[:1], refusals.unreadable_text),
    refused("binary in a letter.eml", letter(b"\r\n" + bytes(9)), refusals.unreadable_text),
    refused("noise", NOISE[:4000], not_accepted),
    refused("zeros", bytes(5000), not_accepted),
)
SAMPLES = (*HONEST, *HOSTILE)
