"""The desk: what it shows of a claim, what may be done there, and that typed text is never lost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from claims.models import InformationRequest, State
from evidence.models import CustodyEvent, EvidenceFile, ScanState
from ledger import sealing
from registry.middleware import CONTENT_SECURITY_POLICY
from review import assignments, checklists, decisions
from review.models import Assignment, Checklist, Proposal, ProposalState, Return
from review.views.desk import POLICY
from tests import make
from tests.evidence import corpus
from tests.journeys.filing_steps import JPEG
from tests.review.staffed import browser, desk, looks, reviewer, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demo(settings):
    settings.DEMO = True


def all_checked(claim, answer="yes"):
    """What the form of the checklist sends when every check has this answer."""
    tests = checklists.tests(claim.versions.get(number=claim.version))
    given = {f"check_{item.id}": answer for _test, items in tests for item in items}
    return given | {"version_number": claim.version}


def lease_taken_over(claim, by="mykola"):
    """The time of whoever has the claim is over, and somebody else took it."""
    now = timezone.now()
    Assignment.objects.filter(claim=claim, ended_at=None).update(
        taken_at=now - timedelta(hours=9), expires_at=now - timedelta(hours=1)
    )
    assignments.take(claim, by=make.staff(by, Role.REVIEWER))


# --- What it shows, and to whom ---


def test_the_claim_is_shown_as_it_was_frozen():
    claim = make.under_review(answers={"damage_description": "Прилетіло вночі."}, files=[make.PDF])
    words = said(reviewer().get(desk(claim)))
    assert "Коваленко Олена" in words
    assert "deed.pdf" in words
    assert "Self-declared" in words
    assert "Typed declaration, Олена Коваленко" in words
    assert "On your desk until" in words


def test_what_the_claimant_is_typing_now_is_not_shown():
    claim = make.under_review()
    draft = make.filing.reopen(claim, by=claim.filed_by)
    draft.own_account = "Ще не надіслано."
    draft.save()
    assert "Ще не надіслано." not in reviewer().get(desk(claim)).text


def test_a_claim_on_nobodys_desk_or_somebody_elses_is_not_there():
    free, other = make.claim(), make.under_review(by="mykola", filed_by="petro")
    browser_of_iryna = reviewer()
    assert browser_of_iryna.get(desk(free)).status_code == 404
    assert browser_of_iryna.get(desk(other)).status_code == 404
    assert browser_of_iryna.get(reverse("review:claim", args=["UA-0000-0000-0"])).status_code == 404


def test_nobody_reads_their_own_claim_as_staff():
    claim = make.under_review(by="mykola", filed_by="iryna")
    assert browser("iryna", Role.SENIOR_REVIEWER).get(desk(claim)).status_code == 404


@pytest.mark.parametrize(
    "role", [Role.BOARD_MEMBER, Role.BOARD_SECRETARY, Role.EXECUTIVE_DIRECTOR, Role.AUDITOR, Role.TRANSLATOR]
)
def test_other_roles_are_refused(role):
    claim = make.under_review()
    client = browser("anna", role)
    assert client.get(desk(claim)).status_code == 403
    assert client.post(desk(claim, "propose")).status_code == 403


def test_a_visitor_signs_in_first():
    claim = make.under_review()
    assert Client().get(desk(claim)).url == f"{reverse('account_login')}?next={desk(claim)}"


def test_each_look_is_written_down_with_its_purpose():
    proposal = make.proposed()
    claim = proposal.claim
    reviewer("iryna").get(desk(claim))
    reviewer("mykola").get(desk(claim))
    browser("senia", Role.SENIOR_REVIEWER).get(desk(make.confirmed(proposal)))
    assert looks(claim) == [
        ("reviewer", "review", False),
        ("reviewer", "confirmation", False),
        ("senior_reviewer", "senior", False),
    ]


def test_the_policy_of_the_desk_adds_frames_from_here_and_nothing_else():
    claim = make.under_review()
    assert reviewer().get(desk(claim)).headers["Content-Security-Policy"] == POLICY
    assert f"{CONTENT_SECURITY_POLICY}; frame-src 'self'" == POLICY


def test_the_page_holds_no_inline_script_or_style():
    claim = make.under_review(answers=make.answers(), files=[make.PDF, JPEG])
    text = reviewer().get(desk(claim)).text
    assert "<style" not in text
    assert " style=" not in text
    assert text.count("<script") == text.count("<script src=")


def test_the_page_costs_the_same_number_of_queries_however_much_is_in_it():
    small = make.under_review(files=[make.PDF])
    large = make.under_review(answers=make.answers(), files=[make.PDF, JPEG], filed_by="petro")
    client = reviewer()

    def queries(claim):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(desk(claim)).status_code == 200
        return len(captured)

    queries(small)
    assert queries(large) == queries(small)


def test_the_story_tells_who_did_what():
    claim = make.confirmed()
    while sealing.seal():
        pass
    words = said(reviewer("mykola").get(desk(claim)))
    assert "The claimant submitted the claim." in words
    assert "iryna@example.org took the claim." in words
    assert "iryna@example.org proposed: eligible for recording." in words
    assert "mykola@example.org confirmed the proposal." in words


# --- Evidence ---


def file_of(claim):
    return claim.attachments.get().evidence_file


def test_a_picture_is_shown_in_the_page_and_the_look_is_written_down():
    claim = make.under_review(files=[JPEG])
    shown = file_of(claim)
    client = reviewer()
    assert f'<img src="{desk(claim, "file", shown.public_id)}?show=1"' in client.get(desk(claim)).text
    answer = client.get(desk(claim, "file", shown.public_id), {"show": 1})
    assert b"".join(answer.streaming_content) == JPEG
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert looks(claim)[-1] == ("reviewer", "review", True)
    event = CustodyEvent.objects.filter(evidence_public_id=shown.public_id).latest("id")
    assert (event.kind, event.actor_id) == ("viewed", str(make.user("iryna").public_id))


def test_a_file_is_downloaded_and_that_is_written_down():
    claim = make.under_review(files=[make.PDF])
    received = file_of(claim)
    answer = reviewer().get(desk(claim, "file", received.public_id))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(answer.streaming_content) == make.PDF
    assert (
        CustodyEvent.objects.filter(evidence_public_id=received.public_id).latest("id").kind == "downloaded"
    )


def test_a_pdf_stands_in_a_frame():
    claim = make.under_review(files=[make.PDF])
    address = desk(claim, "file", file_of(claim).public_id)
    assert (
        f'<iframe src="{address}?show=1" title="deed.pdf" loading="lazy">' in reviewer().get(desk(claim)).text
    )


def test_what_was_seen_in_a_file_stands_beside_it():
    claim = make.under_review(files=[make.PDF + b"1 0 obj<</S/JavaScript>>endobj %%EOF"])
    assert (
        "Has macros or scripts in it: open it only where they cannot run" in reviewer().get(desk(claim)).text
    )
    assert "Has macros" not in reviewer().get(desk(make.under_review(files=[make.PDF]))).text


def test_a_recording_is_only_downloaded():
    claim = make.under_review(files=[corpus.boxes(b"isom", corpus.MOOV, corpus.MDAT)])
    address = desk(claim, "file", file_of(claim).public_id)
    assert f"{address}?show=1" not in reviewer().get(desk(claim)).text
    answer = reviewer().get(address, {"show": 1})
    answer.close()
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_file_of_another_claim_is_not_there():
    claim, other = make.under_review(), make.under_review(filed_by="petro", files=[make.PDF])
    assert reviewer().get(desk(claim, "file", file_of(other).public_id)).status_code == 404


def test_a_file_of_a_claim_that_one_may_not_read_is_not_there():
    claim = make.under_review(files=[make.PDF])
    assert reviewer("mykola").get(desk(claim, "file", file_of(claim).public_id)).status_code == 404


def test_a_file_that_was_not_sent_yet_is_not_there():
    claim = make.under_review()
    make.asked(claim)
    make.filing.reopen(make.fresh(claim), by=claim.filed_by)
    added = make.evidence(make.fresh(claim))
    address = desk(claim, "file", added.evidence_file.public_id)
    assert reviewer().get(address).status_code == 404


def test_a_file_with_malware_is_not_opened():
    claim = make.under_review(files=[make.PDF])
    received = file_of(claim)
    EvidenceFile.objects.update(scan_state=ScanState.INFECTED, scanned_at=timezone.now())
    client = reviewer()
    answer = client.get(desk(claim, "file", received.public_id))
    assert answer.status_code == 403
    assert "Malware was found in this file" in said(answer)
    assert "<iframe" not in client.get(desk(claim)).text


# --- What changed ---


def test_what_the_claimant_changed_is_said_in_words():
    claim = make.under_review(answers={"damage_date": "2022-03-07"})
    claim = make.amend(claim, damage_date="2022-03-08", owned_by="me")
    words = said(reviewer().get(desk(claim)))
    assert "What changed from version 1 to 2" in words
    assert "Before: 7 March 2022 Now: 8 March 2022" in words
    assert "Before: not answered Now: Only me" in words


def test_a_first_version_says_nothing_of_changes():
    assert "What changed" not in reviewer().get(desk(make.under_review())).text


def test_an_answer_to_a_request_is_shown_with_the_request():
    claim = make.answered(make.under_review(), reply="Ось фото.")
    words = said(reviewer().get(desk(claim)))
    assert "Answer to our request It stands below." in words
    assert "Add a photograph." in words
    assert "Ось фото." in words


# --- Checklist, request, proposal ---


def test_the_checklist_is_kept_with_its_notes():
    claim = make.under_review()
    typed = {"version_number": 1, "check_damage_shown": "unclear", "note_damage_shown": "Фото темні."}
    client = reviewer()
    page = client.post(desk(claim, "checklist"), typed, follow=True)
    assert "The checklist is saved." in said(page)
    assert Checklist.objects.get().given["damage_shown"] == {"answer": "unclear", "note": "Фото темні."}
    assert "Фото темні." in client.get(desk(claim)).text


def test_saving_the_checklist_loses_nothing_that_stands_in_the_other_forms():
    claim = make.under_review()
    typed = all_checked(claim) | {"ask_text": "Надішліть", "note": "Дивіться фото 2"}
    page = reviewer().post(desk(claim, "checklist"), typed)
    assert page.status_code == 200
    assert "The checklist is saved." in said(page)
    assert "Надішліть" in page.text
    assert "Дивіться фото 2" in page.text


def test_the_claimant_is_asked_and_the_checklist_beside_it_is_kept():
    claim = make.under_review()
    due_on = timezone.localdate() + timedelta(days=14)
    typed = all_checked(claim) | {"ask_text": "Надішліть фото.", "ask_due_on": due_on.isoformat()}
    page = reviewer().post(desk(claim, "ask"), typed, follow=True)
    assert "The claimant is told." in said(page)
    request = InformationRequest.objects.get()
    assert (request.text, request.due_on) == ("Надішліть фото.", due_on)
    assert Checklist.objects.count() == 1
    assert "Not answered yet" in said(page)


def test_the_request_is_due_in_two_weeks_unless_one_says_otherwise():
    in_two_weeks = (timezone.localdate() + timedelta(days=14)).isoformat()
    assert f'value="{in_two_weeks}"' in reviewer().get(desk(make.under_review())).text


@pytest.mark.parametrize(
    ("day", "error"),
    [
        ("", "Choose the day by which you hope for an answer."),
        ("tomorrow", "Enter the date as a day, like 2026-03-07."),
        ("2020-01-01", "Choose a day after today, at most a year from now."),
        ("9999-12-31", "Choose a day after today, at most a year from now."),
    ],
)
def test_a_day_that_does_not_do_is_said_beside_it_and_in_the_summary(day, error):
    claim = make.under_review()
    page = reviewer().post(desk(claim, "ask"), {"version_number": 1, "ask_text": "Фото?", "ask_due_on": day})
    assert page.text.count(error) == 2
    assert "Фото?" in page.text
    assert not InformationRequest.objects.exists()


def test_a_request_is_closed_and_the_review_goes_on():
    claim = make.under_review()
    make.asked(claim)
    reviewer().post(desk(claim, "go_on"))
    assert make.fresh(claim).state == State.UNDER_REVIEW


def test_a_proposal_saves_the_checklist_and_waits_for_another_reviewer():
    claim = make.under_review()
    typed = all_checked(claim) | {"reason": "all_tests_met", "note": "Усе ясно", "told": ""}
    page = reviewer().post(desk(claim, "propose"), typed, follow=True)
    assert "Another reviewer confirms it or sends it back to you." in said(page)
    proposal = Proposal.objects.get()
    assert (proposal.recommendation, proposal.reason, proposal.note) == (
        "eligible",
        "all_tests_met",
        "Усе ясно",
    )


def test_the_reason_decides_what_is_recommended():
    claim = make.answered(make.under_review())
    typed = all_checked(claim, "no") | {"reason": "before_first_day", "with_prejudice": "on"}
    reviewer().post(desk(claim, "propose"), typed)
    proposal = Proposal.objects.get()
    assert (proposal.recommendation, proposal.with_prejudice) == ("ineligible", True)


def test_with_prejudice_is_refused_beside_the_box_where_the_reason_does_not_allow_it():
    claim = make.answered(make.under_review())
    typed = all_checked(claim, "no") | {
        "reason": "cause_not_shown",
        "with_prejudice": "on",
        "told": "Причина",
    }
    page = reviewer().post(desk(claim, "propose"), typed)
    assert page.text.count("The reason you chose does not allow this.") == 2
    assert "Причина" in page.text
    assert not Proposal.objects.exists()


def test_a_refused_proposal_comes_back_with_everything_as_it_was_typed():
    claim = make.under_review()
    typed = {
        "version_number": 1,
        "check_damage_shown": "no",
        "note_damage_shown": "Не видно",
        "reason": "harm_not_shown",
        "told": "Скажіть більше",
        "note": "Сумніваюся",
    }
    page = reviewer().post(desk(claim, "propose"), typed)
    assert page.status_code == 409
    assert "Answer every check on the checklist first" in said(page)
    for text in ("Не видно", "Скажіть більше", "Сумніваюся"):
        assert text in page.text
    assert page.context["forms"]["propose"]["reason"].value() == "harm_not_shown"


def test_nobody_is_proposed_as_not_eligible_unheard():
    claim = make.under_review()
    page = reviewer().post(desk(claim, "propose"), all_checked(claim) | {"reason": "harm_not_shown"})
    assert page.status_code == 409
    assert "the claimant must be told what is missing" in said(page)


# --- Too late ---


def test_a_stale_page_is_shown_again_as_the_claim_is_now_with_what_was_typed():
    claim = make.under_review()
    typed = all_checked(claim) | {"reason": "all_tests_met", "note": "Мої слова"}
    make.amend(claim, damage_date="2022-03-08")
    client = reviewer()
    page = client.post(desk(claim, "propose"), typed)
    assert page.status_code == 409
    assert "The claimant has changed this claim since you opened it." in said(page)
    assert "Мої слова" in page.text
    assert 'name="version_number" value="2"' in page.text
    typed["version_number"] = 2
    assert client.post(desk(claim, "propose"), typed).status_code == 302


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "²"])
def test_a_page_that_does_not_say_its_version_is_stale(version):
    claim = make.under_review()
    typed = all_checked(claim) | {"reason": "all_tests_met", "version_number": version}
    assert reviewer().post(desk(claim, "propose"), typed).status_code == 409


def test_a_lease_that_ended_is_taken_again_without_a_word():
    claim = make.under_review()
    now = timezone.now()
    Assignment.objects.update(taken_at=now - timedelta(hours=9), expires_at=now - timedelta(hours=1))
    client = reviewer()
    assert "Your time with it is over" in said(client.get(desk(claim)))
    typed = all_checked(claim) | {"reason": "all_tests_met"}
    assert client.post(desk(claim, "propose"), typed).status_code == 302


def test_whose_claim_somebody_else_took_gets_their_words_back_and_nothing_of_the_claim():
    claim = make.under_review(files=[make.PDF])
    client = reviewer()
    client.get(desk(claim))
    lease_taken_over(claim)
    typed = all_checked(claim) | {"reason": "all_tests_met", "note": "Мої слова"}
    page = client.post(desk(claim, "propose"), typed)
    assert page.status_code == 409
    assert "mykola@example.org has taken it" in said(page)
    assert "Мої слова" in page.text
    assert "All four tests are met" in page.text
    assert "Коваленко" not in page.text
    assert "deed.pdf" not in page.text
    assert not Proposal.objects.exists()


def test_who_never_looked_at_a_claim_learns_nothing_by_posting():
    claim = make.under_review()
    client = reviewer("mykola")
    for page in ("checklist", "ask", "go_on", "propose"):
        assert client.post(desk(claim, page), all_checked(claim)).status_code == 404


def test_what_is_typed_when_the_session_has_ended_is_there_after_signing_in():
    claim = make.under_review()
    client = Client(headers={"accept-language": "en"})
    address = desk(claim, "propose")
    typed = {"version_number": "1", "note": "Мої слова", "note_damage_shown": "темно"}
    assert client.post(address, typed).url == f"{reverse('account_login')}?next={address}"
    client.post(
        f"{reverse('account_login')}?next={address}",
        {"login": "iryna@example.org", "password": make.PASSWORD},
    )
    page = client.get(address)
    assert page.status_code == 200
    assert "Мої слова" in page.text
    assert "темно" in page.text
    assert not Proposal.objects.exists()
    assert client.get(address).url == desk(claim)


# --- Confirming ---


def test_the_second_reviewer_sees_the_proposal_with_its_note_and_confirms_it():
    proposal = make.proposed(note="Фото 2 вирішує")
    client = reviewer("mykola")
    words = said(client.get(desk(proposal.claim)))
    assert "Фото 2 вирішує" in words
    assert "All four tests are met" in words
    page = client.post(desk(proposal.claim, "confirm"), {"proposal": proposal.public_id}, follow=True)
    assert "goes to the Board" in said(page)
    assert make.fresh(proposal.claim).state == State.ELIGIBLE


def test_the_first_reviewer_is_offered_no_confirmation_and_refused_one():
    proposal = make.proposed()
    client = reviewer("iryna")
    assert desk(proposal.claim, "confirm") not in client.get(desk(proposal.claim)).text
    page = client.post(desk(proposal.claim, "confirm"), {"proposal": proposal.public_id})
    assert page.status_code == 409
    assert "another reviewer must confirm it" in said(page)


def test_who_sends_back_says_why_and_the_first_reviewer_reads_it():
    proposal = make.proposed()
    address = desk(proposal.claim, "send_back")
    client = reviewer("mykola")
    page = client.post(address, {"proposal": proposal.public_id, "back_note": " "})
    assert page.text.count("Write what should be looked at again.") == 2
    client.post(address, {"proposal": proposal.public_id, "back_note": "Перегляньте дату"})
    assert Proposal.objects.get().state == ProposalState.SENT_BACK
    words = said(reviewer("iryna").get(desk(proposal.claim)))
    assert "mykola@example.org sent the proposal back" in words
    assert "Перегляньте дату" in words


def test_of_two_who_confirm_the_slower_is_told_and_keeps_their_words():
    proposal = make.proposed()
    late = reviewer("taras")
    late.get(desk(proposal.claim))
    decisions.confirm(proposal, by=make.staff("mykola", Role.REVIEWER))
    typed = {"proposal": proposal.public_id, "back_note": "Мої слова"}
    page = late.post(desk(proposal.claim, "send_back"), typed)
    assert page.status_code == 409
    assert "mykola@example.org confirmed this proposal" in said(page)
    assert "Мої слова" in page.text
    assert "Коваленко" not in page.text


def test_a_proposal_that_the_claimant_overtook_is_not_confirmed():
    proposal = make.proposed()
    client = reviewer("mykola")
    client.get(desk(proposal.claim))
    make.amend(proposal.claim, damage_date="2022-03-08")
    page = client.post(desk(proposal.claim, "confirm"), {"proposal": proposal.public_id})
    assert page.status_code == 409
    assert "The claimant changed the claim after this proposal." in said(page)


@pytest.mark.parametrize("proposal", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_a_proposal_that_is_not_there_is_not_confirmed(proposal):
    claim = make.proposed().claim
    assert reviewer("mykola").post(desk(claim, "confirm"), {"proposal": proposal}).status_code == 404


# --- What a senior reviewer does ---


def test_a_senior_reviewer_returns_an_assessed_claim_and_says_why():
    claim = make.confirmed()
    client = browser("senia", Role.SENIOR_REVIEWER)
    assert "Return it to review" in client.get(desk(claim)).text
    client.post(desk(claim, "return"), {"return_note": "Дата не сходиться"})
    assert Return.objects.get().note == "Дата не сходиться"
    assert make.fresh(claim).state == State.UNDER_REVIEW
    assignments.take(make.fresh(claim), by=make.staff("taras", Role.REVIEWER))
    assert "Дата не сходиться" in reviewer("taras").get(desk(claim)).text


def test_a_reviewer_does_not_return():
    claim = make.confirmed()
    assert reviewer("iryna").post(desk(claim, "return"), {"return_note": "x"}).status_code == 403


def test_a_senior_reviewer_takes_a_claim_from_somebodys_desk():
    claim = make.under_review()
    client = browser("senia", Role.SENIOR_REVIEWER)
    assert "Take it from the desk of iryna@example.org" in said(client.get(desk(claim)))
    client.post(desk(claim, "release"))
    assert not Assignment.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("page", ["checklist", "ask", "go_on", "propose", "confirm", "send_back"])
def test_an_act_that_is_only_opened_leads_to_the_desk(page):
    claim = make.under_review()
    assert reviewer().get(desk(claim, page)).url == desk(claim)
