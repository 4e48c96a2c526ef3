"""Where the secretariat makes batches and the director lays them before the Board. No names here."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from claims import mandates, numbers
from claims.models import Claim, State
from claims.views.held import PersonRequest, typed_before
from review import access, looking
from review import batches as acts
from review.forms import AddForm, NewBatchForm
from review.models import Batch, BatchState, Member, Proposal, Removal
from review.views import reading
from review.views.pages import REFUSED, page, show

BATCHES_A_PAGE = 15  # each of up to 500 claims, of which none may be hidden
CANDIDATES_A_PAGE = 50
CURSOR = signing.Signer(salt="review.candidates")


def newest_first(batches: QuerySet[Batch], older: str) -> tuple[list[Batch], Batch | None]:
    """A page of batches by keyset, and the one after which the next page begins."""
    if older:
        last = get_object_or_404(batches, public_id=as_uuid(older))
        batches = batches.filter(pk__lt=last.pk)
    rows = list(batches.order_by("-id")[: BATCHES_A_PAGE + 1])
    return rows[:BATCHES_A_PAGE], rows[BATCHES_A_PAGE - 1] if len(rows) > BATCHES_A_PAGE else None


def as_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


@page(access.PREPARE, access.SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def batches(request: PersonRequest) -> HttpResponseBase:
    """All batches, newest first, and a form for another one."""
    may_prepare = request.user.has_perm(access.PREPARE)
    form = NewBatchForm(request.POST if request.method == "POST" and may_prepare else None)
    refusal = ""
    if form.is_valid():
        try:
            made = acts.make(form.cleaned_data["title"], by=request.user)
            return redirect("review:batch", made.public_id)
        except access.Refused as problem:
            refusal = str(problem)
    readable = access.batches_readable_by(Batch.objects.all(), request.user)
    rows, older = newest_first(readable, request.GET.get("older", ""))
    return show(
        request,
        "batches",
        _("Batches"),
        status=REFUSED if refusal else 200,
        batches=rows,
        older=older,
        form=form,
        refusal=refusal,
        may_prepare=may_prepare,
    )


@page(access.PREPARE, access.SUBMIT)
@require_safe
def batch(request: PersonRequest, batch_id: UUID) -> HttpResponseBase:
    return _show(request, _batch(request.user, batch_id))


def _batch(user: User, batch_id: UUID) -> Batch:
    readable = access.batches_readable_by(Batch.objects.select_related("made_by", "submitted_by"), user)
    return get_object_or_404(readable, public_id=batch_id)


@dataclass(frozen=True)
class Candidate:
    claim: Claim
    region: str
    proposal: Proposal | None
    reason: str
    is_ticked: bool


def _show(
    request: PersonRequest, batch: Batch, *, form: AddForm | None = None, refusal: str = "", status: int = 200
) -> HttpResponse:
    paper = acts.paper(batch)
    may_add = request.user.has_perm(access.PREPARE) and batch.state == BatchState.OPEN
    claims, after = _candidates(request) if may_add else ([], "")
    ticked = form.data.getlist("numbers") if form else []  # type: ignore[attr-defined]
    form = form or AddForm()
    return show(
        request,
        "batch",
        batch.title,
        status=status,
        batch=batch,
        members=member_rows(paper.members),
        gone=member_rows(paper.gone),
        candidates=_described(claims, ticked),
        next=f"{reverse('review:batch', args=[batch.public_id])}?after={after}#candidates" if after else "",
        is_later="after" in request.GET,
        form=form,
        refusal=refusal,
        may_add=may_add,
        may_submit=request.user.has_perm(access.SUBMIT) and batch.state == BatchState.OPEN,
    )


def _candidates(request: PersonRequest) -> tuple[list[Claim], str]:
    """A page of claims that can join a batch, and where the next one begins if there are more. Signed: a
    number that one could choose would tell how another claim stands."""
    try:
        state, key = CURSOR.unsign_object(request.GET.get("after", ""))
        after = (state, key)
    except signing.BadSignature:
        after = None
    rows, last = looking.first(
        acts.awaiting(after),
        lambda claims: acts.can_join(claims, request.user),
        CANDIDATES_A_PAGE + 1,
        by=("state", "id"),
    )
    if len(rows) > CANDIDATES_A_PAGE:
        last = (rows[CANDIDATES_A_PAGE - 1].state, rows[CANDIDATES_A_PAGE - 1].pk)
    return rows[:CANDIDATES_A_PAGE], CURSOR.sign_object(list(last)) if last else ""


def _described(claims: list[Claim], ticked: list[str]) -> list[Candidate]:
    regions = region_names()
    proposals = Proposal.objects.confirmed().filter(claim__in=claims).order_by("id")
    newest = {proposal.claim_id: proposal for proposal in proposals}
    return [
        Candidate(
            claim=claim,
            region=regions.get(claim.region, ""),
            proposal=(proposal := newest.get(claim.pk)),
            reason=reading.reason_title(proposal) if proposal else "",
            is_ticked=claim.number in ticked,
        )
        for claim in claims
    ]


def region_names() -> dict[str, str]:
    return {region.code: str(region.name) for region in mandates.current().regions}


@dataclass(frozen=True)
class MemberRow:
    member: Member
    region: str
    reason: str
    recommended: str
    because: str


def member_rows(members: list[Member]) -> list[MemberRow]:
    regions = region_names()
    return [
        MemberRow(
            member=member,
            region=regions.get(member.claim.region, ""),
            reason=reading.reason_title(member.proposal),
            recommended=reading.outcome_words(member.recommended),
            because=str(Removal(member.removed_because).label) if member.removed_because else "",
        )
        for member in members
    ]


@page(access.PREPARE)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PersonRequest, batch_id: UUID) -> HttpResponseBase:
    found = _batch(request.user, batch_id)
    if request.method != "POST":
        typed = typed_before(request)
        return _show(request, found, form=AddForm(typed)) if typed else redirect("review:batch", batch_id)
    form = AddForm(request.POST)
    if not form.is_valid():
        return _show(request, found, form=form)
    wanted = form.cleaned_data["numbers"]
    cleared = Q(sensitive=False) | Q(category__in=request.user.clearances.values("category"))
    claims = list(Claim.objects.filter(cleared, number__in=wanted).exclude(filed_by=request.user))
    recommended = form.cleaned_data["recommended"]
    try:
        if len(claims) < len(wanted):
            raise access.Refused(_("One of these claims is not there. Nothing was added; choose again."))
        added = acts.add(
            found, claims, by=request.user, recommended=State(recommended) if recommended else None
        )
    except access.Refused as refusal:
        return _show(request, found, form=form, refusal=str(refusal), status=REFUSED)
    said = ngettext("%(n)s claim was added.", "%(n)s claims were added.", len(added))
    messages.success(request, said % {"n": len(added)})
    return redirect("review:batch", batch_id)


@page(access.PREPARE)
@require_http_methods(["GET", "HEAD", "POST"])
def take_out(request: PersonRequest, batch_id: UUID) -> HttpResponseBase:
    found = _batch(request.user, batch_id)
    if request.method != "POST":
        return redirect("review:batch", batch_id)
    member = get_object_or_404(
        found.members.filter(removed_at=None).select_related("claim"),
        claim__number=numbers.read(request.POST.get("number", ""), prefix=mandates.current().number_prefix),
    )
    because = request.POST.get("because", "")
    if because not in acts.SECRETARIATS_CHOICE:
        raise Http404
    try:
        acts.take_out(member, by=request.user, because=Removal(because))
    except access.Refused as refusal:
        return _show(request, found, refusal=str(refusal), status=REFUSED)
    messages.success(request, _("%(number)s is out of the batch.") % {"number": member.claim.number})
    return redirect("review:batch", batch_id)


@page(access.SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: PersonRequest, batch_id: UUID) -> HttpResponseBase:
    found = _batch(request.user, batch_id)
    if request.method != "POST":
        return redirect("review:batch", batch_id)
    try:
        acts.submit(found, by=request.user)
    except access.Refused as refusal:
        return _show(request, _batch(request.user, batch_id), refusal=str(refusal), status=REFUSED)
    messages.success(request, _("The batch is before the Board."))
    return redirect("review:paper", batch_id)
