"""Two tabs, two processes, a crash in the middle: with real commits on connections of their own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from claims import filing, lifecycle, notices, versions
from claims.models import (
    Attachment,
    Claim,
    Claimant,
    ClaimVersion,
    Consent,
    Draft,
    InformationRequest,
    Notice,
    Outcome,
)
from ledger import sealing
from ledger.models import Entry
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.committing


def at_once(*acts):
    """Run the acts at the same moment, each on its own connection. Gives what each returned or raised."""
    barrier = threading.Barrier(len(acts))

    def run(act):
        try:
            barrier.wait(timeout=10)
            return act()
        except Exception as error:  # noqa: BLE001 - the tests look at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def while_held(claim, held, act):
    """Run `act` on a connection of its own while this one has the claim locked and has done `held`."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            filing.mark_evidence(claim)
            held()
            waiting = pool.submit(lambda: (act(), connection.close()))
            wait_until_blocked()
        return waiting.result(timeout=10)


def wait_until_blocked():
    with connection.cursor() as cursor:
        for _ in range(1000):
            cursor.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)")
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.rowcount:
                return
    raise AssertionError("Nobody waits for the claim.")


def submitting(claim):
    return lambda: make.submit(Claim.objects.get(pk=claim.pk))


def submissions():
    return Entry.objects.filter(kind="claim.submitted").count()


def test_of_two_tabs_that_submit_at_once_one_submits():
    claim = make.draft(answers=make.answers())
    make.evidence(claim)
    outcomes = at_once(submitting(claim), submitting(claim))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadySubmitted", "NoneType"]
    submitted = Claim.objects.get()
    assert submitted.number
    assert (submitted.state, submitted.version) == ("submitted", 1)
    assert ClaimVersion.objects.count() == Claimant.objects.count() == submissions() == 1
    assert not Draft.objects.exists()


def test_different_claims_submitted_at_once_do_not_wait_for_each_other_or_meet():
    claims = [make.draft(by=name, answers=make.answers()) for name in ("olena", "petro", "iryna")]
    outcomes = at_once(*map(submitting, claims))
    assert outcomes == [None, None, None]
    assert len(set(Claim.objects.values_list("number", flat=True))) == 3
    assert submissions() == 3


def test_two_claims_of_one_person_submitted_at_once_have_one_claimant():
    claims = [make.draft(code, answers=make.answers(code)) for code in ("A3.1", "A2.1")]
    assert at_once(*map(submitting, claims)) == [None, None]
    assert Claimant.objects.count() == 1


def test_a_claim_that_is_submitted_while_its_category_becomes_sensitive_is_sensitive(
    newer_wording, monkeypatch
):
    """The submission has read the category before it changes, and is committed only after."""
    claim = make.draft(answers=make.answers())
    freeze = versions.freeze

    def meanwhile(*args, **kwargs):
        waiting.append(pool.submit(lambda: (become_sensitive(newer_wording), connection.close())))
        wait_until_blocked()
        return freeze(*args, **kwargs)

    waiting = []
    monkeypatch.setattr(versions, "freeze", meanwhile)
    with ThreadPoolExecutor(1) as pool:
        make.submit(claim)
        waiting[0].result(timeout=10)
    assert Claim.objects.get().sensitive


def test_a_claim_waits_for_its_category_that_becomes_sensitive_and_is_looked_at_again(newer_wording):
    claim = make.draft(answers=make.answers())
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            become_sensitive(newer_wording)
            waiting = pool.submit(at_once, submitting(claim))
            wait_until_blocked()
        [outcome] = waiting.result(timeout=10)
    assert isinstance(outcome, lifecycle.CategoryChanged)
    assert Claim.objects.get().sensitive


def become_sensitive(newer_wording):
    newer_wording("A3.1", lambda category: category.update(sensitive=True))


def test_of_two_drafts_begun_at_once_at_the_bound_one_is_refused(monkeypatch):
    monkeypatch.setattr(filing, "MAX_DRAFTS", 1)
    make.user("olena")
    outcomes = at_once(make.draft, make.draft)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Claim", "TooMany"]


def test_pages_saved_in_two_tabs_at_once_are_both_kept():
    claim = make.draft()
    story, damage = claim.form.page("story"), claim.form.page("damage")
    while_held(
        claim,
        lambda: filing.save_page(claim, story, {"cause": "Ракета."}, complete=True),
        lambda: filing.save_page(claim, damage, {"damage_level": "damaged"}, complete=True),
    )
    draft = Draft.objects.get(claim=claim)
    assert draft.answers == {"cause": "Ракета.", "damage_level": "damaged"}
    assert sorted(draft.pages) == ["damage", "evidence", "story"]


def test_what_was_saved_while_the_other_tab_submits_is_in_the_frozen_version():
    claim = make.draft(answers=make.answers(cause="Перше."))
    story = claim.form.page("story")
    while_held(
        claim, lambda: filing.save_page(claim, story, {"cause": "Друге."}, complete=True), submitting(claim)
    )
    assert '"cause":{"answer":"Друге."' in ClaimVersion.objects.get().account


def test_a_page_saved_while_the_other_tab_submits_is_refused_and_not_lost_silently():
    claim = make.draft(answers=make.answers())
    save = lambda: filing.save_page(claim, claim.form.page("story"), {"cause": "Пізно."}, complete=True)  # noqa: E731
    with pytest.raises(filing.NotADraft):
        while_held(claim, submitting(claim), save)
    assert "Пізно." not in ClaimVersion.objects.get().account


def test_files_added_in_two_tabs_at_once_are_both_kept():
    claim = make.draft()
    contents = [b"%PDF-1.7 one", b"%PDF-1.7 two"]
    at_once(*(lambda content=content: make.evidence(claim, content) for content in contents))
    assert Attachment.objects.filter(claim=claim).count() == 2


@pytest.mark.parametrize(
    "where", ["claims.lifecycle.log.append", "claims.indexing.AidItem.objects.bulk_create"]
)
def test_a_crash_in_the_middle_of_submitting_leaves_the_draft_whole(monkeypatch, where):
    claim = make.draft(answers=make.answers())
    answers = claim.draft.answers

    def crash(*_, **__):
        raise SystemError("power cut")

    monkeypatch.setattr(where, crash)
    with pytest.raises(SystemError):
        make.submit(claim)
    left = Claim.objects.get()
    assert (left.state, left.number, left.submitted_at, left.claimant) == ("draft", None, None, None)
    assert left.draft.answers == answers
    for model in (ClaimVersion, Claimant, Consent):
        assert not model.objects.exists()
    assert submissions() == 0


# --- After submission ---


def names(outcomes):
    return sorted(type(outcome).__name__ for outcome in outcomes)


def kinds():
    return list(Entry.objects.filter(kind__startswith="claim.").order_by("id").values_list("kind", flat=True))


def in_the_way(claim, held, act):
    """What `act` returns or raises that waits while this connection has the claim locked and does `held`."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lifecycle.lock(claim)
            held()
            waiting = pool.submit(at_once, act)
            wait_until_blocked()
        [outcome] = waiting.result(timeout=10)
        return outcome


def test_of_two_tabs_that_send_changes_at_once_one_sends_them():
    claim = make.claim()
    moving.change(claim, {"cause": "Інакше."})
    send = lambda: moving.send_changes(moving.again(claim))  # noqa: E731
    assert names(at_once(send, send)) == ["AlreadySubmitted", "ClaimVersion"]
    assert (moving.again(claim).version, claim.versions.count()) == (2, 2)
    assert kinds() == ["claim.submitted", "claim.amended"]


def test_of_two_tabs_that_begin_to_change_at_once_both_have_the_one_draft():
    claim = make.claim()
    begin = lambda: filing.reopen(moving.again(claim), by=claim.filed_by)  # noqa: E731
    assert names(at_once(begin, begin)) == ["Draft", "Draft"]
    assert Draft.objects.count() == 1


def test_of_two_tabs_that_answer_at_once_one_answers():
    request = moving.asked(make.claim())
    answers = [lambda text=text: moving.replied(request, text) for text in ("Перша.", "Друга.")]
    assert names(at_once(*answers)) == ["ClaimVersion", "NothingToAnswer"]
    assert ClaimVersion.objects.count() == 2
    assert kinds().count("claim.information_answered") == 1


def test_an_answer_and_a_change_at_once_are_two_versions_with_both():
    claim = make.claim()
    request = moving.asked(claim)
    moving.change(claim, {"cause": "Інакше."})
    send = lambda: moving.send_changes(moving.again(claim))  # noqa: E731
    assert names(at_once(send, lambda: moving.replied(request))) == ["ClaimVersion", "ClaimVersion"]
    last = ClaimVersion.objects.latest("number")
    assert last.number == 3
    assert versions.answers(last)["cause"] == "Інакше."
    assert list(versions.replies(last).values()) == ["Договір згорів."]


def test_changes_sent_while_the_claim_is_being_withdrawn_are_refused():
    claim = make.claim()
    moving.change(claim, {"cause": "Інакше."})
    refused = in_the_way(claim, lambda: moving.withdrawn(claim), lambda: moving.send_changes(claim))
    assert isinstance(refused, lifecycle.MoveRefused)
    assert kinds() == ["claim.submitted", "claim.withdrawn"]


def test_a_claim_that_is_withdrawn_while_changes_are_being_sent_is_withdrawn_with_them():
    claim = make.claim()
    moving.change(claim, {"cause": "Інакше."})
    withdrawn = in_the_way(claim, lambda: moving.send_changes(claim), lambda: moving.withdrawn(claim))
    assert withdrawn.state == "withdrawn"
    assert kinds() == ["claim.submitted", "claim.amended", "claim.withdrawn"]


@pytest.mark.parametrize("act", [moving.withdrawn, moving.send_changes])
def test_what_comes_while_the_board_decides_is_refused(act):
    claim = moving.awaiting(make.claim())
    moving.change(claim, {"cause": "Інакше."})
    refused = in_the_way(claim, lambda: moving.bound(claim), lambda: act(claim))
    assert isinstance(refused, lifecycle.AlreadyDecided)
    assert Draft.objects.filter(claim=claim).exists()


def test_a_file_added_while_the_answer_is_being_sent_is_refused_and_not_kept(evidence_dir):
    request = moving.asked(make.claim())
    refused = in_the_way(request.claim, lambda: moving.replied(request), lambda: moving.add_to_reply(request))
    assert isinstance(refused, lifecycle.NothingToAnswer)
    assert not Attachment.objects.exists()
    assert [path for path in evidence_dir.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("act", ["amend", "answer", "withdraw", "decide"])
def test_a_crash_in_the_middle_leaves_everything_as_it_was(monkeypatch, act):
    claim = moving.awaiting(make.claim()) if act == "decide" else make.claim()
    request = moving.asked(claim) if act == "answer" else None
    if act != "decide":
        moving.change(claim, {"cause": "Інакше."})
    models = (Claim, ClaimVersion, Draft, InformationRequest, Outcome, Entry)
    before = [list(model.objects.order_by("pk").values()) for model in models]

    def crash(*_, **__):
        raise SystemError("power cut")

    monkeypatch.setattr("claims.lifecycle.log.append", crash)
    acts = {
        "amend": lambda: moving.send_changes(claim),
        "answer": lambda: moving.replied(request),
        "withdraw": lambda: moving.withdrawn(claim),
        "decide": lambda: moving.decided(claim),
    }
    with transaction.atomic():  # with the Board's binding, which is an act of its own
        point = transaction.savepoint()
        with pytest.raises(SystemError):
            acts[act]()
        transaction.savepoint_rollback(point)
    assert [list(model.objects.order_by("pk").values()) for model in models] == before


def test_two_followers_at_once_write_one_notice_for_a_submission():
    make.claim()
    sealing.seal()
    at_once(notices.follow, notices.follow, notices.follow)
    notices.follow()
    assert Notice.objects.count() == 1


def test_two_workers_at_once_send_a_notice_once(mailoutbox):
    make.claim()
    sealing.seal()
    notices.follow()
    at_once(notices.send_due, notices.send_due)
    assert len(mailoutbox) == 1
