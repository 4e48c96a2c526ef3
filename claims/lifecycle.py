"""The states of a claim, and the only functions that change one."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from claims import entries, mandates, numbers, versions
from claims.answers import checking
from claims.answers.parsing import first_day
from claims.mandates import ClaimantKind, Question, Type
from claims.models import (
    AidItem,
    Claim,
    Claimant,
    ClaimVersion,
    Consent,
    Draft,
    PersonCovered,
    State,
)
from claims.models.place import region_of
from claims.versions import Declaration
from ledger import log

BOARDS_CHOICE = frozenset(
    {
        State.UNDER_REVIEW,
        State.RECORDED,
        State.REJECTED_WITHOUT_PREJUDICE,
        State.REJECTED_WITH_PREJUDICE,
    }
)
MOVES: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.SUBMITTED}),
    State.SUBMITTED: frozenset({State.NEEDS_FIXING, State.UNDER_REVIEW, State.WITHDRAWN}),
    State.NEEDS_FIXING: frozenset({State.SUBMITTED, State.WITHDRAWN}),
    State.UNDER_REVIEW: frozenset(
        {State.INFORMATION_REQUESTED, State.ELIGIBLE, State.INELIGIBLE, State.WITHDRAWN}
    ),
    State.INFORMATION_REQUESTED: frozenset({State.UNDER_REVIEW, State.WITHDRAWN}),
    State.ELIGIBLE: BOARDS_CHOICE | {State.WITHDRAWN},
    State.INELIGIBLE: BOARDS_CHOICE | {State.WITHDRAWN},
    State.REJECTED_WITHOUT_PREJUDICE: frozenset({State.UNDER_REVIEW}),
    State.REJECTED_WITH_PREJUDICE: frozenset({State.UNDER_REVIEW}),
    State.RECORDED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

NUMBER_TRIES = 5
LOCK_CLAIM_AND_PERSON = """
    SELECT FROM claims_claim JOIN accounts_user ON accounts_user.id = filed_by_id
    WHERE claims_claim.id = %s FOR NO KEY UPDATE
"""
CLAIMED_BEFORE = "SELECT EXISTS (SELECT FROM claims_claimant WHERE filed_by_id = %s)"


class MoveRefused(Exception):
    """The claim does not change; str() is a translated sentence that says why."""


class AlreadySubmitted(MoveRefused):
    """Somebody (another tab) submitted this claim before: it has its number and receipt."""


class CategoryNotOpen(MoveRefused):
    """The category takes no claims now. The draft is kept."""


class CategoryChanged(MoveRefused):
    """The category has a newer wording, and the claimant has not seen it."""


class NotReady(MoveRefused):
    """The claim cannot be submitted as it is. `problems` says what, question by question."""

    def __init__(self, problems: list[checking.Problem]) -> None:
        super().__init__(_("Some answers must be put right before you can submit."))
        self.problems = problems


class TextsChanged(MoveRefused):
    """The declaration or the privacy notice has a newer wording than the one that was on the page."""


class NotDeclared(MoveRefused):
    """The declaration was not confirmed, or no name stands under it."""


def submit(claim: Claim, *, by: User, declaration: Declaration) -> ClaimVersion:
    """Freeze the draft, give it its number, and enter it in the ledger: from here on it is never lost.

    Raises MoveRefused. What was typed stays in the draft then.
    """
    for last in (*(False,) * (NUMBER_TRIES - 1), True):
        try:
            with transaction.atomic():
                return _submit(claim, by=by, declaration=declaration)
        except IntegrityError as error:  # some 45 of 10 million draws meet a number that is taken
            if last or "claims_claim_number" not in str(error):
                raise
    raise AssertionError("not reached")


def _submit(claim: Claim, *, by: User, declaration: Declaration) -> ClaimVersion:
    # The person too: two of their claims at once would otherwise make two claimants of one.
    with connection.cursor() as cursor:
        cursor.execute(LOCK_CLAIM_AND_PERSON, [claim.pk])
        cursor.execute(CLAIMED_BEFORE, [claim.filed_by_id])
        (claimed_before,) = cursor.fetchone()
    # Read after the wait for the lock, not with it: that would be as it was before.
    draft = Draft.objects.select_related("claim__category").filter(claim=claim.pk).first()
    if draft is None:
        raise AlreadySubmitted(_("This claim has been submitted already."))
    claim = draft.claim
    if not claim.category.is_open:
        raise CategoryNotOpen(
            _("This category does not take claims at the moment. We keep your draft: nothing is lost.")
        )
    if claim.is_outdated:
        raise CategoryChanged(
            _("The questions in this category were changed since you began. Look at your answers again.")
        )
    mandate = mandates.current()
    if (declaration.version, declaration.notice_version) != (
        mandate.declaration.version,
        mandate.privacy_notice.version,
    ):
        raise TextsChanged(_("These texts were changed in the meantime. Please read them again."))
    if not declaration.typed_name.strip():
        raise NotDeclared(_("Type your full name under the declaration."))
    at = timezone.now()
    asked = list(checking.asked(claim.form, draft.answers))
    answers = {q.id: draft.answers[q.id] for q in asked if q.id in draft.answers}
    if problems := checking.problems(claim.form, answers):
        raise NotReady(problems)
    if draft.consents and draft.consents["notice"] != mandate.privacy_notice.version:
        raise TextsChanged(
            _("The privacy notice was changed since you chose who may see your claim. Choose again, please.")
        )

    before = claim.standing
    claim.claimant = _claimant(claim, asked, answers, claimed_before=claimed_before)
    claim.number = numbers.draw(mandate.number_prefix)
    claim.sensitive = claim.category.sensitive
    claim.version = 1
    claim.submitted_at = at
    _index(claim, asked, answers)
    version, evidence = versions.freeze(claim, draft, declaration=declaration, at=at)
    fields = [
        "number",
        "version",
        "submitted_at",
        "claimant",
        "region",
        "place",
        "event_on",
        "event_first_day",
        "amount",
        "currency",
        "discreet",
        "sensitive",
    ]
    _move(claim, State.SUBMITTED, at=at, fields=fields)
    version.save(force_insert=True)
    consents = _consents(claim, draft, by=by, at=at)
    _cover(claim, asked, answers)
    Draft.objects.filter(pk=claim.pk).delete()
    log.append(
        entries.SUBMITTED,
        by=by.actor,
        office=_office(claim, asked, answers),
        at=at,
        claim=claim.public_id,
        version=version.digest,
        before=before,
        after=claim.standing,
        facts={
            "number": claim.number,
            "version_number": version.number,
            "category_version": claim.definition.version,
            "claimant_kind": claim.claimant_kind,
            "assurance": version.assurance,
            "signature": version.signature,
            "declaration": declaration.version,
            "privacy_notice": declaration.notice_version,
            "consents": consents,
            "evidence": evidence,
        },
    )
    return version


def _move(claim: Claim, to: State, *, at: datetime, fields: list[str]) -> None:
    """The one place where a state changes. The caller has locked the row and read it again."""
    if to not in MOVES[State(claim.state)]:
        raise MoveRefused(
            _("This cannot be done while the claim is in the state “%(state)s”.")
            % {"state": State(claim.state).label}
        )
    claim.state = to
    claim.changed_at = at
    claim.save(update_fields=["state", "changed_at", *fields])


def _fed(asked: list[Question], answers: Mapping[str, Any], feeds: str) -> list[tuple[Question, Any]]:
    """The real answers to questions that feed this, in the order asked."""
    return [
        (q, answers[q.id])
        for q in asked
        if q.feeds == feeds and q.id in answers and not checking.is_state(answers[q.id])
    ]


def _office(claim: Claim, asked: list[Question], answers: Mapping[str, Any]) -> str:
    """Whether the person files for themselves. A company or body is always filed for by somebody."""
    acting = [answer for _question, answer in _fed(asked, answers, "submitting_as")]
    own = claim.claimant_kind == ClaimantKind.INDIVIDUAL and all(a == mandates.SELF for a in acting)
    return Role.CLAIMANT.value if own else Role.REPRESENTATIVE.value


def _claimant(
    claim: Claim, asked: list[Question], answers: Mapping[str, Any], *, claimed_before: bool
) -> Claimant:
    """Who claims. The same name given from the same account is the same claimant."""

    def first(feeds: str, default: Any) -> Any:
        return next((answer for _q, answer in _fed(asked, answers, feeds)), default)

    if claim.claimant_kind == ClaimantKind.INDIVIDUAL:
        name = first("claimant.name", {})
        identity = {key: name.get(key, "") for key in ("family_name", "given_name", "patronymic", "born")}
    else:
        identity = {
            "legal_name": first("claimant.legal_name", ""),
            "registration_number": first("claimant.registration_number", ""),
        }
    same = Claimant.objects.filter(filed_by_id=claim.filed_by_id, kind=claim.claimant_kind, **identity)
    return (claimed_before and same.order_by("id").first()) or Claimant.objects.create(
        filed_by_id=claim.filed_by_id,
        kind=claim.claimant_kind,
        country=first("claimant.country", ""),
        **identity,
    )


def _index(claim: Claim, asked: list[Question], answers: Mapping[str, Any]) -> None:
    """Fill the columns that lists, searches and agreements ask about."""
    for _question, place in _fed(asked, answers, "place")[:1]:
        if region := region_of(place.get("code", "")):
            claim.place_id, claim.region = place["code"], region
    for question, when in _fed(asked, answers, "event_date")[:1]:
        claim.event_on = when["start"] if question.type is Type.PERIOD else when
        claim.event_first_day = first_day(claim.event_on)
    claim.discreet = any(answer == "yes" for _question, answer in _fed(asked, answers, "contact.discreet"))
    for _question, money in _fed(asked, answers, "amount")[:1]:
        claim.amount, claim.currency = Decimal(money["amount"]), money["currency"]


def _consents(claim: Claim, draft: Draft, *, by: User, at: datetime) -> dict[str, bool] | None:
    """A row for each purpose; what was asked and not ticked is not given (rules.md 11). None, and no row,
    if the claimant did not open that section: nothing is given then either."""
    if not draft.consents:
        return None
    chosen = {c.id: draft.consents["choices"].get(c.id) is True for c in mandates.current().consents}
    Consent.objects.bulk_create(
        Consent(
            claim=claim,
            purpose=purpose,
            given=given,
            notice_version=draft.consents["notice"],
            chosen_at=at,
            chosen_by=by,
        )
        for purpose, given in chosen.items()
    )
    return chosen


def _cover(claim: Claim, asked: list[Question], answers: Mapping[str, Any]) -> None:
    """The persons whom the claim is about and the aid that was received, as rows of their own."""
    PersonCovered.objects.bulk_create(
        PersonCovered(
            claim=claim,
            role=question.role,
            **{k: person[k] for k in ("family_name", "given_name", "patronymic", "born") if k in person},
        )
        for question, person in _fed(asked, answers, "person_covered")
    )
    AidItem.objects.bulk_create(
        _aid_item(claim, {k: v for k, v in item.items() if not checking.is_state(v)})
        for _question, items in _fed(asked, answers, "aid")
        for item in items
    )


def _aid_item(claim: Claim, item: Mapping[str, Any]) -> AidItem:
    money = item.get("amount")
    return AidItem(
        claim=claim,
        payer=item.get("payer", ""),
        kind=item.get("kind", ""),
        status=item.get("status", ""),
        amount=Decimal(money["amount"]) if money else None,
        currency=money["currency"] if money else "",
        received_on=item.get("on", ""),
        number=item.get("number", ""),
    )
