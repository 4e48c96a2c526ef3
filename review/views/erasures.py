"""Erasing by law: a data-protection officer proposes, another person carries it out. What the claims say is
shown to neither."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from claims import erasure as acts
from claims import mandates, numbers
from claims.mandates import SECTIONS
from claims.models import Claim, ClaimVersion, Erasure, ErasureState, Ground
from claims.versions import erased
from claims.views.held import PersonRequest, typed_before
from claims.wording import SECTIONS as WORDS
from review import access
from review.forms import CarryOutErasureForm, FindClaimForm, ProposeErasureForm
from review.views.pages import REFUSED, page, show

CLOSED_AT_MOST = 50
EMPTY = ("{}", "[]")

Refusals = (access.Refused, acts.Refused)


@page(access.PROPOSE_ERASURE, access.CARRY_OUT_ERASURE)
@require_http_methods(["GET", "HEAD"])
def erasures(request: PersonRequest) -> HttpResponseBase:
    """What is proposed, what became of the last proposals, and a way to a claim by its number."""
    form = FindClaimForm(request.GET if "number" in request.GET else None)
    if form.is_valid() and request.user.has_perm(access.PROPOSE_ERASURE):
        number = numbers.read(form.cleaned_data["number"], prefix=mandates.current().number_prefix)
        if number and _claims(request.user).filter(number=number).exists():
            return redirect("review:erasure_propose", number)
        form.add_error("number", _("There is no claim with this number. Compare each character."))
    found = _erasures(request.user).order_by("-id")
    return show(
        request,
        "erasures",
        _("Erasing by law"),
        form=form,
        proposed=found.filter(state=ErasureState.PROPOSED),
        closed=found.exclude(state=ErasureState.PROPOSED)[:CLOSED_AT_MOST],
        may_propose=request.user.has_perm(access.PROPOSE_ERASURE),
    )


@dataclass(frozen=True)
class Frozen:
    """A version, and which of its sections say something, were left empty, or are erased."""

    version: ClaimVersion
    said: list[Promise]
    erased: list[Promise]


@page(access.PROPOSE_ERASURE)
@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: PersonRequest, number: str) -> HttpResponseBase:
    claim = get_object_or_404(_claims(request.user), number=number)
    versions = list(claim.versions.order_by("number"))
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = ProposeErasureForm(versions, typed)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = acts.propose(
                claim,
                version=next((v for v in versions if str(v.number) == said["version"]), None),
                sections=said["sections"],
                ground=Ground(said["ground"]),
                reason=said["reason"],
                by=request.user,
                office=access.office(request.user, access.PROPOSE_ERASURE),
            )
        except Refusals as problem:
            refusal = str(problem)
        else:
            messages.success(request, _("Proposed. Another person reads it and carries it out."))
            return redirect("review:erasure", made.public_id)
    return show(
        request,
        "erasure_propose",
        _("Erase a part of a claim"),
        status=REFUSED if refusal else 200,
        claim=claim,
        form=form,
        refusal=refusal,
        versions=[_frozen(version) for version in versions],
    )


def _frozen(version: ClaimVersion) -> Frozen:
    gone = erased(version)
    said = [name for name in SECTIONS if name not in gone and getattr(version, name) not in EMPTY]
    return Frozen(version, [WORDS[name] for name in said], [WORDS[name] for name in gone])


@page(access.PROPOSE_ERASURE, access.CARRY_OUT_ERASURE)
@require_http_methods(["GET", "HEAD", "POST"])
def erasure(request: PersonRequest, erasure_id: UUID) -> HttpResponseBase:
    """What is proposed and what would go; another person than the one who proposed carries it out."""
    found = _erasure(request.user, erasure_id)
    form = CarryOutErasureForm(str(found.claim.number), request.POST if request.method == "POST" else None)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            office = access.office(request.user, access.CARRY_OUT_ERASURE)
            acts.carry_out(found, by=request.user, office=office)
        except Refusals as problem:
            refusal = str(problem)
            found.refresh_from_db()
        else:
            messages.success(request, _("Erased. The claimant and the partners are told."))
            return redirect("review:erasure", erasure_id)
    return _shown(request, found, form, refusal=refusal)


@page(access.PROPOSE_ERASURE, access.CARRY_OUT_ERASURE)
@require_http_methods(["GET", "HEAD", "POST"])
def drop(request: PersonRequest, erasure_id: UUID) -> HttpResponseBase:
    found = _erasure(request.user, erasure_id)
    if request.method != "POST":
        return redirect("review:erasure", erasure_id)
    may_propose = request.user.has_perm(access.PROPOSE_ERASURE)
    permission = access.PROPOSE_ERASURE if may_propose else access.CARRY_OUT_ERASURE
    try:
        acts.drop(found, by=request.user, office=access.office(request.user, permission))
    except Refusals as problem:
        found.refresh_from_db()
        return _shown(request, found, CarryOutErasureForm(str(found.claim.number)), refusal=str(problem))
    messages.success(request, _("Given up. Nothing was erased."))
    return redirect("review:erasures")


def _shown(
    request: PersonRequest, found: Erasure, form: CarryOutErasureForm, *, refusal: str
) -> HttpResponse:
    going = acts.scope(found.claim, found.version, found.sections) if found.is_proposed else {}
    is_another = found.proposed_by_id != request.user.pk
    return show(
        request,
        "erasure",
        _("Erasure in %(number)s") % {"number": found.claim.number},
        status=REFUSED if refusal else 200,
        erasure=found,
        form=form,
        refusal=refusal,
        sections=[WORDS[name] for name in found.sections],
        going=[(number, [WORDS[name] for name in names]) for number, names in going.items()],
        may_carry_out=found.is_proposed and is_another and request.user.has_perm(access.CARRY_OUT_ERASURE),
    )


def _claims(user: User) -> QuerySet[Claim]:
    return access.erasable_by(Claim.objects.select_related("category"), user)


def _erasures(user: User) -> QuerySet[Erasure]:
    rows = Erasure.objects.select_related("claim__category", "version", "proposed_by", "closed_by")
    return rows.filter(claim__in=access.erasable_by(Claim.objects.all(), user))


def _erasure(user: User, erasure_id: UUID) -> Erasure:
    return get_object_or_404(_erasures(user), public_id=erasure_id)
