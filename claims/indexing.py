"""What lists, searches and agreements ask about, read out of a claim's answers when they are submitted."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import User
from accounts.roles import Role
from claims import mandates
from claims.answers import checking
from claims.answers.parsing import first_day
from claims.mandates import ClaimantKind, Question, Type
from claims.models import AidItem, Claim, Claimant, Consent, Draft, PersonCovered
from claims.models.place import region_of

COLUMNS = (
    "region",
    "place",
    "place_kind",
    "event_on",
    "event_first_day",
    "amount",
    "currency",
    "discreet",
)
"""What fill_columns fills."""

IDENTITY = ("family_name", "given_name", "patronymic", "born", "legal_name", "registration_number")
"""By which two claims from one account have the same claimant."""


def _fed(asked: list[Question], answers: Mapping[str, Any], feeds: str) -> list[tuple[Question, Any]]:
    """The real answers to questions that feed this, in the order asked."""
    return [
        (q, answers[q.id])
        for q in asked
        if q.feeds == feeds and q.id in answers and not checking.is_state(answers[q.id])
    ]


def office(claim: Claim, asked: list[Question], answers: Mapping[str, Any]) -> str:
    """Whether the person files for themselves. A company or body is always filed for by somebody."""
    acting = [answer for _question, answer in _fed(asked, answers, "submitting_as")]
    own = claim.claimant_kind == ClaimantKind.INDIVIDUAL and all(a == mandates.SELF for a in acting)
    return Role.CLAIMANT.value if own else Role.REPRESENTATIVE.value


def claimant(
    claim: Claim, asked: list[Question], answers: Mapping[str, Any], *, claimed_before: bool
) -> Claimant:
    """Who claims. The same name given from the same account is the same claimant."""
    named = as_named(claim, asked, answers)
    identity = {"filed_by_id": named.filed_by_id, "kind": named.kind} | {
        key: getattr(named, key) for key in IDENTITY
    }
    same = Claimant.objects.filter(**identity).order_by("id").first() if claimed_before else None
    if same is None:
        named.save(force_insert=True)
    return same or named


def as_named(claim: Claim, asked: list[Question], answers: Mapping[str, Any]) -> Claimant:
    """Who claims, in the words of these answers, as an unsaved row."""

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
    return Claimant(
        filed_by_id=claim.filed_by_id,
        kind=claim.claimant_kind,
        country=first("claimant.country", ""),
        **identity,
    )


def fill_columns(claim: Claim, asked: list[Question], answers: Mapping[str, Any]) -> None:
    """Fill the columns that lists, searches and agreements ask about; what is not answered empties them."""
    claim.place_id, claim.region, claim.place_kind = None, "", ""
    claim.event_on, claim.event_first_day = "", None
    claim.amount, claim.currency = None, ""
    for _question, place in _fed(asked, answers, "place")[:1]:
        if region := region_of(place.get("code", "")):
            claim.place_id, claim.region, claim.place_kind = place["code"], region, mandates.PLACE_KINDS[0]
    for _question, kind in _fed(asked, answers, "place_kind")[:1]:
        claim.place_kind = kind
    for question, when in _fed(asked, answers, "event_date")[:1]:
        claim.event_on = when["start"] if question.type is Type.PERIOD else when
        claim.event_first_day = first_day(claim.event_on)
    claim.discreet = any(answer == "yes" for _question, answer in _fed(asked, answers, "contact.discreet"))
    for _question, money in _fed(asked, answers, "amount")[:1]:
        claim.amount, claim.currency = Decimal(money["amount"]), money["currency"]


def choose(claim: Claim, draft: Draft, *, by: User, at: datetime) -> dict[str, bool] | None:
    """A row for each purpose; what was asked and not ticked is not given (rules.md 11). None, and no row,
    if the claimant did not open that section: nothing is given or taken back by that."""
    if not draft.consents:
        return None
    choices = {c.id: draft.consents["choices"].get(c.id) is True for c in mandates.current().consents}
    write_choices(claim, choices, notice=draft.consents["notice"], by=by, at=at)
    return choices


def write_choices(claim: Claim, choices: Mapping[str, bool], *, notice: str, by: User, at: datetime) -> None:
    """A row for each purpose, chosen under this version of the privacy notice."""
    Consent.objects.bulk_create(
        Consent(
            claim=claim,
            purpose=purpose,
            given=given,
            notice_version=notice,
            chosen_at=at,
            chosen_by=by,
        )
        for purpose, given in choices.items()
    )


def cover(claim: Claim, asked: list[Question], answers: Mapping[str, Any]) -> None:
    """The persons whom the claim is about and the aid that was received, as rows of their own: those of its
    newest version."""
    if claim.version > 1:
        PersonCovered.objects.filter(claim=claim).delete()
        AidItem.objects.filter(claim=claim).delete()
    persons, aid = covered(claim, asked, answers)
    PersonCovered.objects.bulk_create(persons)
    AidItem.objects.bulk_create(aid)


def covered(
    claim: Claim, asked: list[Question], answers: Mapping[str, Any]
) -> tuple[list[PersonCovered], list[AidItem]]:
    """The rows of `cover`, not saved."""
    persons = [
        PersonCovered(
            claim=claim,
            role=question.role,
            **{k: person[k] for k in ("family_name", "given_name", "patronymic", "born") if k in person},
        )
        for question, answer in _fed(asked, answers, "person_covered")
        for person in _persons(question, answer)
    ]
    aid = [
        _aid_item(claim, {k: v for k, v in item.items() if not checking.is_state(v)})
        for _question, items in _fed(asked, answers, "aid")
        for item in items
    ]
    return persons, aid


def _persons(question: Question, answer: Any) -> list[Mapping[str, str]]:
    if question.type is not Type.GROUP:
        return [answer]
    named = [item.get(question.person_field) for item in answer]
    return [person for person in named if person and not checking.is_state(person)]


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
