"""Which files are kept, and what the sender of another is told."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import kinds

GIB = 1024**3
JPEG_HEAD = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"


def judge(content, *, piece=1000, accepted=kinds.KINDS):
    """The media type, or what the sender is told."""
    recogniser = kinds.Recogniser(accepted)
    try:
        for start in range(0, len(content), piece):
            recogniser.feed(content[start : start + piece])
        return recogniser.finish().media_type
    except kinds.Refused as refusal:
        return str(refusal)


def zipped(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (JPEG_HEAD, "image/jpeg"),
        (b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00", "image/jpeg"),
        (b"\xff\xd8\xff\xdb" + bytes(10_000), "image/jpeg"),
        (PNG_HEAD, "image/png"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        (b"\xef\xbb\xbf%PDF-1.4\n", "application/pdf"),
        (b"\r\n%PDF-1.4\n", "application/pdf"),
        (b"a", "text/plain"),
        ("Будинок зруйновано 7 березня.\n".encode(), "text/plain"),
        ("\ufeffБудинок".encode(), "text/plain"),
        ("Будинок".encode("utf-16"), "text/plain"),
        ("\ufeffБудинок".encode("utf-16-be"), "text/plain"),
        (b"one\ttwo\r\nthree\x0cfour\n", "text/plain"),
        ("مرحبا 👨‍👩‍👧 ‏".encode(), "text/plain"),
        ("щ".encode() * 5000, "text/plain"),
        (b"MZ and ID3 are how other files begin", "text/plain"),
        (b"1 < 2", "text/plain"),
    ],
)
def test_the_four_kinds_are_found_in_their_content(content, media_type):
    assert judge(content) == media_type


ARCHIVE = "We cannot take archives. Unpack this one and send the files in it one by one."
OFFICE = "We cannot take office documents yet. Open it, save it as a PDF document and send the PDF."
PICTURE = "We cannot take this kind of picture yet. Save it as JPEG or PNG and send it again."
WEB_PAGE = "We cannot take web pages, SVG or XML. Save it as a PDF document, or send a picture of it."
PROGRAM = "This file is a program, and we take no programs. Send a picture, a PDF document or plain text."
LETTERS = "We cannot read the letters in this text. Save it as UTF-8 or as a PDF document and send that."
OTHER = (
    "We cannot take this kind of file here. "
    "Send one of these: JPEG picture, PNG picture, PDF document, plain text."
)
EMPTY = "The file is empty. Check that it opens on your device and send it again."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", EMPTY),
        (zipped(("photo.jpg", JPEG_HEAD)), ARCHIVE),
        (zipped(), ARCHIVE),
        (b"Rar!\x1a\x07\x01\x00", ARCHIVE),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", ARCHIVE),
        (b"\x1f\x8b\x08\x00", ARCHIVE),
        (b"a.txt".ljust(257, b"\0") + b"ustar\x0000", ARCHIVE),
        (zipped(("[Content_Types].xml", "<Types/>"), ("word/document.xml", "<w/>")), OFFICE),
        (zipped(("mimetype", "application/vnd.oasis.opendocument.text")), OFFICE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), OFFICE),
        (b"{\\rtf1\\ansi Hello}", OFFICE),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", PICTURE),
        (b"II*\x00\x08\x00\x00\x00", PICTURE),
        (b"MM\x00*\x00\x00\x00\x08", PICTURE),
        (b"GIF89a\x01\x00\x01\x00", PICTURE),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1", PICTURE),
        (b"MZ\x90\x00\x03\x00", PROGRAM),
        (b"\x7fELF\x02\x01\x01\x00", PROGRAM),
        (b"\xcf\xfa\xed\xfe\x07\x00\x00\x01", PROGRAM),
        (b"#!/bin/sh\nrm -rf ~\n", PROGRAM),
        (b"<!DOCTYPE html><title>Home</title>", WEB_PAGE),
        (b"\xef\xbb\xbf \n\t<HTML><script>alert(1)</script>", WEB_PAGE),
        ("<svg onload=alert(1)>".encode("utf-16"), WEB_PAGE),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", WEB_PAGE),
        (b"<script>alert(1)</script>", WEB_PAGE),
        (b"<!-- --><script>alert(1)</script>", WEB_PAGE),
        (b"<?php system($_GET['c']);", WEB_PAGE),
        (b"\n" * 20_000 + b"<html>", WEB_PAGE),
        ("Будинок зруйновано".encode("cp1251"), LETTERS),
        (b"plain text" * 1000 + b"\x00", LETTERS),
        (b"plain text" * 1000 + b"\x1b[2J", LETTERS),
        (("plain text" * 1000 + "\x9b2J").encode(), LETTERS),
        (b"plain text" * 1000 + "щ".encode()[:1], LETTERS),
        ("\ufeffok".encode("utf-16-le") + b"\x00\xd8", LETTERS),
        (b"\x00\x01\x02\x03", OTHER),
        (b"junk before %PDF-1.4 and \x00", OTHER),
        (b"\x89PNG\r\n\x1a\n no header chunk", OTHER),
        (b"\xff\xd8\xff\xff\x00", OTHER),
    ],
)
def test_other_files_are_refused_with_what_to_send_instead(content, sentence):
    assert judge(content) == sentence


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        (
            b"\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1heic",
            "We cannot take HEIC pictures yet: send it as JPEG.",
        ),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "We cannot take HEIC pictures yet"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isom", "We cannot take video or sound recordings yet."),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "We cannot take video or sound recordings yet."),
        (b"\x1aE\xdf\xa3\x01\x00\x00\x00webm", "We cannot take video or sound recordings yet."),
        (b"ID3\x04\x00\x00\x00", "We cannot take video or sound recordings yet."),
        (b"\xff\xfb\x90\x00\x00", "We cannot take video or sound recordings yet."),
        (b"#!AMR\n\x3c\x91\x17", "We cannot take video or sound recordings yet."),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "We cannot take video or sound recordings yet."),
    ],
)
def test_what_phones_make_is_refused_with_advice_for_phones(content, begins):
    assert judge(content)[: len(begins)] == begins


def test_a_refusal_comes_with_the_first_bytes_and_not_at_the_end():
    with pytest.raises(kinds.Refused):
        kinds.Recogniser(kinds.KINDS).feed(zipped(("a", b"x" * 5000)))


def test_the_caller_may_accept_fewer_kinds():
    assert judge(PNG_HEAD, accepted=["application/pdf"]) == (
        "We cannot take this kind of file here. Send one of these: PDF document."
    )


@given(content=st.binary(max_size=50), piece=st.integers(1, 9))
def test_the_answer_does_not_depend_on_how_the_stream_is_cut(content, piece):
    assert judge(content, piece=piece) == judge(content)


@given(
    text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_honest_text_of_any_script_is_kept(text, encoding):
    assert judge(f"- {text}".encode(encoding), piece=1) == "text/plain"


def test_the_limit_is_said_in_words():
    assert str(kinds.too_large(2 * GIB)) == (
        "The file is larger than 2.0\xa0GB. Make it smaller or split it, and send it again."
    )
