"""The worker goes on through whatever happens, and the commands say what they did."""

import logging

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from claims import access, notices
from claims.models import Notice
from evidence import uploads
from ledger import sealing
from registry import working
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(working.time, "sleep", lambda seconds: None)


def turns(count):
    """Stops the worker after so many looks."""
    left = iter([False] * count)
    return lambda: next(left, True)


def test_the_worker_writes_and_sends_notices(mailoutbox):
    make.claim()
    sealing.seal()
    working.run(turns(2))
    assert Notice.objects.get().state == "sent"
    assert len(mailoutbox) == 1


def test_the_worker_waits_for_a_database_that_is_away(monkeypatch, caplog):
    looks = []

    def follow():
        looks.append(1)
        if len(looks) == 1:
            raise OperationalError("server closed the connection")
        return 0

    monkeypatch.setattr(notices, "follow", follow)
    monkeypatch.setattr(working.connection, "close", lambda: None)
    with caplog.at_level(logging.WARNING):
        working.run(turns(3))
    assert len(looks) == 3
    assert "The worker waits for the database: server closed the connection" in caplog.messages


def test_the_house_is_kept_in_order_once_an_hour(monkeypatch):
    done = []
    monkeypatch.setattr(working, "keep_house", lambda: done.append(1))
    working.run(turns(3))
    assert done == [1]


def test_one_chore_that_fails_keeps_no_other_from_being_done(monkeypatch, caplog):
    def fail():
        raise RuntimeError("no")

    fail.__name__ = "make_partitions"
    monkeypatch.setattr(access, "make_partitions", fail)
    Session.objects.create(session_key="over", expire_date=timezone.now() - timezone.timedelta(hours=1))
    working.keep_house()
    assert not Session.objects.exists()
    assert "make_partitions failed" in caplog.messages


def test_a_chore_that_finds_the_database_away_is_left_to_the_next_hour(monkeypatch):
    def fail():
        raise OperationalError("away")

    monkeypatch.setattr(uploads, "sweep_partials", fail)
    with pytest.raises(OperationalError):
        working.keep_house()


def test_loading_the_mandate_again_says_that_nothing_is_new(capsys):
    call_command("load_mandate")
    assert capsys.readouterr().out == "Mandate ukraine: 34 categories, 0 places changed\n"


def test_a_mistake_in_the_mandate_is_said_in_one_sentence(settings, tmp_path):
    settings.MANDATE_DIR = tmp_path
    with pytest.raises(
        CommandError, match=rf"The mandate folder {tmp_path} has a mistake. mandate.toml: expected"
    ):
        call_command("load_mandate")
