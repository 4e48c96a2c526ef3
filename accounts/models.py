"""People who sign in, and the roles granted to them."""

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.roles import PERMISSIONS, STAFF, Role
from ledger.covering import Cover, Told
from ledger.log import Actor


class UserQuerySet(models.QuerySet["User"]):
    def with_email(self, email: str) -> Self:
        """The one person with exactly this address, whatever its capitals."""
        return self.alias(lowered=Lower("email")).filter(lowered=email.strip().lower())

    def never_confirmed(self, *, before: datetime) -> Self:
        """Who signed up before this time, never opened the link in our letter, and holds no office."""
        signed_up = self.filter(joined_at__lt=before, is_superuser=False, memberships=None)
        return signed_up.exclude(emailaddress__verified=True)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person who can sign in once their address is confirmed. Addresses are kept in small letters."""
        fields.setdefault("language", settings.LANGUAGE_CODE)
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For emergencies, and to appoint the first executive director."""
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_email(username or "").get()


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address. Outside this app they are known by `public_id` only."""

    # Permissions come from roles (accounts.roles), never from rows.
    groups = None  # type: ignore[assignment]
    user_permissions = None  # type: ignore[assignment]

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(_("e-mail address"))
    language = models.CharField(_("language of our e-mails"), max_length=12)
    is_active = models.BooleanField(_("may sign in"), default=True)
    joined_at = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    personal_data: ClassVar[tuple[str, ...]] = ("email",)
    section_of: ClassVar[dict[str, str | None]] = {"email": None}
    impersonal_data: ClassVar[tuple[str, ...]] = ("password", "language")

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique_ignoring_case",
                violation_error_message=_("There is an account with this e-mail address already."),
            )
        ]
        indexes = [models.Index(fields=["email"], name="user_email")]  # sign-in looks it up as it was typed

    def __str__(self) -> str:
        return self.email

    @property
    def actor(self) -> Actor:
        """How the ledger and custody records name this person."""
        return Actor("person", str(self.public_id))

    @cached_property
    def roles(self) -> frozenset[Role]:
        """What this person is to the register: one query, then remembered on this instance."""
        if not self.is_active:
            return frozenset()
        return frozenset({Role.CLAIMANT, *(Role(held.role) for held in self.memberships.all())})

    def forget_roles(self) -> None:
        """After a change of roles: ask again at the next question."""
        for remembered in ("roles", "_perm_cache", "_group_perm_cache", "_prefetched_objects_cache"):
            vars(self).pop(remembered, None)

    @property
    def permissions(self) -> frozenset[str]:
        """What the roles allow, as "app.codename"."""
        return frozenset().union(*(PERMISSIONS[role] for role in self.roles))

    @property
    def is_staff(self) -> bool:
        """Whether the staff area is this person's business at all."""
        return self.is_active and (self.is_superuser or not self.roles.isdisjoint(STAFF))


class RoleMembership(models.Model):
    """A role a person holds now. Changed in accounts.membership only; the ledger remembers the past."""

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=32, choices=Role)
    granted_at = models.DateTimeField(_("granted"), default=timezone.now, editable=False)
    granted_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("granted by")
    )  # empty: at installation, by the system

    covered_by: ClassVar[Cover] = Told(
        key=("user__public_id", "role"),
        made={
            "role.granted": {
                "user__public_id": "facts.subject",
                "role": "facts.role",
                "granted_by__public_id": "actor.id",
                "granted_at": "about",
            }
        },
        removed={"role.revoked": {"user__public_id": "facts.subject", "role": "facts.role"}},
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("role",)

    class Meta:
        verbose_name = _("role held")
        verbose_name_plural = _("roles held")
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="role_held_once"),
            models.CheckConstraint(condition=Q(role__in=sorted(STAFF)), name="role_can_be_granted"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"
