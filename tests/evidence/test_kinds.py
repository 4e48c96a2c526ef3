"""How a kind is found. What becomes of whole files, honest and hostile, stands in test_corpus.py."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import containers, refusals
from evidence.kinds import KINDS, Family, named
from evidence.recognising import HEAD_BYTES, Recogniser
from tests.evidence import corpus

GIB = 1024**3
JPEG_HEAD = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"


def judge(content, *, piece=1000, accepted=KINDS):
    """The media type, or what the sender is told."""
    recogniser = Recogniser(accepted)
    try:
        for start in range(0, len(content), piece):
            recogniser.feed(content[start : start + piece])
        recogniser.finish()
        return recogniser.kind.media_type if recogniser.kind else "a container"
    except refusals.Refused as refusal:
        return str(refusal)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (JPEG_HEAD, "image/jpeg"),
        (b"\xff\xd8\xff\xdb" + bytes(10_000), "image/jpeg"),
        (PNG_HEAD, "image/png"),
        (b"\xef\xbb\xbf%PDF-1.4\n", "application/pdf"),
        (b"\r\n%PDF-1.4\n", "application/pdf"),
        (b"a", "text/plain"),
        ("\ufeffБудинок".encode(), "text/plain"),
        ("Будинок".encode("utf-16"), "text/plain"),
        ("\ufeffБудинок".encode("utf-16-be"), "text/plain"),
        (b"one\ttwo\r\nthree\x0cfour\n", "text/plain"),
        ("مرحبا 👨‍👩‍👧 ‏".encode(), "text/plain"),
        ("щ".encode() * 5000, "text/plain"),
        (b"MZ and ID3 are how other files begin", "text/plain"),
        (b"The wide river", "text/plain"),  # "wide" is how an old film goes on
        (b"1 < 2", "text/plain"),
        (b"From: Olena\nTo: my sister\n\nThe house\n", "text/plain"),  # no date, so no mail program wrote it
        (b"PK\x03\x04" + bytes(100), "a container"),
    ],
)
def test_the_beginning_tells_the_kind(content, media_type):
    assert judge(content) == media_type


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfb\x90\x00" + bytes(500),
        b"\xff\xfb\x90\x00" * 50,
        b"\xff\xf1\x50\x80\x19\x1f\xfc" + bytes(300),
    ],
)
def test_sound_is_recognised_by_several_frames_that_follow_each_other(content):
    assert judge(content) == str(refusals.not_accepted(KINDS))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"junk before %PDF-1.4 and \x00", None),
        (b"\x89PNG\r\n\x1a\n no header chunk", None),
        (b"\xff\xd8\xff\xff\x00", None),
        (("plain text" * 1000 + "\x9b2J").encode(), refusals.unreadable_text),
        ("\ufeffok".encode("utf-16-le") + b"\x00\xd8", refusals.unreadable_text),
        (b"\xef\xbb\xbf \n\t<HTML><script>alert(1)</script>", refusals.web_page),
        (b"<!-- --><script>alert(1)</script>", refusals.web_page),
    ],
)
def test_other_beginnings_are_refused(content, why):
    assert judge(content) == str(why() if why else refusals.not_accepted(KINDS))


@pytest.mark.parametrize("why", sorted(set(vars(refusals)) - {"Refused", "filesizeformat", "named", "_"}))
def test_every_refusal_says_what_to_do(why):
    make = getattr(refusals, why)
    if not callable(make) or isinstance(make, type):
        return
    arguments = {"too_large": [GIB], "not_accepted": [KINDS]}.get(why, [])
    sentence = str(make(*arguments))
    assert sentence.endswith(".")
    assert any(word in sentence for word in ("end ", "Send ", "Unpack "))


def test_a_refusal_comes_with_the_first_bytes_where_they_tell():
    with pytest.raises(refusals.Refused):
        Recogniser(KINDS).feed(b"7z\xbc\xaf\x27\x1c" + bytes(HEAD_BYTES))


def test_the_caller_may_accept_fewer_kinds():
    told = "We cannot take this kind of file here. Send one of these: PDF document."
    assert judge(PNG_HEAD, accepted=["application/pdf"]) == told
    with pytest.raises(refusals.Refused, match=told):
        containers.look_into(io.BytesIO(corpus.odf()), len(corpus.odf()), ["application/pdf"])


def test_a_few_kinds_are_named_each_and_many_by_their_families():
    assert named(["image/jpeg", "image/png"]) == "JPEG picture, PNG picture"
    assert named([kind for kind in KINDS if KINDS[kind].family in (Family.VIDEO, Family.SOUND)]) == (
        "video, sound recordings"
    )


def test_no_two_kinds_have_one_name():
    assert len({str(kind.label) for kind in KINDS.values()}) == len(KINDS)
    assert all(len(media_type) <= 127 for media_type in KINDS)


@given(content=st.binary(max_size=50), piece=st.integers(1, 9))
def test_the_answer_does_not_depend_on_how_the_stream_is_cut(content, piece):
    assert judge(content, piece=piece) == judge(content)


@given(
    text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_honest_text_of_any_script_is_kept(text, encoding):
    assert judge(f"- {text}".encode(encoding), piece=1) == "text/plain"


def test_a_document_is_looked_into_in_little_memory():
    content = corpus.ooxml(corpus.WORD, ("word/media/film.mp4", bytes(60_000_000)))
    tracemalloc.start()
    kind, _marks = containers.look_into(io.BytesIO(content), len(content), KINDS)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kind.extensions[0] == ".docx"
    assert peak < 4_000_000


def test_the_limit_is_said_in_words():
    assert str(refusals.too_large(2 * GIB)) == (
        "The file is larger than 2.0\xa0GB. Make it smaller or split it, and send it again."
    )
