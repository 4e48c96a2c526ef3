"""Partner systems: who they are, what their agreement covers, how their applications sign in."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from ledger.covering import Change, Cover, Told
from ledger.log import Actor
from ledger.models import AppendOnly, Entry

NAME_LENGTH = 200


class Partner(models.Model):
    """One organisation with one agreement and any number of applications.

    Changed in partners.agreements only. While it is not active, none of its tokens is valid.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    is_active = models.BooleanField(_("may use the API"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    covered_by: ClassVar[Cover] = Told(
        key=("public_id",),
        made={"partner.created": {"public_id": "facts.partner", "is_active": "=true", "created_at": "about"}},
        changed=(
            Change("partner.suspended", match={"public_id": "facts.partner"}, sets={"is_active": "=false"}),
            Change("partner.resumed", match={"public_id": "facts.partner"}, sets={"is_active": "=true"}),
        ),
        beside=("name",),
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("name",)
    app_rights: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (is_active)")

    class Meta:
        verbose_name = _("partner")
        verbose_name_plural = _("partners")
        constraints = [
            models.UniqueConstraint(Lower("name"), name="partner_name_unique_ignoring_case"),
            models.CheckConstraint(name="partner_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> Actor:
        """How the ledger and the records of access name this partner."""
        return Actor("partner", str(self.public_id))


class AgreementVersion(AppendOnly):
    """What a partner may see from one moment on; the newest counts. `terms` is the canonical JSON of
    partners.agreements.Terms, `digest` its SHA-256 in hex.

    `entry` is the ledger entry that brought it: partner.created for number 1, agreement.changed for every
    other. From the index under which that is sealed on, entries are judged by these terms.
    """

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="agreement_versions")
    number = models.PositiveIntegerField(_("version"))
    terms = models.TextField(_("terms"))
    digest = models.CharField(max_length=64)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    made_by_kind = models.CharField(max_length=12)
    made_by_id = models.CharField(max_length=64, blank=True)

    covered_by: ClassVar[Cover] = Told(
        key=("partner__public_id", "number"),
        made=dict.fromkeys(
            ("partner.created", "agreement.changed"),
            {
                "partner__public_id": "facts.partner",
                "number": "facts.version",
                "digest": "facts.digest",
                "entry_id": "id",
                "made_at": "about",
                "made_by_kind": "actor.kind",
                "made_by_id": "actor.id",
            },
        ),
        digests={"digest": ("", "terms")},
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("terms", "digest", "made_by_kind", "made_by_id")

    class Meta:
        verbose_name = _("version of an agreement")
        verbose_name_plural = _("versions of agreements")
        constraints = [
            models.UniqueConstraint(fields=["partner", "number"], name="agreement_version_once"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of the agreement with partner {self.partner_id}"


class Application(AbstractApplication):
    """The credentials of one of a partner's programs. The library's other ways to sign in are shut here,
    by the database too: a program proves itself with its secret, and acts for its partner alone."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="applications")
    scopes = models.TextField(_("scopes"), blank=True)  # separated by spaces, as OAuth writes them
    client_secret = models.CharField(max_length=255)  # partners.tokens.hashed; the secret is nowhere
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    covered_by: ClassVar[Cover] = Told(
        key=("client_id",),
        made={
            "partner.credentials_issued": {
                "client_id": "facts.client",
                "partner__public_id": "facts.partner",
                "scopes": "words.facts.scopes",
                "revoked_at": "=",
            }
        },
        changed=(
            Change(
                "partner.credentials_revoked",
                match={"client_id": "facts.client"},
                sets={"revoked_at": "about"},
            ),
        ),
        beside=(
            "client_secret",  # nobody but its holder knows what it is the digest of
            "hash_client_secret",
            "name",
            "created",
            "updated",
            "user",
            "client_type",
            "authorization_grant_type",
            "redirect_uris",
            "post_logout_redirect_uris",
            "allowed_origins",
            "skip_authorization",
            "algorithm",
            "registration_source",
            "cimd_expires_at",
        ),
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = (
        "client_id",
        "client_type",
        "client_secret",
        "authorization_grant_type",
        "redirect_uris",
        "post_logout_redirect_uris",
        "allowed_origins",
        "algorithm",
        "registration_source",
        "name",
        "scopes",
    )
    app_rights: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE (revoked_at)")

    class Meta:
        verbose_name = _("credentials")
        verbose_name_plural = _("credentials")
        constraints = [
            models.CheckConstraint(
                name="application_has_client_credentials_alone",
                condition=Q(
                    authorization_grant_type=AbstractApplication.GRANT_CLIENT_CREDENTIALS,
                    client_type=AbstractApplication.CLIENT_CONFIDENTIAL,
                    redirect_uris="",
                    user=None,
                ),
            ),
            models.CheckConstraint(
                name="application_secret_is_hashed",
                condition=Q(("client_secret__regex", r"^sha256\$[0-9a-f]{32}\$[0-9a-f]{64}$")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.client_id)

    def is_usable(self, request: object) -> bool:
        """Asked by the library before it issues a token, and by us at each request that shows one."""
        return self.revoked_at is None and self.partner.is_active
