"""People are told by mail what happened to their claim: once, in their language, with nothing personal."""

import logging
import re
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.utils import timezone

from accounts.roles import Role
from claims import consents, lifecycle, mandates, notices
from claims.models import Claim, Notice
from ledger import sealing
from ledger.models import Entry
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db

NOTICE = mandates.current().privacy_notice.version


def told(by="olena", **answers):
    """A submitted claim, up to the notice that is owed for it."""
    claim = make.claim(by=by, answers=answers)
    sealing.seal()
    notices.follow()
    return claim


def later(**time):
    """Let time pass for what is waiting."""
    Notice.objects.update(due_at=timezone.now() - timedelta(**time))


# --- Who is owed a notice ---


def test_a_submission_is_owed_one_notice_to_who_filed():
    claim = told()
    notice = Notice.objects.get()
    assert (notice.claim, notice.recipient, notice.kind) == (claim, claim.filed_by, "claim.submitted")
    assert (notice.state, notice.attempts) == ("waiting", 0)


def test_following_again_owes_no_second_one():
    told()
    assert notices.follow() == 0
    assert Notice.objects.count() == 1


def test_what_is_not_sealed_is_not_told_yet():
    make.claim()
    notices.follow()
    assert not Notice.objects.exists()


def test_nobody_is_told_of_other_kinds_of_entries():
    make.user("iryna", Role.REVIEWER)
    assert Entry.objects.filter(kind="role.granted").exists()
    sealing.seal()
    notices.follow()
    assert not Notice.objects.exists()


def test_who_asked_for_discreet_contact_gets_no_letter():
    told(others_may_see="yes")
    assert not Notice.objects.exists()


# --- What the letter says ---


def test_the_letter_has_number_and_link_and_nothing_personal(mailoutbox, settings):
    settings.SITE_URL = "https://register.example"
    claim = told(full_name={"family_name": "Коваленко", "given_name": "Олена"}, cause="Ракета влучила в дім.")
    assert notices.send_due() == 1
    [letter] = mailoutbox
    assert letter.to == ["olena@example.org"]
    assert letter.subject == f"We have received your claim {claim.number}"
    assert f"https://register.example/claims/{claim.public_id}/" in letter.body
    assert not any(
        word in letter.subject + letter.body for word in ("Коваленко", "Олена", "A3.1", "Ракета", "@")
    )


def test_the_letter_is_in_the_language_of_its_reader(mailoutbox):
    make.user("olena", language="uk")
    told()
    notices.send_due()
    assert mailoutbox[0].subject.startswith("Ми отримали вашу заяву UA-")


def test_a_letter_is_sent_once(mailoutbox):
    told()
    assert (notices.send_due(), notices.send_due()) == (1, 0)
    later(days=9)
    assert notices.send_due() == 0
    assert len(mailoutbox) == 1
    notice = Notice.objects.get()
    assert notice.state == "sent"
    assert notice.sent_at


OF_EACH_KIND = {
    "claim.submitted": make.claim,
    "claim.review_started": moving.STATES["under_review"],
    "claim.fixing_requested": moving.STATES["needs_fixing"],
    "claim.information_requested": moving.STATES["information_requested"],
    "claim.information_answered": lambda: moving.replied(moving.asked(make.claim())).claim,
    "claim.request_closed": lambda: moving.closed(moving.asked(make.claim())),
    "claim.amended": lambda: moving.amended(make.claim()),
    "claim.withdrawn": moving.STATES["withdrawn"],
    "claim.review_finished": moving.STATES["ineligible"],
    "claim.returned": lambda: lifecycle.return_to_review(
        moving.awaiting(make.claim()), by=make.user("petro"), office=Role.SENIOR_REVIEWER
    ),
    "claim.decided": moving.STATES["rejected_with_prejudice"],
    "claim.erased": lambda: make.erased(make.claim(), "account"),
    "claim.reopened": lambda: moving.reopened(moving.STATES["rejected_with_prejudice"]()),
}


def letters(kind, mailoutbox):
    """The letters about the newest thing that happened to a claim."""
    OF_EACH_KIND[kind]()
    sealing.seal()
    notices.follow()
    Notice.objects.exclude(kind=kind).delete()
    notices.send_due()
    return mailoutbox


def test_every_kind_that_is_told_of_is_tried():
    assert set(OF_EACH_KIND) == set(notices.TOLD)


@pytest.mark.parametrize("kind", OF_EACH_KIND)
@pytest.mark.parametrize("language", ["uk", "en"])
def test_each_step_is_told_in_the_language_of_its_reader(kind, language, mailoutbox):
    make.user("olena", language=language)
    [letter] = letters(kind, mailoutbox)
    claim = Claim.objects.get()
    assert (letter.to, kind) == (["olena@example.org"], Notice.objects.get().kind)
    assert "\n" not in letter.subject
    assert letter.subject
    assert f"/claims/{claim.public_id}/" in letter.body
    text = letter.subject + letter.body
    assert bool(re.search("[а-яіїєґ]", text)) is (language == "uk")
    words = ("eligible", "Коваленко", "Олена", "A3.1", "договір", moving.REASON[:9], "iryna", "@", "&#")
    assert not any(word in text for word in words)


@pytest.mark.parametrize("kind", [k for k in OF_EACH_KIND if k != "claim.submitted"])
def test_a_letter_says_where_the_claim_stands_in_the_words_of_the_register(kind, mailoutbox):
    [letter] = letters(kind, mailoutbox)
    claim = Claim.objects.get()
    assert f"How your claim {claim.number} stands now: {claim.state_label}." in letter.body


def test_consents_are_not_told_of_by_mail():
    consents.change(make.claim(), {"research": True}, notice=NOTICE, by=make.user("olena"))
    sealing.seal()
    notices.follow()
    assert set(Notice.objects.values_list("kind", flat=True)) == {"claim.submitted"}


@pytest.mark.parametrize("kind", OF_EACH_KIND)
def test_who_has_asked_for_discreet_contact_is_told_nothing(kind, mailoutbox, monkeypatch):
    make_claim = make.claim
    monkeypatch.setattr(make, "claim", lambda **filed: make_claim(answers={"others_may_see": "yes"}, **filed))
    OF_EACH_KIND[kind]() if kind != "claim.submitted" else make.claim()
    sealing.seal()
    notices.follow()
    assert not Notice.objects.exists()


def test_who_asks_for_discreet_contact_before_a_letter_left_does_not_get_it(mailoutbox):
    claim = told()
    moving.amended(claim, {"others_may_see": "yes"})
    notices.send_due()
    assert (mailoutbox, Notice.objects.get().state) == ([], "given_up")


# --- When mail cannot be sent ---


@pytest.fixture
def mail_is_away(monkeypatch):
    def refuse(**_):
        raise SMTPServerDisconnected("olena@example.org: connection lost")

    monkeypatch.setattr(notices, "send_mail", refuse)


def test_it_is_tried_again_after_growing_waits(mail_is_away):
    told()
    waits = []
    for _ in range(7):
        later(seconds=1)
        now = timezone.now()
        assert notices.send_due() == 0
        waits.append(round((Notice.objects.get().due_at - now) / timedelta(minutes=1)))
    assert waits == [1, 5, 30, 120, 360, 720, 1440]
    assert Notice.objects.get().state == "waiting"


def test_before_its_time_nothing_is_tried(mail_is_away):
    told()
    notices.send_due()
    notices.send_due()
    assert Notice.objects.get().attempts == 1


def test_after_the_last_try_it_is_given_up_and_logged_without_anything_personal(mail_is_away, caplog):
    told()
    with caplog.at_level(logging.INFO):
        for _ in range(8):
            later(seconds=1)
            notices.send_due()
    notice = Notice.objects.get()
    assert notice.state == "given_up"
    assert caplog.messages[-1] == f"notice {notice.pk} given up after 7 tries"
    assert caplog.messages[0] == f"notice {notice.pk} not sent: SMTPServerDisconnected"
    assert "@" not in caplog.text
    later(days=9)
    notices.send_due()
    assert Notice.objects.get().attempts == notice.attempts


def test_a_letter_that_cannot_be_sent_holds_up_no_other(monkeypatch, mailoutbox):
    told(by="petro")
    told(by="olena")
    send = notices.send_mail

    def refuse_petro(**letter):
        if letter["recipient_list"] == ["petro@example.org"]:
            raise ConnectionRefusedError
        return send(**letter)

    monkeypatch.setattr(notices, "send_mail", refuse_petro)
    assert notices.send_due() == 1
    assert mailoutbox[0].to == ["olena@example.org"]


def test_a_letter_that_was_waiting_is_sent_when_mail_is_back(mail_is_away, monkeypatch, mailoutbox):
    told()
    notices.send_due()
    monkeypatch.undo()
    later(seconds=1)
    assert notices.send_due() == 1
    assert len(mailoutbox) == 1
