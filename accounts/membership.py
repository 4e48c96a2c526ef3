"""Granting and revoking roles: the only two acts that change who may do what."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import RoleMembership, User
from accounts.roles import STAFF, Role
from ledger import log
from ledger.log import Actor

GRANTED = log.Kind("role.granted", is_open=False, facts={"role": str, "subject": str})
REVOKED = log.Kind("role.revoked", is_open=False, facts={"role": str, "subject": str})


class Refused(Exception):
    """The change of roles was not made; the message says why."""


class NotEntitled(Refused):
    """Only an executive director, or a superuser in an emergency, changes roles."""


class OwnRole(Refused):
    """Nobody changes their own roles."""


class NotGrantable(Refused):
    """Being a claimant or representative is not granted; a closed account is granted nothing."""


class AlreadyHeld(Refused):
    """The person has the role."""


class NotHeld(Refused):
    """The person does not have the role."""


@transaction.atomic
def grant(user: User, role: Role, *, by: User | Actor) -> RoleMembership:
    """Make `user` one of the `role`s. `by` is a person, or the system at installation. Raises Refused."""
    office, granted_by = _entitled(by, user)
    if role not in STAFF:
        raise NotGrantable(_("This role is not granted: every person who signs in has it."))
    if not _locked(user).is_active:
        raise NotGrantable(_("This account is closed. A closed account cannot be given a role."))
    membership, is_new = RoleMembership.objects.get_or_create(
        user=user, role=role, defaults={"granted_by": granted_by}
    )
    if not is_new:
        raise AlreadyHeld(_("This person has the role already."))
    _enter(GRANTED, user, role, by=by, office=office)
    return membership


@transaction.atomic
def revoke(user: User, role: Role, *, by: User | Actor) -> None:
    """Take the role back. Raises Refused."""
    office, _granted_by = _entitled(by, user)
    _locked(user)
    deleted, _rows = RoleMembership.objects.filter(user=user, role=role).delete()
    if not deleted:
        raise NotHeld(_("This person does not have the role."))
    _enter(REVOKED, user, role, by=by, office=office)


def may_change_roles(user: User) -> bool:
    return user.has_perm("accounts.change_roles")


def _entitled(by: User | Actor, subject: User) -> tuple[str, User | None]:
    """The office in which `by` acts, and the person if it is one. Raises NotEntitled or OwnRole."""
    if by == log.SYSTEM:
        return "system", None
    if not isinstance(by, User) or not may_change_roles(by):
        raise NotEntitled(_("Only the executive director changes roles."))
    if by == subject:
        raise OwnRole(_("Nobody changes their own roles. Ask another executive director."))
    return Role.EXECUTIVE_DIRECTOR.value if Role.EXECUTIVE_DIRECTOR in by.roles else "superuser", by


def _locked(user: User) -> User:
    return User.objects.select_for_update().get(pk=user.pk)


def _enter(kind: log.Kind, user: User, role: Role, *, by: User | Actor, office: str) -> None:
    facts = {"role": role.value, "subject": str(user.public_id)}
    log.append(kind, by=by.actor if isinstance(by, User) else by, office=office, facts=facts)
    user.forget_roles()
