"""Naming people for sensitive categories, and taking that back (rules.md 13)."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from claims.models import Category
from ledger import log
from review import access, entries
from review.access import Refused
from review.models import Clearance

NEEDING = frozenset(
    {
        access.REVIEW,
        access.PREPARE,
        access.SUBMIT,
        access.DECIDE,
        access.VIEW_BATCHES,
        access.PROPOSE_ERASURE,
        access.CARRY_OUT_ERASURE,
    }
)
"""Who has one of these permissions may meet sensitive claims, and so may be named for them."""


class NotGiven(Refused):
    """Nobody names themselves; only staff who may meet such claims are named, and once."""


@transaction.atomic
def give(person: User, category: Category, *, by: User) -> Clearance:
    """Let this person work on the claims of a sensitive category. Raises Refused."""
    office = access.office(by, access.CLEAR)
    if person == by:
        raise NotGiven(_("Nobody names themselves. Ask another executive director."))
    if not category.sensitive:
        raise NotGiven(_("This category is not sensitive: everybody whose work it is sees its claims."))
    if person.permissions.isdisjoint(NEEDING):
        raise NotGiven(_("None of this person’s roles meets claims. Give them a role first."))
    clearance, is_new = Clearance.objects.get_or_create(
        person=person, category=category, defaults={"given_by": by, "given_at": timezone.now()}
    )
    if not is_new:
        raise NotGiven(_("This person is named for this category already."))
    _enter(entries.CLEARANCE_GIVEN, person, category, by=by, office=office)
    return clearance


@transaction.atomic
def withdraw(clearance: Clearance, *, by: User) -> None:
    """From now on the claims of the category do not exist for this person. Raises Refused."""
    office = access.office(by, access.CLEAR)
    deleted, _rows = Clearance.objects.filter(pk=clearance.pk).delete()
    if not deleted:
        raise NotGiven(_("This person is not named for this category any more."))
    _enter(entries.CLEARANCE_WITHDRAWN, clearance.person, clearance.category, by=by, office=office)


def _enter(kind: log.Kind, person: User, category: Category, *, by: User, office: str) -> None:
    facts = {"person": str(person.public_id), "category": category.code}
    log.append(kind, by=by.actor, office=office, facts=facts)
