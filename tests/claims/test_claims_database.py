"""What nobody may break, the database refuses by itself: each constraint is named and tried."""

import uuid
from datetime import date

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError
from django.db.models import ProtectedError
from django.utils import timezone

from claims import filing
from claims.mandates import SECTIONS
from claims.models import (
    Attachment,
    Category,
    CategoryVersion,
    Claim,
    Claimant,
    ClaimVersion,
    Erasure,
    InformationRequest,
    Notice,
    Outcome,
    State,
)
from claims.models.statistics import ClaimCount, MonthCount, Publication
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db


def change(claim, **columns):
    """As a mistake in our code would change the row, past every act."""
    Claim.objects.filter(pk=claim.pk).update(**columns)


def past_draft():
    return {
        "state": State.SUBMITTED,
        "number": "UA-7K4M-2P9Q-F",
        "submitted_at": timezone.now(),
        "claimant": Claimant.objects.create(filed_by=make.user("olena"), **PERSON),
        "version": 1,
    }


NONE = {"submitted": 0, "recorded": 0}


def twice(model, **columns):
    model.objects.create(**columns)
    model.objects.create(**columns)


def version(claim, **columns):
    first = claim.versions.get()
    values = {
        f.attname: getattr(first, f.attname) for f in ClaimVersion._meta.concrete_fields if f.name != "id"
    }
    ClaimVersion.objects.create(**{**values, "number": 2, **columns})


def outcome(claim, **columns):
    values = {
        "outcome": State.RECORDED,
        "rule": "12",
        "reason": "Підтверджено",
        "salt": bytes(16),
        "digest": "0" * 64,
    }
    now = timezone.now()
    Outcome.objects.create(
        claim=claim, version=claim.versions.get(), decided_on=now.date(), entered_at=now, **(values | columns)
    )


def claimant(**columns):
    Claimant.objects.create(filed_by=make.user("olena"), **columns)


def notice():
    claim = make.claim()
    Notice.objects.create(claim=claim, recipient=claim.filed_by, entry_index=7, kind="claim.submitted")


def same_file_twice():
    attachment = make.evidence(make.draft())
    Attachment.objects.create(claim=attachment.claim, evidence_file=attachment.evidence_file)


def same_version_of_a_category_twice():
    newest = make.category().newest
    CategoryVersion.objects.create(
        category=newest.category, version=newest.version, content="{}", digest="0" * 64
    )


def notice_twice():
    notice()
    first = Notice.objects.get()
    Notice.objects.create(claim=first.claim, recipient=first.recipient, entry_index=7, kind="claim.submitted")


def proposed(claim, **columns):
    return {
        "claim": claim,
        "seen_version": 1,
        "sections": ["account"],
        "ground": "unlawful",
        "reason": "?",
        "salt": bytes(16),
        "digest": "0" * 64,
        "proposed_by": make.user("denys"),
        "proposed_at": timezone.now(),
        **columns,
    }


def information_request(**columns):
    claim, now = make.claim(), timezone.now()
    values = {"text": "?", "salt": bytes(16), "digest": "0" * 64, "asked_at": now, "due_on": now.date()}
    InformationRequest.objects.create(claim=claim, asked_by=claim.filed_by, **(values | columns))


def two_open_requests():
    request = moving.asked(make.claim())
    values = {f.attname: getattr(request, f.attname) for f in InformationRequest._meta.concrete_fields}
    InformationRequest.objects.create(**{**values, "id": None, "public_id": uuid.uuid4()})


def answered(**columns):
    """A request, with an answer written past every act."""
    request = moving.asked(make.claim())
    right = {"answered_at": timezone.now(), "answered_in": request.claim.versions.get()}
    InformationRequest.objects.filter(pk=request.pk).update(**(right | columns))


PERSON = {"kind": "individual", "family_name": "Коваленко"}
COMPANY = {"kind": "legal_entity", "legal_name": "ТОВ «Млин»"}

BROKEN = {
    "attachment_once_in_a_claim": [same_file_twice],
    "category_state_known": [lambda: Category.objects.update(state="sleeping")],
    "category_version_once": [same_version_of_a_category_twice],
    "claim_state_known": [lambda: change(make.claim(), state="lost")],
    "claim_past_draft_has_number_and_time": [
        lambda: change(make.draft(), **{**past_draft(), "number": None}),
        lambda: change(make.draft(), **{**past_draft(), "submitted_at": None}),
        lambda: change(make.draft(), **{**past_draft(), "claimant": None}),
        lambda: change(make.draft(), **{**past_draft(), "version": 0}),
        lambda: change(make.draft(), number="UA-7K4M-2P9Q-F"),
        lambda: change(make.draft(), submitted_at=timezone.now()),
        lambda: change(make.draft(), version=1),
    ],
    "claim_recorded_iff_recording_time": [
        lambda: change(make.claim(), state=State.RECORDED),
        lambda: change(make.claim(), recorded_at=timezone.now()),
        lambda: change(make.draft(), recorded_at=timezone.now()),
    ],
    "claim_bound_only_while_awaiting_the_board": [
        lambda: change(make.claim(), bound_by=uuid.uuid4()),
        lambda: change(moving.decided(make.claim()), bound_by=uuid.uuid4()),
    ],
    "claim_amount_has_currency": [
        lambda: change(make.claim(), amount=5),
        lambda: change(make.claim(), currency="UAH"),
    ],
    "claimant_kind_known": [lambda: claimant(kind="robot", legal_name="R2")],
    "claimant_individual_has_a_personal_name": [
        lambda: claimant(kind="individual"),
        lambda: claimant(kind="individual", patronymic="Іванівна"),
        lambda: claimant(**PERSON, legal_name="ТОВ «Млин»"),
        lambda: claimant(**PERSON, registration_number="123"),
    ],
    "claim_place_kind_known": [lambda: change(make.claim(), place_kind="moon")],
    "claimant_organisation_has_a_legal_name": [
        lambda: claimant(kind="legal_entity"),
        lambda: claimant(kind="state_body"),
        lambda: claimant(**COMPANY, family_name="Коваленко"),
        lambda: claimant(**COMPANY, born="1980"),
    ],
    "claim_count_once": [lambda: twice(ClaimCount, category="A3.1", region="", state="recorded", claims=1)],
    "claim_count_not_negative": [
        lambda: ClaimCount.objects.create(category="A3.1", region="", state="recorded", claims=-1)
    ],
    "month_count_once": [
        lambda: twice(MonthCount, month=date(2026, 11, 1), category="A3.1", region="", **NONE)
    ],
    "month_count_not_negative": [
        lambda: MonthCount.objects.create(
            month=date(2026, 11, 1), category="A3.1", region="", **NONE | {"recorded": -1}
        )
    ],
    "publication_once": [
        lambda: twice(
            Publication,
            week=date(2026, 11, 2),
            edition=1,
            made_at=timezone.now(),
            ledger_index=1,
            content="{}",
            kept="{}",
        )
    ],
    "claim_version_number_once": [lambda: version(make.claim(), number=1)],
    **{
        f"claim_version_{name}_erased_with_salt": [
            lambda name=name: version(make.claim(), **{name: None}),
            lambda name=name: version(make.claim(), **{f"{name}_salt": None}),
        ]
        for name in SECTIONS
    },
    "information_request_one_open_per_claim": [two_open_requests],
    "information_request_erased_with_salt": [
        lambda: information_request(text=None),
        lambda: information_request(salt=None),
    ],
    "information_request_answered_in_a_version": [
        lambda: answered(answered_in=None),
        lambda: answered(answered_at=None),
        lambda: answered(reply="Ще."),
        lambda: answered(closed_at=timezone.now()),
    ],
    "notice_once_for_an_entry_and_person": [notice_twice],
    "claim_number_once": [lambda: change(make.draft(), **past_draft() | {"number": make.claim().number})],
    "erasure_one_proposed_per_claim": [lambda: twice(Erasure, **proposed(make.claim()))],
    "erasure_of_some_sections": [
        lambda: Erasure.objects.create(**proposed(make.claim(), sections=[])),
        lambda: Erasure.objects.create(**proposed(make.claim(), sections=["manifest"])),
    ],
    "erasure_ground_known": [lambda: Erasure.objects.create(**proposed(make.claim(), ground="why not"))],
    "erasure_state_known": [
        lambda: Erasure.objects.create(
            **proposed(make.claim(), state="undone", closed_by=make.user("dariia"), closed_at=timezone.now())
        )
    ],
    "erasure_closed_by_somebody_at_some_time": [
        lambda: Erasure.objects.create(**proposed(make.claim(), state="carried_out")),
        lambda: Erasure.objects.create(**proposed(make.claim(), closed_at=timezone.now())),
    ],
    "erasure_carried_out_by_another": [
        lambda: Erasure.objects.create(
            **proposed(
                make.claim(),
                state="carried_out",
                closed_by=make.user("denys"),
                closed_at=timezone.now(),
            )
        )
    ],
    "outcome_is_one_of_the_boards": [lambda: outcome(make.claim(), outcome=State.ELIGIBLE)],
    "outcome_reason_erased_with_salt": [
        lambda: outcome(make.claim(), reason=None),
        lambda: outcome(make.claim(), salt=None),
    ],
}


@pytest.mark.parametrize(("name", "breaks"), [(name, b) for name, several in BROKEN.items() for b in several])
def test_the_database_refuses(name, breaks):
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        breaks()


def test_every_constraint_of_claims_is_tried():
    models = apps.get_app_config("claims").get_models()
    assert {c.name for model in models for c in model._meta.constraints} == set(BROKEN)


@pytest.mark.parametrize("name", SECTIONS)
def test_no_version_begins_without_a_section_that_was_not_erased(name):
    with pytest.raises(IntegrityError, match="a section is missing that was not erased"):
        version(make.claim(), **{name: None, f"{name}_salt": None})


def test_a_version_carries_on_what_was_erased_in_the_one_before():
    claim = make.erased(make.claim(), "account")
    version(claim)
    assert claim.versions.get(number=2).account is None


@pytest.mark.parametrize(
    "allowed",
    [
        lambda: claimant(kind="individual", given_name="Олена"),
        lambda: claimant(kind="state_body", legal_name="Рада", registration_number="123"),
        lambda: outcome(make.claim(), outcome=State.REJECTED_WITHOUT_PREJUDICE),
        lambda: outcome(make.claim(), reason=None, salt=None),
        lambda: change(make.claim(), state=State.RECORDED, recorded_at=timezone.now()),
        lambda: change(make.claim(), amount=5, currency="UAH"),
        lambda: change(make.draft(), **past_draft()),
        lambda: change(moving.awaiting(make.claim()), bound_by=uuid.uuid4()),
        lambda: information_request(text=None, salt=None),
        answered,
        notice,
    ],
)
def test_the_database_lets_pass_what_is_right(allowed):
    allowed()


@pytest.mark.parametrize(
    "attack",
    [
        lambda claim: change(claim, state=State.DRAFT),
        lambda claim: change(claim, number="UA-7K4M-2P9Q-F"),
        lambda claim: change(claim, submitted_at=timezone.now()),
        lambda claim: change(claim, created_at=timezone.now()),
        lambda claim: change(claim, public_id=uuid.uuid4()),
        lambda claim: Claim.objects.filter(pk=claim.pk)._raw_delete("default"),
    ],
)
def test_a_submitted_claim_stands(attack):
    with pytest.raises(DatabaseError, match="a submitted claim stands"):
        attack(make.claim())


@pytest.mark.parametrize(
    "attack",
    [
        lambda attachments: attachments.update(description="Інше"),
        lambda attachments: attachments.update(evidence_file=None),
        lambda attachments: attachments.delete(),
    ],
)
def test_submitted_evidence_stands(attack):
    claim = make.claim(files=[make.PDF])
    with pytest.raises(DatabaseError, match="submitted evidence stands"):
        attack(Attachment.objects.filter(claim=claim))


def attachments_of_changes(claim):
    filing.reopen(claim, by=claim.filed_by)
    make.evidence(claim, b"%PDF-1.7 more")
    return Attachment.objects.filter(claim=claim).unsent()


def test_evidence_that_was_not_sent_may_still_be_described_and_taken_out():
    added = attachments_of_changes(make.claim(files=[make.PDF]))
    assert added.update(description="Інше") == 1
    assert added.delete()[0] == 1


@pytest.mark.parametrize(
    "attack",
    [
        lambda attachments: attachments.update(description="Інше"),
        lambda attachments: attachments.update(request=None, type="other"),
        lambda attachments: attachments.delete(),
    ],
)
@pytest.mark.parametrize("sent_with", ["changes", "an answer"])
def test_evidence_stands_once_it_is_sent_later(sent_with, attack):
    claim = make.claim(files=[make.PDF])
    if sent_with == "changes":
        claim = moving.amended(claim, files=[b"%PDF-1.7 more"])
    else:
        request = moving.asked(claim)
        moving.add_to_reply(request, b"%PDF-1.7 more")
        moving.replied(request)
    with pytest.raises(DatabaseError, match="submitted evidence stands"):
        attack(Attachment.objects.filter(pk=claim.attachments.latest("id").pk))


def test_where_the_evidence_was_erased_a_file_that_is_added_can_be_taken_out_again():
    claim = make.erased(make.claim(files=[make.PDF]), "evidence")
    assert attachments_of_changes(claim).delete()[0] == 1


@pytest.mark.parametrize(
    "attack",
    [
        lambda requests: requests.update(text="Інше?"),
        lambda requests: requests.update(text=None, salt=None),
        lambda requests: requests.update(digest="1" * 64),
        lambda requests: requests.update(asked_at=timezone.now()),
        lambda requests: requests.update(asked_by=make.user("mykola")),
        lambda requests: requests.update(public_id=uuid.uuid4()),
        lambda requests: requests.update(claim=make.claim(by="petro")),
        lambda requests: requests._raw_delete("default"),
    ],
)
def test_a_question_stands(attack):
    request = moving.asked(make.claim())
    with pytest.raises(DatabaseError, match="an information request stands"):
        attack(InformationRequest.objects.filter(pk=request.pk))


@pytest.mark.parametrize("end", [moving.replied, moving.closed])
def test_nothing_is_written_into_a_request_that_was_answered_or_closed(end):
    request = moving.asked(make.claim())
    end(request)
    with pytest.raises(DatabaseError, match="an information request stands"):
        InformationRequest.objects.update(due_on=timezone.now().date())


def test_what_was_typed_into_a_request_that_was_closed_can_be_taken_out():
    request = moving.asked(make.claim())
    InformationRequest.objects.update(reply="Договір")
    moving.closed(request)
    assert InformationRequest.objects.update(reply="") == 1


def test_until_then_the_reply_and_the_date_may_change():
    moving.asked(make.claim())
    assert InformationRequest.objects.update(reply="Договір", due_on=timezone.now().date()) == 1


def test_evidence_cannot_leave_a_submitted_claim_by_way_of_a_draft():
    submitted, draft = make.claim(files=[make.PDF]), make.draft()
    with pytest.raises(DatabaseError, match="submitted evidence stands"):
        Attachment.objects.filter(claim=submitted).update(claim=draft)


def test_a_category_with_claims_is_not_deleted():
    make.claim()
    with pytest.raises(ProtectedError):
        make.category().delete()
