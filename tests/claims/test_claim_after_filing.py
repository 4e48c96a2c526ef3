"""After filing: where a claim stands, in plain words, and what one can do, in a browser."""

import re
from dataclasses import asdict, replace
from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from claims import entries, filing, lifecycle, mandates, story
from claims.models import Attachment, Claim, ClaimVersion, Consent, Draft, InformationRequest, State
from claims.versions import Declaration
from claims.views import requests as request_pages
from ledger.log import Kind
from ledger.models import Entry
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db

NOTICE = mandates.current().privacy_notice.version


@pytest.fixture
def olena(signed_in):
    return signed_in("olena")


def url(name, claim, *rest):
    return reverse(f"claims:{name}", args=[claim.public_id, *rest])


def request_url(request):
    return url("request", request.claim, request.public_id)


def shown(browser, address):
    return text_of(browser.get(address))


def text_of(answer):
    return unescape(answer.content.decode())


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def declared(name="Олена Коваленко"):
    return asdict(Declaration.of_current_texts(name, language="en"))


def sentences(browser, claim):
    """The story on the page, newest first."""
    return re.findall(r"</time><p>([^<]*?)\s*<", shown(browser, url("claim", claim)))


# --- Where it stands ---

WORDS = {
    State.SUBMITTED: ("Submitted", "Nobody has begun to review it yet"),
    State.NEEDS_FIXING: ("A file must be replaced", "A file in your claim cannot be opened."),
    State.UNDER_REVIEW: ("Under review", "Your claim is being reviewed."),
    State.INFORMATION_REQUESTED: ("More information needed", "We need more information from you to go on."),
    State.ELIGIBLE: ("Awaiting the Board’s decision", "The Board will decide on your claim."),
    State.INELIGIBLE: ("Awaiting the Board’s decision", "The Board will decide on your claim."),
    State.RECORDED: ("Recorded in the Register", "a claims commission will decide on that"),
    State.REJECTED_WITHOUT_PREJUDICE: ("Not recorded, you can file again", "You can file again."),
    State.REJECTED_WITH_PREJUDICE: ("Not recorded, you cannot file again", "it cannot be filed again"),
    State.WITHDRAWN: ("Withdrawn at your request", "You can file again at any time."),
}


@pytest.mark.parametrize("state", WORDS)
def test_a_claim_says_where_it_stands_on_its_page_and_in_the_list(olena, state):
    claim = moving.STATES[state]()
    label, sentence = WORDS[state]
    page = shown(olena, url("claim", claim))
    assert f'">{label}</strong>' in page
    assert sentence in page
    assert f'">{label}</strong>' in shown(olena, reverse("claims:list"))


def test_what_is_recommended_to_the_board_cannot_be_told_from_the_page(olena):
    pages = []
    for to in (State.ELIGIBLE, State.INELIGIBLE):
        claim = moving.awaiting(make.claim(by="olena"), to)
        page = shown(olena, url("claim", claim))
        own = rf"<time.*?</time>|{claim.number}|{claim.public_id}|csrfmiddlewaretoken\" value=\"\w+"
        pages.append(re.sub(own, "", page))
    assert pages[0] == pages[1]


def test_every_open_kind_about_a_claim_has_its_sentence():
    kinds = [kind for kind in vars(entries).values() if isinstance(kind, Kind)]
    about_claims = [kind.name for kind in kinds if kind.is_open and kind.name.startswith("claim.")]
    assert [kind for kind in about_claims if not story._sentence(kind, {"outcome": "recorded"})] == []


def test_the_story_tells_each_step_newest_first(olena):
    claim = make.claim(files=[make.PDF])
    moving.replied(moving.asked(claim))
    claim = moving.awaiting(moving.again(claim))
    claim = moving.amended(claim)
    moving.closed(moving.asked(claim))
    claim = moving.decided(moving.again(claim), State.UNDER_REVIEW)
    claim = moving.awaiting(claim)
    lifecycle.return_to_review(claim, by=make.user("petro"), office=Role.SENIOR_REVIEWER)
    claim = moving.reopened(moving.decided(moving.again(claim), State.REJECTED_WITH_PREJUDICE))
    moving.decided(claim, State.RECORDED)
    assert sentences(olena, claim) == [
        "The Board decided to record your claim in the Register.",
        "We finished the review. The Board will decide on your claim.",
        "The Board opened your claim again. We review it once more.",
        "The Board decided not to record your claim. It cannot be filed again.",
        "We finished the review. The Board will decide on your claim.",
        "We took your claim back for further review.",
        "We finished the review. The Board will decide on your claim.",
        "The Board sent your claim back to us for further review.",
        "We finished the review. The Board will decide on your claim.",
        "We closed our question. You need not answer it any more.",
        "We asked you for more information.",
        "You changed the claim.",
        "We finished the review. The Board will decide on your claim.",
        "You answered our question.",
        "We asked you for more information.",
        "We began to review your claim.",
        "You submitted the claim.",
    ]


def test_what_is_internal_is_not_told(olena):
    claim = make.claim()
    body = Entry.objects.get(claim=claim.public_id).body.replace('"open":true', '"open":false')
    Entry.objects.create(salt=bytes(16), body=body)
    assert sentences(olena, claim) == ["You submitted the claim."]


def test_the_page_asks_the_database_as_often_for_a_long_story_as_for_a_short_one(
    olena, django_assert_num_queries
):
    short, long = make.claim(), make.claim(files=[make.PDF, b"%PDF-1.7 more"])
    for _round in range(3):
        request = moving.asked(moving.again(long))
        moving.add_to_reply(request, b"%PDF-1.7 " + str(request.pk).encode())
        moving.replied(request)
        moving.decided(moving.again(long), State.UNDER_REVIEW)
    olena.get(url("claim", short))
    with django_assert_num_queries(7):
        olena.get(url("claim", short))
    with django_assert_num_queries(7):
        olena.get(url("claim", long))


def test_files_that_were_not_sent_are_not_shown_as_evidence(olena):
    claim = make.claim(files=[make.PDF])
    filing.reopen(claim, by=claim.filed_by)
    make.evidence(claim, b"%PDF-1.7 more", name="unsent.pdf")
    for name in ("claim", "receipt", "filed"):
        page = shown(olena, url(name, claim))
        assert "deed.pdf" in page
        assert "unsent.pdf" not in page


# --- The Board's decision ---


def test_a_decision_stands_with_its_day_its_reason_and_the_next_step(olena):
    claim = moving.decided(make.claim(), State.REJECTED_WITHOUT_PREJUDICE)
    page = shown(olena, url("claim", claim))
    assert "7 March 2026" in page
    assert "<p>Заява відповідає всім чотирьом критеріям.</p>" in page
    assert f'{reverse("claims:start", args=["A3.1"])}?again={claim.public_id}">File again</a>' in page


def test_what_a_reason_says_is_shown_as_it_is_and_not_run(olena):
    claim = moving.decided(make.claim(), reason="<script>alert(1)</script>")
    assert "&lt;script&gt;" in olena.get(url("claim", claim)).content.decode()


def test_in_a_closed_category_one_is_not_led_to_file_again(olena):
    claim = moving.decided(make.claim(), State.REJECTED_WITHOUT_PREJUDICE)
    claim.category.state = "closed"
    claim.category.save()
    page = shown(olena, url("claim", claim))
    assert reverse("claims:start", args=["A3.1"]) not in page
    assert "This category takes no claims at the moment." in page


def test_who_cannot_file_again_is_told_how_to_turn_to_the_board(olena):
    page = shown(olena, url("claim", moving.decided(make.claim(), State.REJECTED_WITH_PREJUDICE)))
    assert "The Board can then open the claim again. You can complain at the same address." in page
    assert mandates.current().help_email in page
    assert reverse("claims:start", args=["A3.1"]) not in page


def test_a_recorded_claim_says_what_comes_next(olena):
    page = shown(olena, url("claim", moving.decided(make.claim())))
    assert "will go to the commission that decides on compensation" in page
    assert url("change", moving.again(Claim.objects.get())) not in page


def test_earlier_decisions_stay_readable(olena):
    claim = moving.decided(make.claim(), State.REJECTED_WITH_PREJUDICE, reason="Перша.")
    page = shown(olena, url("claim", moving.reopened(claim)))
    assert "Under review again" in page
    assert page.index("Знайшовся договір.") < page.index("Earlier decisions") < page.index("Перша.")


@pytest.mark.parametrize("state", moving.STATES)
def test_only_what_can_be_done_is_offered(olena, state):
    claim = moving.STATES[state]()
    page = shown(olena, url("claim", claim))
    can_change = state in lifecycle.AMENDABLE
    assert (url("withdraw", claim) in page) == can_change
    assert (url("change", claim) in page) == can_change
    assert page.count('class="button"') <= 1


# --- Answering a question ---


def send(browser, request, button="send", **sent):
    seen = re.search(r'name="seen" value="(\w*)"', browser.get(request_url(request)).content.decode())
    return browser.post(
        request_url(request), {"text": "", "seen": seen[1] if seen else "", button: "1", **sent}
    )


def file(content=make.PDF, name="lease.pdf"):
    return SimpleUploadedFile(name, content)


def test_the_question_is_shown_as_it_was_asked_with_its_date(olena):
    request = moving.asked(make.claim())
    page = olena.get(request_url(request)).content.decode()
    assert "<p>Будь ласка, надішліть договір.</p>" in page
    assert "напишіть &lt;чому&gt;." in page
    assert "Please answer by 23:59 on 31 January 2030, Kyiv time." in page
    assert request_url(request) in shown(olena, url("claim", request.claim))


@pytest.mark.parametrize(("days", "is_late"), [(0, False), (-1, True)])
def test_after_its_date_a_question_can_still_be_answered_and_that_is_said(olena, days, is_late):
    today = timezone.now().astimezone(mandates.current().zone).date()
    request = moving.asked(make.claim(), due_on=today.fromordinal(today.toordinal() + days))
    page = shown(olena, request_url(request))
    assert ("This day has passed. Answer all the same" in page) is is_late
    assert send(olena, request, text="Ось.").status_code == 302
    request.refresh_from_db()
    assert request.answered_at


def test_an_answer_is_sent_with_its_files_and_thanked_for(olena):
    request = moving.asked(make.claim())
    answer = send(
        olena, request, text="Договір згорів.\r\nЄ оцінка.", file=[file(), file(b"%PDF-1.7 two", "2.pdf")]
    )
    assert answer.url == request_url(request)
    page = shown(olena, answer.url)
    assert "We have your answer. Thank you" in page
    assert "Договір згорів.<br>Є оцінка." in page
    assert "lease.pdf" in page
    assert "2.pdf" in page
    assert moving.again(request.claim).state == State.UNDER_REVIEW


def test_files_are_added_one_by_one_and_taken_out_with_what_was_typed_kept(olena):
    request = moving.asked(make.claim())
    answer = send(olena, request, "add", text="Договір", file=[file()])
    assert said(answer) == ["1 file is kept with your answer."]
    page = shown(olena, request_url(request))
    assert ">\nДоговір</textarea>" in page
    first = request.files.get()
    send(olena, request, "add", text="Договір згорів", file=[file(b"%PDF-1.7 two", "2.pdf")])
    send(olena, request, "remove", text="Договір згорів.", remove=str(first.evidence_file.public_id))
    assert list(request.files.values_list("evidence_file__name", flat=True)) == ["2.pdf"]
    assert ">\nДоговір згорів.</textarea>" in shown(olena, request_url(request))


def test_a_file_that_was_taken_out_in_another_tab_is_no_mistake(olena):
    request = moving.asked(make.claim())
    for gone in ("11111111-1111-1111-1111-111111111111", "../x", "0"):
        assert send(olena, request, "remove", text="Договір", remove=gone).status_code == 302
    assert InformationRequest.objects.get().reply == "Договір"


@pytest.mark.parametrize("button", ["send", "add", "leave"])
def test_a_refused_file_costs_neither_the_words_nor_the_other_file(olena, button):
    request = moving.asked(make.claim())
    answer = send(olena, request, button, text="Договір", file=[file(b"MZ" + bytes(99), "x.pdf"), file()])
    page = text_of(answer)
    assert "x.pdf: This file is a program, and we take no programs." in page
    assert ">\nДоговір</textarea>" in page
    assert list(request.files.values_list("evidence_file__name", flat=True)) == ["lease.pdf"]
    assert InformationRequest.objects.get().reply == "Договір"
    assert moving.again(request.claim).state == State.INFORMATION_REQUESTED


def test_words_that_are_too_many_stay_and_the_file_is_kept(olena):
    request = moving.asked(make.claim())
    answer = send(olena, request, text="а" * (request_pages.REPLY_LENGTH + 1), file=[file()])
    assert "at most 20000 fit here" in text_of(answer)
    assert "а" * (request_pages.REPLY_LENGTH + 1) in text_of(answer)
    assert request.files.count() == 1
    assert moving.again(request.claim).state == State.INFORMATION_REQUESTED


def test_one_can_save_and_come_back(olena):
    request = moving.asked(make.claim())
    answer = send(olena, request, "leave", text="Шукаю договір.")
    assert answer.url == url("claim", request.claim)
    assert "Шукаю договір." in shown(olena, request_url(request))


def test_nothing_is_sent_when_there_is_nothing(olena):
    request = moving.asked(make.claim())
    assert "Write an answer or add a file." in text_of(send(olena, request, text=" \r\n"))
    assert "Choose a file first." in text_of(send(olena, request, "add"))


def test_an_old_empty_page_takes_back_nothing_that_another_device_wrote(olena):
    request = moving.asked(make.claim())
    seen = re.search(r'name="seen" value="(\w+)"', shown(olena, request_url(request)))[1]
    send(olena, request, "leave", text="Договір згорів.")
    olena.post(request_url(request), {"text": "", "seen": seen, "send": "1"})
    assert "Договір згорів." in shown(olena, request_url(request))
    assert moving.again(request.claim).state == State.UNDER_REVIEW


def test_sent_twice_by_a_double_press_it_is_thanked_for_once(olena):
    request = moving.asked(make.claim())
    for _press in range(2):
        assert send(olena, request, text="Договір згорів.").url == request_url(request)
    assert ClaimVersion.objects.count() == 2


def test_what_is_sent_from_a_second_tab_stays_readable(olena):
    request = moving.asked(make.claim())
    send(olena, request, text="Договір згорів.")
    answer = send(olena, request, text="Ні, знайшовся.", file=[file()])
    page = text_of(answer)
    assert answer.status_code == 409
    assert "You had sent an answer before, perhaps from another device." in page
    assert "Ні, знайшовся." in page
    assert "Договір згорів." in page
    assert not Attachment.objects.exists()


def test_what_is_sent_after_the_question_was_closed_stays_readable(olena):
    request = moving.asked(make.claim())
    send(olena, request, "add", text="Шукаю", file=[file()])
    moving.closed(request)
    page = text_of(send(olena, request, text="Ось договір."))
    assert "The question was closed while you were writing." in page
    assert "Ось договір." in page
    later = shown(olena, request_url(request))
    assert "You need not answer this question any more" in later
    assert "Шукаю" in later
    assert "lease.pdf" in later


def test_a_file_that_was_not_sent_is_taken_out_on_the_page_of_a_closed_question(olena):
    request = moving.asked(make.claim())
    send(olena, request, "add", text="Шукаю", file=[file()])
    moving.closed(request)
    name = str(request.files.get().evidence_file.public_id)
    assert f'name="remove" value="{name}"' in shown(olena, request_url(request))
    for _press in range(2):
        assert olena.post(request_url(request), {"remove": name}).url == request_url(request)
    later = shown(olena, request_url(request))
    assert "The file was taken out." in later
    assert "lease.pdf" not in later
    assert "Шукаю" in later
    assert not Attachment.objects.exists()


def test_a_file_is_taken_out_although_the_question_was_closed_meanwhile_and_what_was_typed_is_shown(olena):
    request = moving.asked(make.claim())
    send(olena, request, "add", file=[file()])
    name = str(request.files.get().evidence_file.public_id)
    moving.closed(request)
    answer = send(olena, request, "remove", text="Ось договір.", remove=name)
    assert answer.status_code == 409
    assert "Ось договір." in text_of(answer)
    assert not Attachment.objects.exists()


def test_a_file_that_was_sent_has_no_button_and_stays(olena):
    request = moving.asked(make.claim())
    send(olena, request, text="Ось.", file=[file()])
    name = str(request.files.get().evidence_file.public_id)
    assert 'name="remove"' not in shown(olena, request_url(request))
    olena.post(request_url(request), {"remove": name})
    assert request.files.count() == 1


def test_what_was_typed_when_the_session_ended_is_shown_after_signing_in_again(olena):
    request = moving.asked(make.claim())
    Session.objects.all().delete()
    asked = olena.post(request_url(request), {"text": "Довга відповідь.", "send": "1"})
    assert asked.url.startswith(reverse("account_login"))
    olena.force_login(make.user("olena"))
    assert "Довга відповідь." in shown(olena, request_url(request))
    assert InformationRequest.objects.get().reply == ""


def test_without_the_token_of_our_page_nothing_is_kept(evidence_dir):
    request = moving.asked(make.claim(by="olena"))
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make.user("olena"))
    sent = {"text": "Не моє", "send": "1", "file": [file()]}
    assert browser.post(request_url(request), sent).status_code == 403
    assert not [path for path in evidence_dir.rglob("*") if path.is_file()]
    assert InformationRequest.objects.get().reply == ""


def test_an_erased_question_is_said_to_be(olena):
    request = moving.asked(make.claim())
    moving.replied(request)
    values = {f.attname: getattr(request, f.attname) for f in InformationRequest._meta.concrete_fields}
    gone = InformationRequest.objects.create(
        **values | {"id": None, "public_id": request.claim.public_id, "text": None, "salt": None}
    )
    assert "The text was erased." in shown(olena, request_url(gone))


def test_questions_and_answers_stand_with_what_was_filed(olena):
    request = moving.asked(make.claim())
    moving.replied(request)
    page = shown(olena, url("filed", request.claim))
    assert "Договір згорів." in page
    assert "Будь ласка, надішліть договір." in page
    assert "This is your claim with what you changed or added until" in page


# --- Changing ---


def begin(browser, claim):
    assert browser.post(url("change", claim)).url == url("change", claim)


def test_a_claim_is_changed_on_the_pages_of_a_draft_and_sent(olena):
    claim = make.claim(answers={"damage_level": "damaged"}, files=[make.PDF])
    assert "Nothing changes until you send the changes at the end." in shown(olena, url("change", claim))
    begin(olena, claim)
    tasks = shown(olena, url("change", claim))
    assert "Nothing changes until you send the changes." in tasks
    assert tasks.count('class="state done"') == tasks.count('class="state')
    answer = olena.post(url("page", claim, "damage"), {"damage_level": "destroyed"})
    assert answer.url == url("page", claim, "inspection")
    assert olena.post(url("page", claim, "inspection")).url == url("change", claim)
    assert "Destroyed" in shown(olena, url("check", claim))
    answer = olena.post(url("declaration", claim), declared())
    assert answer.url == url("receipt", claim)
    assert said(answer) == ["We have your changes. Thank you."]
    assert "With what you changed or added until" in shown(olena, url("receipt", claim))
    assert "Destroyed" in shown(olena, url("filed", claim))
    assert sentences(olena, claim)[0] == "You changed the claim."


def test_begun_changes_are_led_back_to_from_the_claims_page(olena):
    claim = make.claim()
    begin(olena, claim)
    page = shown(olena, url("claim", claim))
    assert "You have begun to change this claim." in page
    assert f'href="{url("change", claim)}">Go on with your changes' in page


def test_save_and_come_back_leads_to_the_sections_of_the_changes(olena):
    claim = make.claim()
    begin(olena, claim)
    assert olena.post(url("own_account", claim), {"text": "Ще.", "leave": "1"}).url == url("change", claim)


def test_files_that_were_sent_are_shown_apart_and_cannot_be_taken_out(olena):
    claim = make.claim(files=[make.PDF])
    begin(olena, claim)
    sent = claim.attachments.get().evidence_file.public_id
    answer = olena.post(
        url("add_evidence", claim),
        {"type": "", "description": "", "add": "1", "file": [file(b"%PDF-1.7 more", "more.pdf")]},
    )
    assert said(answer) == ["1 file is kept with your changes."]
    page = shown(olena, url("evidence", claim))
    assert (
        page.index("Sent to us before") < page.index("deed.pdf") < page.index("New") < page.index("more.pdf")
    )
    assert url("piece", claim, sent) not in page
    for typed in ({"remove": "1"}, {"type": "", "description": "Інше"}):
        answer = olena.post(url("piece", claim, sent), typed)
        assert answer.url == url("evidence", claim)
    assert said(answer)[-1] == "This file was sent to us with your claim. It stays in it."
    assert claim.attachments.count() == 2


def test_files_of_an_answer_do_not_stand_among_the_changes(olena):
    claim = make.claim()
    added = moving.add_to_reply(moving.asked(claim))
    begin(olena, claim)
    for name in ("evidence", "check"):
        assert "lease.pdf" not in shown(olena, url(name, claim))
    assert olena.get(url("piece", claim, added.evidence_file.public_id)).status_code == 404


def test_changes_are_given_up_and_the_claim_stands(olena):
    claim = make.claim()
    begin(olena, claim)
    assert "What you changed is deleted for good." in shown(olena, url("discard", claim))
    answer = olena.post(url("discard", claim))
    assert answer.url == url("claim", claim)
    assert said(answer) == ["Your changes were deleted. Your claim stands as you sent it."]
    assert (Claim.objects.count(), Draft.objects.count()) == (1, 0)


def test_two_tabs_that_send_the_changes_have_the_one_receipt(olena):
    claim = make.claim()
    begin(olena, claim)
    for _tab in range(2):
        assert olena.post(url("declaration", claim), declared()).url == url("receipt", claim)
    assert claim.versions.count() == 2


def test_a_page_of_changes_that_were_sent_leads_to_the_claim(olena):
    claim = make.claim()
    begin(olena, claim)
    olena.post(url("declaration", claim), declared())
    for step in (url("check", claim), url("page", claim, "damage")):
        assert olena.get(step).url == url("claim", claim)


def test_a_newer_wording_is_shown_before_one_goes_on(olena, newer_wording):
    claim = make.claim(answers={"rddp_notice": "№ 5"})
    begin(olena, claim)
    newer_wording(
        "A3.1",
        lambda c: next(p for p in c["pages"] if p["id"] == "inspection")["questions"][0].update(type="money"),
    )
    for step in (url("check", claim), url("page", claim, "damage")):
        assert olena.get(step).url == url("change", claim)
    assert "The questions in this category were changed since you began." in shown(
        olena, url("change", claim)
    )
    assert "№ 5" not in shown(olena, url("check", claim))
    assert olena.post(url("declaration", claim), declared()).url == url("receipt", claim)
    assert make.category().newest_id == moving.again(claim).category_version_id


def test_a_closed_category_does_not_stop_a_change(olena):
    claim = make.claim()
    claim.category.state = "closed"
    claim.category.save()
    begin(olena, claim)
    for name in ("change", "check"):
        assert "stopped taking claims" not in shown(olena, url(name, claim))
    assert olena.post(url("declaration", claim), declared()).url == url("receipt", claim)


@pytest.mark.parametrize("decide", [moving.bound, moving.decided])
def test_changes_that_the_board_overtook_stay_readable_and_can_be_deleted(olena, decide):
    claim = moving.awaiting(make.claim(answers={"damage_level": "damaged"}))
    begin(olena, claim)
    olena.post(url("page", claim, "story"), {"cause": "Ось як це було."})
    decide(claim)
    for step in (url("change", claim), url("page", claim, "story"), url("declaration", claim)):
        assert olena.get(step).url == url("check", claim)
    olena.post(url("page", claim, "story"), {"cause": "Ось як це було насправді."})
    page = shown(olena, url("check", claim))
    assert "What you had changed was not sent. You can read and copy it here, or delete it." in page
    assert "Ось як це було насправді." in page
    assert "?back=check" not in page
    assert url("declaration", claim) not in page
    assert olena.post(url("declaration", claim), declared()).url == url("check", claim)
    assert url("check", claim) in shown(olena, url("claim", claim))
    assert olena.post(url("discard", claim)).url == url("claim", claim)
    assert not Draft.objects.exists()
    assert claim.versions.count() == 1


def test_a_file_sent_after_the_boards_decision_is_refused_with_the_reason(olena, evidence_dir):
    claim = moving.awaiting(make.claim())
    begin(olena, claim)
    moving.bound(claim)
    answer = olena.post(url("add_evidence", claim), {"type": "", "description": "", "file": [file()]})
    assert "lease.pdf: The Board has decided on this claim in the meantime." in text_of(answer)
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("name", ["change", "withdraw"])
@pytest.mark.parametrize("state", [State.RECORDED, State.REJECTED_WITH_PREJUDICE, State.WITHDRAWN])
def test_what_cannot_be_done_any_more_is_said(olena, name, state):
    claim = moving.STATES[state]()
    for answer in (olena.get(url(name, claim)), olena.post(url(name, claim))):
        assert answer.url == url("claim", claim)
        assert "This claim can no longer be changed" in said(answer)[-1]
    assert moving.again(claim).state == state


def test_a_file_that_must_be_replaced_is_named_and_led_to(olena):
    claim = moving.to_be_fixed(make.claim(files=[make.PDF]))
    page = shown(olena, url("claim", claim))
    assert "<li>deed.pdf</li>" in page
    assert "Add the file again" in page
    assert olena.post(url("change", claim)).url == url("evidence", claim)
    make.evidence(claim, b"%PDF-1.7 readable")
    olena.post(url("declaration", claim), declared())
    assert moving.again(claim).state == State.SUBMITTED


# --- Withdrawing ---


def test_withdrawing_is_explained_and_done_with_one_button(olena):
    claim = make.claim()
    page = shown(olena, url("withdraw", claim))
    assert "the Board does not decide on this claim" in page
    answer = olena.post(url("withdraw", claim))
    assert (answer.url, said(answer)) == (url("claim", claim), ["Your claim is withdrawn."])
    page = shown(olena, url("claim", claim))
    assert "Withdrawn at your request" in page
    assert reverse("claims:start", args=["A3.1"]) in page


def test_a_decision_that_came_first_is_said(olena, monkeypatch):
    claim = moving.awaiting(make.claim())
    shown(olena, url("withdraw", claim))
    moving.bound(claim)
    answer = olena.post(url("withdraw", claim))
    assert said(answer) == [
        "The Board has decided on this claim in the meantime. You will read its decision here shortly."
    ]
    assert moving.again(claim).state == State.ELIGIBLE


# --- Who may see it ---


def test_a_choice_is_changed_and_entered(olena):
    claim = make.claim()
    assert " checked" not in shown(olena, url("change_consents", claim))
    answer = olena.post(url("change_consents", claim), {"notice": NOTICE, "research": "on"})
    assert (answer.url, said(answer)) == (url("claim", claim), ["Your choice is kept. It holds from now on."])
    assert shown(olena, url("change_consents", claim)).count(" checked") == 1
    assert sentences(olena, claim)[0] == "You changed who may see your claim."


def test_the_same_choice_again_is_no_change(olena):
    claim = make.claim()
    answer = olena.post(url("change_consents", claim), {"notice": NOTICE})
    assert said(answer) == ["Nothing was changed."]
    assert not Consent.objects.exists()


def test_a_choice_under_a_notice_that_was_changed_is_asked_again(olena, monkeypatch):
    claim = make.claim()
    mandate = mandates.current()
    newer = replace(mandate, privacy_notice=replace(mandate.privacy_notice, version="2099"))
    monkeypatch.setattr(mandates, "current", lambda: newer)
    answer = olena.post(url("change_consents", claim), {"notice": NOTICE, "research": "on"})
    assert answer.url == url("change_consents", claim)
    assert said(answer) == ["The privacy notice was changed in the meantime. Please read it again."]
    assert not Consent.objects.exists()


@pytest.mark.parametrize("name", ["change", "withdraw", "change_consents"])
def test_a_draft_is_led_to_its_own_pages(olena, name):
    claim = make.draft(by="olena")
    wanted = url("consents", claim) if name == "change_consents" else url("claim", claim)
    assert olena.get(url(name, claim)).url == olena.post(url(name, claim)).url == wanted
