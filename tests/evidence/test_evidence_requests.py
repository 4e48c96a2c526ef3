"""Evidence in a request: who is there comes first, then the bytes stream into the storage."""

import io
import tracemalloc

import pytest
from django import forms
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from evidence import storage, uploads
from evidence.models import EvidenceFile
from ledger.log import Actor

IRYNA = Actor("person", "iryna")
PDF = b"%PDF-1.7\n" + bytes(100_000)
LIMIT = 1_000_000
TOKEN = "t" * 32
BOUNDARY = "----a-boundary"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class FileForm(forms.Form):
    file = forms.FileField(allow_empty_file=True)


@csrf_exempt
def add(request, files):
    if request.headers.get("X-Who") != "iryna":
        return refuse(request)
    with uploads.receiving(request, limit=LIMIT, accepted=["application/pdf", "image/png"], files=files):
        return _add(request)


@csrf_protect
def _add(request):
    form = FileForm(request.POST, request.FILES)
    if form.is_valid():
        for file in request.FILES.getlist("file"):
            try:
                with transaction.atomic():
                    uploads.receive(file, by=IRYNA)
            except uploads.Refused as refusal:
                form.add_error("file", str(refusal))
    if form.errors:
        return HttpResponse(form.errors["file"], status=422)
    return HttpResponse(f"kept, {request.POST['kind']}")


def refuse(request, exception=None, reason=""):
    return HttpResponse(f"refused: {reason}", status=400 if exception else 403)


urlpatterns = [path("add/<int:files>/", add)]
handler400 = refuse


@pytest.fixture(autouse=True)
def _plain_refusals(settings):
    settings.CSRF_FAILURE_VIEW = f"{__name__}.refuse"


def part(name, content, filename=None):
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


def body(*files, token=TOKEN):
    parts = [part("csrfmiddlewaretoken", token.encode()), *files, part("kind", b"deed")]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def client(*, who="iryna", **headers):
    client = Client(enforce_csrf_checks=True, headers={"X-Who": who, "Accept-Language": "en"} | headers)
    client.cookies["csrftoken"] = TOKEN
    return client


def post(content, *, files=1, **headers):
    return client(**headers).generic("POST", f"/add/{files}/", content, CONTENT_TYPE)


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_file_in_a_form_is_kept_with_the_fields_around_it(evidence_dir):
    answer = post(body(part("file", PDF, "договір.pdf")))
    assert (answer.status_code, answer.content) == (200, b"kept, deed")
    evidence_file = EvidenceFile.objects.select_related("blob").get()
    assert (evidence_file.name, evidence_file.blob.size_bytes) == ("договір.pdf", len(PDF))
    assert len(files_in(evidence_dir)) == 1


def test_nothing_is_read_before_it_is_known_who_is_there(evidence_dir, monkeypatch):
    monkeypatch.setattr(uploads, "Incoming", lambda *_, **__: pytest.fail("the body was read"))
    assert post(body(part("file", PDF, "a.pdf")), who="nobody").status_code == 403


def test_a_form_from_another_site_is_refused_and_leaves_nothing(evidence_dir):
    assert post(body(part("file", PDF, "a.pdf"), token="f" * 32)).status_code == 403
    assert files_in(evidence_dir) == []


def test_a_form_from_another_site_is_refused_unread_where_the_browser_says_so(evidence_dir, monkeypatch):
    monkeypatch.setattr(uploads, "Incoming", lambda *_, **__: pytest.fail("the body was read"))
    assert post(body(part("file", PDF, "a.pdf")), Origin="https://evil.example").status_code == 403


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/cron.d/a.pdf", "a.pdf"),
        ("C:\\fakepath\\a.pdf", "a.pdf"),
        ("a\0b\u202efdp.exe", "abfdp.exe"),
        ("a&quot;&#13;&#10;b.pdf", 'a"b.pdf'),
        ("н" * 300, "н" * 200 + "…" + "н" * 54),
    ],
)
def test_a_hostile_name_is_only_a_label(sent, kept):
    assert post(body(part("file", PDF, sent))).status_code == 200
    assert EvidenceFile.objects.get().name == kept


def test_a_name_longer_than_any_system_has_is_a_bad_request(evidence_dir):
    assert post(body(part("file", PDF, "н" * 600))).status_code == 400
    assert files_in(evidence_dir) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (PDF + bytes(LIMIT), "The file is larger than 976.6\xa0KB."),
        (b"PK\x03\x04" + bytes(9000), "We cannot take archives."),
        (b"plain text", "Send one of these: PNG picture, PDF document."),
    ],
)
def test_a_refusal_comes_as_a_page_with_its_sentence_and_leaves_nothing(evidence_dir, content, sentence):
    answer = post(body(part("file", content, "photo.pdf")))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert files_in(evidence_dir) == []


def test_what_is_over_the_limit_is_not_written(evidence_dir, monkeypatch):
    written = []
    write = storage.Arrival.write
    monkeypatch.setattr(
        storage.Arrival, "write", lambda self, data: written.append(len(data)) or write(self, data)
    )
    post(body(part("file", PDF + bytes(10 * LIMIT), "a.pdf")))
    assert sum(written) <= LIMIT


def test_more_files_than_asked_for_are_refused_one_by_one():
    answer = post(body(part("file", PDF, "a.pdf"), part("file", PDF + b"b", "b.pdf")))
    assert "Too many files at once." in answer.content.decode()
    assert EvidenceFile.objects.get().name == "a.pdf"


def test_several_files_at_a_time_are_kept_where_the_page_asks_for_them(evidence_dir):
    files = [part("file", PDF + b"%d" % number, f"{number}.pdf") for number in range(3)]
    assert post(body(*files), files=3).status_code == 200
    assert [file.name for file in EvidenceFile.objects.order_by("pk")] == ["0.pdf", "1.pdf", "2.pdf"]
    assert len(files_in(evidence_dir)) == 3


def test_the_same_file_again_is_answered_alike_and_stored_once(evidence_dir):
    answers = [post(body(part("file", PDF, "a.pdf"))) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert EvidenceFile.objects.count() == 2
    assert len(files_in(evidence_dir)) == 1


def test_a_body_that_ends_in_the_middle_leaves_nothing(evidence_dir):
    whole = body(part("file", PDF, "a.pdf"))
    assert post(whole[: len(whole) // 2]).status_code == 422
    assert EvidenceFile.objects.count() == 0
    assert files_in(evidence_dir) == []


def test_a_broken_base64_part_leaves_nothing(evidence_dir):
    content = part("file", b"JVBERi0xLjcK" * 10 + b"J", "a.pdf")
    content = content.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1)
    assert post(body(content)).status_code == 400
    assert files_in(evidence_dir) == []


class Broken(io.BytesIO):
    """A connection that breaks after `content`."""

    def read(self, size=-1):
        data = super().read(size)
        if not data:
            raise ConnectionResetError(104, "Connection reset by peer")
        return data


def post_stream(stream, length):
    """As `post`, of a body that is not in memory, with the length that the sender announced."""
    return client().request(
        **{
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/add/1/",
            "CONTENT_TYPE": CONTENT_TYPE,
            "CONTENT_LENGTH": str(length),
            "wsgi.input": stream,
        }
    )


def test_a_connection_that_breaks_leaves_nothing(evidence_dir):
    whole = body(part("file", PDF, "a.pdf"))
    assert post_stream(Broken(whole[: len(whole) // 2]), len(whole)).status_code == 403
    assert files_in(evidence_dir) == []


class Endless(io.RawIOBase):
    """A body of any size that exists only while it is read."""

    def __init__(self, begin, size, end):
        self.begin, self.left, self.end = begin, size, end

    def read(self, size=-1):
        if self.begin:
            data, self.begin = self.begin, b""
            return data
        if self.left:
            data = bytes(min(size, self.left))
            self.left -= len(data)
            return data
        data, self.end = self.end, b""
        return data


def test_a_large_request_takes_no_more_memory_than_a_small_one(evidence_dir, monkeypatch):
    monkeypatch.setattr(f"{__name__}.LIMIT", 200_000_000)
    begin, end = body(part("file", b"%PDF-1.7", "a.pdf")).split(b"%PDF-1.7")
    begin, size = begin + b"%PDF-1.7\n", 100_000_000
    tracemalloc.start()
    answer = post_stream(Endless(begin, size, end), len(begin) + size + len(end))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 200
    assert EvidenceFile.objects.get().blob.size_bytes == size + len(b"%PDF-1.7\n")
    assert peak < 8_000_000
