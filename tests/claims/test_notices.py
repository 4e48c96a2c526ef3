"""People are told by mail what happened to their claim: once, in their language, with nothing personal."""

import logging
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.utils import timezone

from accounts.roles import Role
from claims import notices
from claims.models import Notice
from ledger import sealing
from ledger.models import Entry
from tests import make

pytestmark = pytest.mark.django_db


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
