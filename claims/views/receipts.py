"""The receipts of one's own claim: on a page, as a file to check, on paper, and the bare proof."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from claims import mandates, paper, receipts, story
from claims.models import Claim, State
from claims.views.held import PersonRequest, signed_in
from ledger.models import Entry


@signed_in
@require_safe
def act(request: PersonRequest, claim_id: UUID, act: int) -> HttpResponse:
    """What was done, and how it is proven."""
    claim, entry = _found(request, claim_id, act)
    context = {"claim": claim, "said": story.sentence(entry), **kept(entry, act)}
    return render(request, "claims/receipt_act.html", context)


@signed_in
@require_safe
def as_json(request: PersonRequest, claim_id: UUID, act: int) -> HttpResponse:
    """The receipt itself: registry-receipt/1."""
    claim, entry = _found(request, claim_id, act)
    content = receipts.text(receipts.build(entry))
    return _file(claim, act, "json", content.encode(), "application/json")


@signed_in
@require_safe
def as_pdf(request: PersonRequest, claim_id: UUID, act: int) -> HttpResponse:
    claim, entry = _found(request, claim_id, act)
    return _file(claim, act, "pdf", paper.pdf(claim, entry, story.sentence(entry)), "application/pdf")


@signed_in
@require_safe
def as_proof(request: PersonRequest, claim_id: UUID, act: int) -> HttpResponse:
    """The proof alone, for other people's tools (C2SP tlog-proof). There is none before a checkpoint covers
    the act."""
    claim, entry = _found(request, claim_id, act)
    where = receipts.place(entry)
    if where is None:
        raise Http404
    content = receipts.proof(entry, where)
    return _file(claim, act, "tlog-proof", content.encode(), "text/plain; charset=utf-8")


def kept(entry: Entry, act: int) -> dict[str, object]:
    """What _receipt.html shows of an act."""
    promised_by = receipts.promised_by(entry)
    return {
        "act": act,
        "acted_at": entry.at,
        "place": receipts.place(entry),
        "promised_by": promised_by,
        "is_broken": promised_by < timezone.now(),
        "zone": mandates.current().time_zone_name,
    }


def _found(request: PersonRequest, claim_id: UUID, act: int) -> tuple[Claim, Entry]:
    """One's own submitted claim, and the act of that number on it: nothing else exists here."""
    claims = Claim.objects.visible_to(request.user).exclude(state=State.DRAFT).select_related("category")
    claim = get_object_or_404(claims, public_id=claim_id)
    acts = receipts.acts(claim)
    if not 1 <= act <= len(acts):
        raise Http404
    return claim, acts[act - 1]


def _file(claim: Claim, act: int, kind: str, content: bytes, media_type: str) -> HttpResponse:
    name = f"file-{act}.{kind}" if claim.discreet else f"{claim.number}-receipt-{act}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=media_type, headers=headers)
