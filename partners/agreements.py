"""What each partner may see, and the acts that create partners, change their terms and let programs in.

Terms say which claims (category, region, state) and which sections of them. They are kept as canonical JSON,
one row for each version, and are written by hand as a strict TOML file (docs/api.md) or in the staff area.
"""

import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import rfc8785
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.models import get_access_token_model

from accounts.models import User
from accounts.roles import Role
from claims import mandates
from claims.mandates import SECTIONS
from claims.models import Category, State
from claims.models.claim import OPEN_STATES
from ledger import log
from ledger.log import Actor, Digest, Standing
from partners import scopes as scopes_of_the_api
from partners import tokens
from partners.models import NAME_LENGTH, AgreementVersion, Application, Partner

CREATED = log.Kind("partner.created", is_open=False, facts={"partner": str, "version": int, "digest": Digest})
CHANGED = log.Kind(
    "agreement.changed",
    is_open=False,
    facts={"partner": str, "version": int, "widened": bool, "narrowed": bool, "digest": Digest},
)
SUSPENDED = log.Kind("partner.suspended", is_open=False, facts={"partner": str})
RESUMED = log.Kind("partner.resumed", is_open=False, facts={"partner": str})
ISSUED = log.Kind(
    "partner.credentials_issued", is_open=False, facts={"partner": str, "client": str, "scopes": list[str]}
)
REVOKED = log.Kind("partner.credentials_revoked", is_open=False, facts={"partner": str, "client": str})


class Refused(Exception):
    """Nothing was changed; str() is a translated sentence that says why and what to do."""


class NotEntitled(Refused):
    """Only a register manager, or a superuser in an emergency, manages partners."""


class TermsRefused(Refused):
    """The terms have a mistake. The sentence names the key and what was expected."""


class TermsChanged(Refused):
    """The terms in force are no longer those that were shown."""

    def __init__(self) -> None:
        super().__init__(
            _("The terms were changed in the meantime. Yours were not put into force: compare them first.")
        )


@dataclass(frozen=True)
class Terms:
    """`categories` None: every category that is not sensitive. `regions` None: everywhere, and claims that
    name no region too. `sensitive_categories`: those that are included although they are sensitive
    (rules.md 13). Lists are kept without repetition and in one order, so that equal terms are equal."""

    categories: tuple[str, ...] | None
    regions: tuple[str, ...] | None
    states: tuple[str, ...]
    sections: tuple[str, ...]
    evidence: bool = False
    sensitive_categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, order in (
            ("categories", ()),
            ("regions", ()),
            ("states", OPEN_STATES),
            ("sections", SECTIONS),
            ("sensitive_categories", ()),
        ):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, _in_order(given, order))

    @property
    def text(self) -> str:
        """The canonical JSON (RFC 8785) in which terms are kept and hashed."""
        return rfc8785.dumps(asdict(self)).decode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Terms as they were kept."""
        return cls(**json.loads(text))

    def covers(self, standing: Mapping[str, Any] | Standing | None, sensitive: Collection[str]) -> bool:
        """Whether a claim that stands so is the partner's to see. `sensitive` are the codes of the
        categories that are sensitive now."""
        if standing is None:
            return False
        stands = asdict(standing) if isinstance(standing, Standing) else standing
        return (
            stands["state"] in self.states
            and (self.regions is None or stands["region"] in self.regions)
            and self.covers_category(stands["category"], sensitive)
        )

    def covers_category(self, code: str, sensitive: Collection[str]) -> bool:
        if code in self.sensitive_categories:
            return True
        return code not in sensitive and (self.categories is None or code in self.categories)

    def includes(self, other: "Terms") -> bool:
        """Whether everything that `other` shows, these terms show, whichever categories are sensitive."""
        named = {*(self.categories or ()), *self.sensitive_categories}
        return (
            set(other.sensitive_categories) <= set(self.sensitive_categories)
            and (self.categories is None or (other.categories is not None and set(other.categories) <= named))
            and (
                self.regions is None
                or (other.regions is not None and set(other.regions) <= set(self.regions))
            )
            and set(other.states) <= set(self.states)
            and set(other.sections) <= set(self.sections)
            and (self.evidence or not other.evidence)
        )


def _in_order(values: Collection[str], order: Sequence[str]) -> tuple[str, ...]:
    """Each value once; those that `order` names as it names them, any others by themselves before."""
    rest = sorted(set(values) - set(order))
    return (*rest, *(value for value in order if value in values))


DEMO_TERMS = Terms(
    categories=None,
    regions=None,
    states=(State.RECORDED.value,),
    sections=("core", "claimant", "place", "loss"),
)

ALL = "all"
REQUIRED = ("categories", "regions", "states", "sections")


def of_toml(text: str) -> Terms:
    """Terms written by hand. Raises TermsRefused, naming the key. What is not written is an error rather
    than everything: nobody widens an agreement by forgetting a line."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TermsRefused(_("The agreement is not valid TOML: %(error)s") % {"error": error}) from None
    known = [field.name for field in fields(Terms)]
    for key in raw:
        if key not in known:
            raise TermsRefused(
                _("%(key)s: unknown key. Known are %(known)s.") % {"key": key, "known": ", ".join(known)}
            )
    for key in REQUIRED:
        if key not in raw:
            raise TermsRefused(_("%(key)s: this key is missing.") % {"key": key})
    for key in ("categories", "regions"):
        if raw[key] == ALL:
            raw[key] = None
    for key, value in raw.items():
        if key == "evidence":
            if not isinstance(value, bool):
                raise TermsRefused(_("%(key)s: expected true or false.") % {"key": key})
        elif value is not None and not (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        ):
            raise TermsRefused(_("%(key)s: expected a list of texts.") % {"key": key})
    terms = Terms(**raw)
    check(terms)
    return terms


def of_file(path: Path) -> Terms:
    """Terms in a TOML file. Raises TermsRefused, naming the file."""
    try:
        return of_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TermsRefused(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, TermsRefused) as error:
        raise TermsRefused(f"{path}: {error}") from None


def check(terms: Terms) -> None:
    """Raises TermsRefused if these terms name what is not there, or make no sense."""
    sensitive = dict(Category.objects.values_list("code", "sensitive"))
    regions = [region.code for region in mandates.current().regions]
    for key, given, known in (
        ("categories", terms.categories, sensitive),
        ("sensitive_categories", terms.sensitive_categories, sensitive),
        ("regions", terms.regions, regions),
        ("states", terms.states, OPEN_STATES),
        ("sections", terms.sections, SECTIONS),
    ):
        for value in given or ():
            if value not in known:
                raise TermsRefused(
                    _("%(key)s: %(value)s is not known. Known are %(known)s.")
                    % {"key": key, "value": repr(value), "known": ", ".join(known)}
                )
    if not terms.states:
        raise TermsRefused(_("%(key)s: name at least one.") % {"key": "states"})
    for code in terms.categories or ():
        if sensitive[code] and code not in terms.sensitive_categories:
            raise TermsRefused(
                _("categories: %(code)s is sensitive. Name it in sensitive_categories too, or leave it out.")
                % {"code": code}
            )
    if terms.evidence and "evidence" not in terms.sections:
        raise TermsRefused(
            _("evidence: to fetch files, a partner needs the section evidence, which lists them.")
        )


def current(partner: Partner) -> Terms:
    """The terms in force."""
    return Terms.of_text(
        AgreementVersion.objects.filter(partner=partner)
        .order_by("-number")
        .values_list("terms", flat=True)[0]
    )


@transaction.atomic
def create(name: str, *, terms: Terms, by: User | Actor) -> Partner:
    """A new partner with its agreement, and no credentials yet. Raises Refused."""
    office = _entitled(by)
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or "\0" in name:
        raise Refused(_("Give the partner a name of 1 to %(limit)s characters.") % {"limit": NAME_LENGTH})
    check(terms)
    if named(name).exists():
        raise Refused(_("There is a partner of this name already: %(name)s.") % {"name": name})
    partner = Partner.objects.create(name=name)
    entry = log.append(
        CREATED,
        by=_actor(by),
        office=office,
        facts={"partner": str(partner.public_id), "version": 1, "digest": terms.digest},
    )
    _keep(partner, terms, number=1, entry=entry, by=by)
    return partner


def named(name: str) -> QuerySet[Partner]:
    """The one partner of this name, whatever its capitals."""
    return Partner.objects.alias(lowered=Lower("name")).filter(lowered=" ".join(name.split()).lower())


def get(name: str) -> Partner:
    """The partner of this name. Raises Refused."""
    partner = named(name).first()
    if partner is None:
        raise Refused(_("There is no partner of the name %(name)s.") % {"name": name})
    return partner


@transaction.atomic
def change(partner: Partner, terms: Terms, *, by: User | Actor, seen: str | None = None) -> AgreementVersion:
    """New terms, in force from the index under which this is sealed. `seen` is the digest of the terms that
    they were made from, if a page showed them. Raises Refused."""
    office = _entitled(by)
    check(terms)
    _locked(partner)
    last = AgreementVersion.objects.filter(partner=partner).latest("number")
    before = Terms.of_text(last.terms)
    if seen is not None and seen != last.digest:
        raise TermsChanged
    if terms == before:
        raise Refused(_("These are the terms in force already."))
    entry = log.append(
        CHANGED,
        by=_actor(by),
        office=office,
        facts={
            "partner": str(partner.public_id),
            "version": last.number + 1,
            "widened": not before.includes(terms),
            "narrowed": not terms.includes(before),
            "digest": terms.digest,
        },
    )
    return _keep(partner, terms, number=last.number + 1, entry=entry, by=by)


@transaction.atomic
def suspend(partner: Partner, *, by: User | Actor) -> None:
    """From now on no token of this partner is valid and none is issued. Raises Refused."""
    _set_active(partner, False, SUSPENDED, _("This partner is suspended already."), by=by)


@transaction.atomic
def resume(partner: Partner, *, by: User | Actor) -> None:
    """The partner may use the API again; tokens that have not expired are valid again. Raises Refused."""
    _set_active(partner, True, RESUMED, _("This partner is not suspended."), by=by)


@transaction.atomic
def add_application(partner: Partner, *, scopes: Collection[str], by: User | Actor) -> tuple[str, str]:
    """Further credentials: (client_id, client_secret). The secret is kept hashed and can be shown only now.
    Raises Refused."""
    office = _entitled(by)
    known = scopes_of_the_api.SENTENCES
    for scope in scopes:
        if scope not in known:
            raise Refused(
                _("There is no scope %(scope)s. Known are %(known)s.")
                % {"scope": repr(scope), "known": ", ".join(known)}
            )
    _locked(partner)
    granted = [scope for scope in known if scope in scopes]
    secret = tokens.new_secret()
    application = Application.objects.create(
        partner=partner,
        scopes=" ".join(granted),
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=tokens.hashed(secret),
    )
    log.append(
        ISSUED,
        by=_actor(by),
        office=office,
        facts={"partner": str(partner.public_id), "client": application.client_id, "scopes": granted},
    )
    return application.client_id, secret


@transaction.atomic
def revoke_application(application: Application, *, by: User | Actor) -> None:
    """These credentials and every token issued to them are void, for ever. Raises Refused."""
    office = _entitled(by)
    partner = _locked(application.partner)
    application.refresh_from_db()
    if application.revoked_at is not None:
        raise Refused(_("These credentials were revoked already."))
    application.revoked_at = timezone.now()
    application.save(update_fields=["revoked_at"])
    get_access_token_model().objects.filter(application=application).delete()
    log.append(
        REVOKED,
        by=_actor(by),
        office=office,
        facts={"partner": str(partner.public_id), "client": application.client_id},
    )


def may_manage(user: User) -> bool:
    return user.has_perm("partners.manage_partners")


def _entitled(by: User | Actor) -> str:
    """The office in which `by` acts. Raises NotEntitled."""
    if by == log.SYSTEM:
        return "system"
    if not isinstance(by, User) or not may_manage(by):
        raise NotEntitled(_("Only a register manager manages partners."))
    return Role.REGISTER_MANAGER.value if Role.REGISTER_MANAGER in by.roles else "superuser"


def _actor(by: User | Actor) -> Actor:
    return by.actor if isinstance(by, User) else by


def _locked(partner: Partner) -> Partner:
    """The row as it is once nobody else is changing it. Call inside a transaction."""
    return Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)


def _set_active(partner: Partner, active: bool, kind: log.Kind, refusal: str, *, by: User | Actor) -> None:
    office = _entitled(by)
    locked = _locked(partner)
    if locked.is_active == active:
        raise Refused(refusal)
    locked.is_active = partner.is_active = active
    locked.save(update_fields=["is_active"])
    log.append(kind, by=_actor(by), office=office, facts={"partner": str(partner.public_id)})


def _keep(partner: Partner, terms: Terms, *, number: int, entry: Any, by: User | Actor) -> AgreementVersion:
    actor = _actor(by)
    return AgreementVersion.objects.create(
        partner=partner,
        number=number,
        terms=terms.text,
        digest=terms.digest,
        entry=entry,
        made_by_kind=actor.kind,
        made_by_id=actor.id,
    )
