"""What people meet once the log is closed: reading goes on, drafts are kept, acts are refused plainly."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from claims import filing
from claims.mandates import ClaimantKind
from ledger import closing
from ledger.log import SYSTEM, LogClosed
from registry.middleware import ClosedLog
from tests import make

pytestmark = pytest.mark.committing


def close() -> None:
    closing.close(by=SYSTEM, office="system", reason="mandate_ended")


@pytest.mark.parametrize(
    ("language", "sentence"), [("uk", "Реєстр закрито"), ("en", "The register is closed")]
)
def test_an_act_is_answered_with_a_page_in_the_persons_language(client: Any, language: str, sentence: str):
    claim = make.claim()
    close()
    client.force_login(claim.filed_by)
    client.cookies["django_language"] = language
    answer = client.post(f"/claims/{claim.public_id}/withdraw/")
    assert answer.status_code == 503
    assert f"<h1>{sentence}</h1>" in answer.text
    assert make.fresh(claim).state == "submitted"


def test_reading_goes_on_and_drafts_are_kept(client: Any):
    claim, draft = make.claim(), make.draft(by="olena")
    close()
    client.force_login(claim.filed_by)
    for address in ("/claims/", f"/claims/{claim.public_id}/", f"/claims/{draft.public_id}/check/"):
        assert client.get(address).status_code == 200
    page = draft.form.pages[0]
    filing.save_page(draft, page, {}, complete=False)
    assert client.get(f"/claims/{draft.public_id}/questions/{page.id}/").status_code == 200


def test_a_submission_is_refused_whole_and_the_draft_stays():
    draft = make.draft(answers=make.REQUIRED[ClaimantKind.INDIVIDUAL])
    close()
    with pytest.raises(LogClosed):
        make.submit(draft)
    assert make.fresh(draft).is_draft


def test_the_api_answers_with_a_problem():
    request = RequestFactory().post("/api/v1/claims")
    answer = ClosedLog(lambda request: HttpResponse()).process_exception(request, LogClosed("Closed."))
    assert isinstance(answer, HttpResponse)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert b"#problem-log-closed" in answer.content


def test_other_exceptions_are_left_alone():
    request = RequestFactory().post("/claims/")
    assert ClosedLog(lambda request: HttpResponse()).process_exception(request, ValueError()) is None
