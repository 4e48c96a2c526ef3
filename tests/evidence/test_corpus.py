"""Every file of the corpus goes through the real reception and meets the fate that stands beside it."""

import io
import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence import containers, uploads
from evidence.kinds import JPEG, KINDS, PDF, PNG, WEBP, Mark
from evidence.models import EvidenceFile
from evidence.recognising import Recogniser
from evidence.serving import response
from ledger.log import Actor
from tests import make
from tests.evidence import corpus
from tests.evidence.corpus import HONEST, HOSTILE, SAMPLES

IRYNA = Actor("person", "iryna")
MUTATIONS = int(os.environ.get("EVIDENCE_MUTATIONS", "400"))  # `make soak` tries more

pytestmark = pytest.mark.django_db


def fate(sample):
    """What reception makes of it: kind and marks, or the sentence."""
    try:
        blob = uploads.receive_stream(io.BytesIO(sample.content), name=sample.name, by=IRYNA).blob
    except uploads.Refused as refusal:
        return str(refusal)
    return blob.media_type, blob.marks


def expected(sample):
    return (sample.kind.media_type, sorted(sample.marks)) if sample.kind else sample.sentence


def test_the_corpus_is_as_large_as_was_promised():
    assert len(HONEST) >= 40
    assert len(HOSTILE) >= 60
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_each_file_meets_its_fate(sample, evidence_dir):
    assert fate(sample) == expected(sample)
    stored = [path for path in evidence_dir.rglob("*") if path.is_file()]
    assert len(stored) == (1 if sample.kind else 0)


def judged(content, *, piece=1000, accepted=corpus.ACCEPTED):
    """The same without storage and database: media type and marks, or the sentence."""
    recogniser = Recogniser(accepted)
    try:
        for start in range(0, len(content), piece):
            recogniser.feed(content[start : start + piece])
        recogniser.finish()
        kind, marks = recogniser.kind, recogniser.marks
        if recogniser.is_container:
            kind, marks = containers.look_into(io.BytesIO(content), len(content), accepted)
    except uploads.Refused as refusal:
        return str(refusal)
    return kind.media_type, sorted(marks)


@pytest.mark.parametrize("piece", [61, 100_000])
@pytest.mark.parametrize("samples", [HONEST, HOSTILE], ids=["honest", "hostile"])
def test_the_fate_does_not_depend_on_how_the_stream_is_cut(samples, piece):
    for sample in samples:
        if len(sample.content) < 100_000:
            assert judged(sample.content, piece=piece) == expected(sample), sample.name


SMALL = [sample.content for sample in HONEST if len(sample.content) < 20_000]


@st.composite
def mutated(draw):
    """An honest file after a few accidents: bytes changed, cut out or doubled, another file put after it."""
    content = draw(st.sampled_from(SMALL))
    for _accident in range(draw(st.integers(1, 4))):
        begin, length = draw(st.integers(0, len(content))), draw(st.integers(0, 40))
        part = content[begin : begin + length]
        how = draw(st.sampled_from(["other bytes", "cut out", "twice", "cut short", "two files"]))
        if how == "other bytes":
            new = draw(st.binary(min_size=len(part), max_size=len(part)))
            content = content[:begin] + new + content[begin + length :]
        elif how == "cut out":
            content = content[:begin] + content[begin + length :]
        elif how == "twice":
            content = content[:begin] + part + content[begin:]
        elif how == "cut short":
            content = content[:begin]
        else:
            content = content[:begin] + draw(st.sampled_from(SMALL))
    return content


@settings(max_examples=MUTATIONS, suppress_health_check=[HealthCheck.too_slow])
@given(content=mutated())
def test_a_broken_file_is_kept_marked_or_refused_with_a_sentence(content):
    fate = judged(content)
    if isinstance(fate, str):
        assert fate.endswith(".")
    else:
        media_type, marks = fate
        assert media_type in KINDS
        assert set(marks) <= set(Mark)


@pytest.fixture
def olena():
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(make.user("olena"))
    return browser


def test_through_the_form_of_a_claim_a_file_of_each_fate_meets_the_same(olena):
    claim = make.draft()
    url = reverse("claims:add_evidence", args=[claim.public_id])
    each = list({(sample.kind, sample.marks, sample.refusal): sample for sample in SAMPLES}.values())
    for begin in range(0, len(each), 10):
        samples = each[begin : begin + 10]
        files = [SimpleUploadedFile(sample.name, sample.content) for sample in samples]
        shown = olena.post(url, {"type": "", "description": "", "add": "1", "file": files}).content.decode()
        for sample in samples:
            assert (escape(f"{sample.name}: {sample.sentence}") in shown) == (sample.kind is None), (
                sample.name
            )
    held = {file.name: file.blob for file in EvidenceFile.objects.select_related("blob")}
    assert {name: (blob.media_type, blob.marks) for name, blob in held.items()} == {
        sample.name: expected(sample) for sample in each if sample.kind
    }
    page = olena.get(reverse("claims:evidence", args=[claim.public_id])).content.decode()
    for mark in Mark:
        assert not mark.advice or escape(mark.advice) in page


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.kind], ids=lambda s: s.name)
def test_only_pictures_and_pdf_are_ever_shown_in_a_page(sample):
    """Whatever else a file is, it goes out as the one kind that was found, and no browser may guess."""
    evidence_file = uploads.receive_stream(io.BytesIO(sample.content), name=sample.name, by=IRYNA)
    answer = response(evidence_file, inline=True)
    answer.close()
    disposition = answer.headers["Content-Disposition"].split(";")[0]
    assert answer.headers["Content-Type"].split(";")[0] == sample.kind.media_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (disposition == "inline") == (sample.kind in (JPEG, PNG, WEBP, PDF))
    assert answer.headers["Content-Disposition"].lower().endswith(sample.kind.extensions)
