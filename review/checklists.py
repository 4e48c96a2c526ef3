"""The checklist that a reviewer works through: the category's checks under each of the four tests."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import rfc8785
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from claims import lifecycle, mandates, versions
from claims.mandates import EligibilityTest, Text
from claims.models import Claim, ClaimVersion
from claims.models.category import definition
from ledger import log
from review import access, assignments, entries
from review.access import Refused
from review.models import Checklist

MAX_NOTE = 2000  # characters


class Answer(models.TextChoices):
    YES = "yes", gettext_lazy("Yes")
    NO = "no", gettext_lazy("No")
    UNCLEAR = "unclear", gettext_lazy("Unclear")


class Overtaken(Refused):
    """The claimant changed the claim; what was done concerned an earlier version."""


class NotAnAnswer(Refused):
    """There is no such check or answer, or a note is too long."""


@dataclass(frozen=True)
class Item:
    """One check to answer. Where a category has none for a test, the test itself is asked."""

    id: str
    ask: Text


def tests(version: ClaimVersion) -> list[tuple[EligibilityTest, list[Item]]]:
    """The four tests of eligibility, each with what is to be checked in this version of the claim."""
    checks = definition(version.category_version_id).checklist
    return [
        (
            test,
            [Item(check.id, check.ask) for check in checks if check.test == test.id]
            or [Item(test.id, test.ask)],
        )
        for test in mandates.current().eligibility
    ]


def newest(version: ClaimVersion) -> Checklist | None:
    """The checklist of this version as it was saved last."""
    return Checklist.objects.filter(claim=version.claim_id, version=version).order_by("-id").first()


def is_complete(checklist: Checklist) -> bool:
    """Whether every check has an answer."""
    given = checklist.given
    items = [item.id for _test, several in tests(checklist.version) for item in several]
    return all(given.get(item, {}).get("answer") for item in items)


@transaction.atomic
def save(
    claim: Claim,
    *,
    by: User,
    version_number: int,
    answers: Mapping[str, str],
    notes: Mapping[str, str],
) -> Checklist:
    """Keep the answers (check -> "yes", "no" or "unclear"; "" or absent is not yet) and notes (check ->
    text) for the version that was on the page. What did not change is not kept twice. Raises Refused."""
    claim = lifecycle.lock(claim)
    assignments.hold(claim, by=by)
    version = seen_version(claim, version_number)
    items = {item.id for _test, several in tests(version) for item in several}
    text = _text(items, answers, notes)
    before = newest(version)
    if before and before.answers == text:
        return before
    salt = os.urandom(versions.SALT_BYTES)
    checklist = Checklist.objects.create(
        claim=claim,
        version=version,
        by=by,
        at=timezone.now(),
        answers=text,
        salt=salt,
        digest=log.salted_digest(salt, text.encode()),
    )
    log.append(
        entries.CHECKLIST_SAVED,
        by=by.actor,
        office=access.office(by, access.REVIEW),
        claim=claim.public_id,
        version=version.digest,
        facts={"version_number": version.number, "answers": checklist.digest},
    )
    return checklist


def seen_version(claim: Claim, number: int) -> ClaimVersion:
    """The version that was on the page. Raises Overtaken if the locked claim has a newer one."""
    if number != claim.version:
        raise Overtaken(
            _(
                "The claimant has changed this claim since you opened it. Read it again; what you typed is "
                "kept."
            )
        )
    return ClaimVersion.objects.get(claim=claim, number=number)


def _text(items: set[str], answers: Mapping[str, str], notes: Mapping[str, str]) -> str:
    unknown = {*answers, *notes} - items
    if unknown or not {answer for answer in answers.values() if answer} <= set(Answer.values):
        raise NotAnAnswer(_("The checklist was changed since you opened it. Open the claim again."))
    given = {
        item: {"answer": answers.get(item, ""), "note": notes.get(item, "").strip()} for item in sorted(items)
    }
    if any(len(said["note"]) > MAX_NOTE for said in given.values()):
        raise NotAnAnswer(_("A note has more than %(limit)s characters. Shorten it.") % {"limit": MAX_NOTE})
    return rfc8785.dumps(given).decode()
