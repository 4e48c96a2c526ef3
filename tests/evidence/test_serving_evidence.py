"""Evidence goes out as it came in, and nothing in it can act."""

import io
from urllib.parse import unquote

import pytest

from evidence import serving, uploads
from evidence.frames import FRAME_BYTES
from ledger.log import Actor

IRYNA = Actor("person", "iryna")
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 1000
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG = b"\xff\xd8\xff\xe0"
LARGE = b"%PDF-1.7\n" + bytes(3 * FRAME_BYTES)

pytestmark = pytest.mark.django_db


def keep(content, name="file"):
    return uploads.receive_stream(io.BytesIO(content), name=name, by=IRYNA)


def damage(evidence_dir, evidence_file, *, at):
    stored = evidence_dir / "stored" / evidence_file.blob.stored_name
    content = bytearray(stored.read_bytes())
    content[at] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(content)


def name_in(answer):
    """The name a browser saves under, once plain and once in full."""
    kind, plain, full = answer.headers["Content-Disposition"].split("; ")
    return plain.removeprefix("filename=").strip('"'), unquote(full.removeprefix("filename*=UTF-8''"))


@pytest.mark.parametrize("content", [PDF, LARGE, JPEG, b"a"], ids=["pdf", "frames", "tiny", "text"])
def test_the_bytes_go_out_as_they_came(content):
    answer = serving.response(keep(content))
    assert b"".join(answer.streaming_content) == content
    assert answer.headers["Content-Length"] == str(len(content))


def test_every_answer_forbids_everything():
    answer = serving.response(keep(PDF), inline=True)
    answer.close()
    assert dict(answer.headers) == {
        "Content-Type": "application/pdf",
        "Content-Length": str(len(PDF)),
        "Content-Disposition": "inline; filename=\"file.pdf\"; filename*=UTF-8''file.pdf",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'self'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }


@pytest.mark.parametrize(
    ("content", "inline", "disposition"),
    [
        (PDF, True, "inline"),
        (PNG, True, "inline"),
        (JPEG, True, "inline"),
        (b"text", True, "attachment"),
        (PDF, False, "attachment"),
    ],
)
def test_only_pictures_and_pdf_are_shown_in_the_page(content, inline, disposition):
    answer = serving.response(keep(content), inline=inline)
    answer.close()
    assert answer.headers["Content-Disposition"].split(";")[0] == disposition


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("Дім".encode(), "text/plain; charset=utf-8"),
        ("Дім".encode("utf-8-sig"), "text/plain; charset=utf-8"),
        ("Дім".encode("utf-16"), "text/plain; charset=utf-16"),
    ],
)
def test_text_says_its_letters(content, content_type):
    answer = serving.response(keep(content))
    answer.close()
    assert answer.headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    ("content", "name", "plain", "full"),
    [
        (JPEG, "photo.jpg", "photo.jpg", "photo.jpg"),
        (JPEG, "photo.JPEG", "photo.JPEG", "photo.JPEG"),
        (JPEG, "photo.png", "photo.png.jpg", "photo.png.jpg"),
        (b"x", "page.html", "page.html.txt", "page.html.txt"),
        (b"x", "run.exe", "run.exe.txt", "run.exe.txt"),
        (PDF, "Договір №1.pdf", "No1.pdf", "Договір №1.pdf"),
        (PDF, "договір.pdf", "evidence.pdf", "договір.pdf"),
        (JPEG, "../../etc/passwd", "_.._etc_passwd.jpg", "_.._etc_passwd.jpg"),
        (JPEG, "C:\\Windows\\a.jpg", "C__Windows_a.jpg", "C__Windows_a.jpg"),
        (JPEG, 'a";filename="b.exe', "a__filename=_b.exe.jpg", "a__filename=_b.exe.jpg"),
        (JPEG, "a\r\nSet-Cookie: b", "aSet-Cookie_ b.jpg", "a��Set-Cookie_ b.jpg"),
        (JPEG, "photo\u202egpj.exe", "photogpj.exe.jpg", "photo�gpj.exe.jpg"),
        (JPEG, "photo\u200fgpj.exe", "photo_gpj.exe.jpg", "photo_gpj.exe.jpg"),
        (JPEG, ".jpg", "jpg.jpg", "jpg.jpg"),
        (JPEG, "...", "evidence.jpg", "evidence.jpg"),
        (JPEG, "a" * 500, "a" * 120 + ".jpg", "a" * 120 + ".jpg"),
    ],
)
def test_a_download_s_name_is_harmless_and_fits_its_content(content, name, plain, full):
    answer = serving.response(keep(content, name))
    answer.close()
    assert name_in(answer) == (plain, full)


def test_a_damaged_beginning_is_found_before_anything_is_sent(evidence_dir, caplog):
    evidence_file = keep(PDF, "Iryna's deed.pdf")
    damage(evidence_dir, evidence_file, at=100)
    with pytest.raises(serving.Unreadable, match="cannot be opened at the moment"):
        serving.response(evidence_file)
    assert str(evidence_file.public_id) in caplog.text
    assert "deed" not in caplog.text


def test_damage_further_on_breaks_off_and_does_not_end(evidence_dir, caplog):
    evidence_file = keep(LARGE)
    damage(evidence_dir, evidence_file, at=-1)
    answer = serving.response(evidence_file)
    received = []
    with pytest.raises(serving.Unreadable):
        received.extend(answer.streaming_content)
    assert sum(map(len, received)) < int(answer.headers["Content-Length"])
    assert str(evidence_file.public_id) in caplog.text


def test_a_lost_file_is_said(evidence_dir):
    evidence_file = keep(PDF)
    (evidence_dir / "stored" / evidence_file.blob.stored_name).unlink()
    with pytest.raises(serving.Unreadable):
        serving.response(evidence_file)


def test_a_whole_file_of_another_size_is_damaged():
    evidence_file = keep(PDF)
    evidence_file.blob.size_bytes += 1
    with pytest.raises(serving.Unreadable):
        serving.response(evidence_file)


def test_a_lost_key_is_said():
    evidence_file = keep(PDF)
    evidence_file.blob.wrapped_key = b"\1\1x" + bytes(60)
    with pytest.raises(serving.Unreadable):
        serving.response(evidence_file)
