"""A claimant's own claims: the list, the status of each, the receipt, the files."""

import json
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from claims import access, mandates, receipts, story, versions
from claims.answers import display
from claims.mandates import OWN_ACCOUNT, ClaimantKind
from claims.models import Attachment, Claim, State
from claims.models.category import definition
from claims.views import filing
from claims.views.drafts import closed
from claims.views.held import PersonRequest, signed_in
from claims.views.receipts import kept
from claims.wording import SECTIONS
from evidence import custody, serving
from evidence.models import CustodyKind

CLAIMS_A_PAGE = 20


@signed_in
@require_safe
def claims(request: PersonRequest) -> HttpResponse:
    """Newest first, by keyset: `?older=` names the last claim of the page before."""
    own = Claim.objects.visible_to(request.user).newest_first().select_related("category", "draft")
    if older := request.GET.get("older"):
        last = get_object_or_404(Claim.objects.visible_to(request.user), public_id=_uuid(older))
        own = own.filter(id__lt=last.pk)
    rows = list(own[: CLAIMS_A_PAGE + 1])
    more = rows[CLAIMS_A_PAGE - 1] if len(rows) > CLAIMS_A_PAGE else None
    return render(request, "claims/list.html", {"claims": rows[:CLAIMS_A_PAGE], "older": more})


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


@signed_in
@require_safe
def claim(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    """A draft's task list, or where a submitted claim stands."""
    found = get_object_or_404(
        Claim.objects.visible_to(request.user).select_related("category", "draft"), public_id=claim_id
    )
    if found.is_draft:
        return filing.tasks(request, found)
    requests = list(found.requests.order_by("-id"))
    told = story.of(found, requests)
    files = _files(found)
    outcomes = list(found.outcomes.order_by("-id"))
    context = {
        "claim": found,
        "now": story.now(found),
        "story": told.events,
        "files": files,
        "to_replace": [f for f in files if str(f.evidence_file.public_id) in told.files_to_replace],
        "open_request": next((r for r in requests if r.is_open), None),
        "decided": next(iter(outcomes), None),
        "earlier": outcomes[1:],
        "can_change": not closed(found),
        "has_changes": hasattr(found, "draft"),
        "zone": mandates.current().time_zone_name,
    }
    return render(request, "claims/claim.html", context)


@signed_in
@require_safe
def receipt(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    """Number, time and digests of what was filed; made to be printed."""
    found = get_object_or_404(
        Claim.objects.visible_to(request.user).select_related("category"), public_id=claim_id
    )
    if found.is_draft:
        return redirect("claims:claim", claim_id)
    version = found.versions.only("number", "digest", "made_at").latest("number")
    act, entry = receipts.made(version)
    context = {"claim": found, "version": version, "files": _files(found), **kept(entry, act)}
    return render(request, "claims/receipt.html", context)


@signed_in
@require_safe
def filed(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    """What was filed, as it was frozen."""
    found = _submitted(request, claim_id)
    version = found.versions.latest("number")
    whole = definition(version.category_version_id).form(ClaimantKind(found.claimant_kind))
    said = versions.answers(version)
    titles = {part.id: part.title for part in whole.parts}
    parts: dict[str, list[display.Row]] = {}
    for page, rows in display.pages(whole, said):
        parts.setdefault(page.part, []).extend(rows)
    replies = versions.replies(version)
    context = {
        "claim": found,
        "version": version,
        "parts": [(titles[part], rows) for part, rows in parts.items()],
        "replies": [
            (r, replies[str(r.public_id)]) for r in found.requests.all() if str(r.public_id) in replies
        ],
        "own_account": said.get(OWN_ACCOUNT, ""),
        "files": _files(found),
        "erased": [SECTIONS[name] for name in versions.erased(version)],
    }
    return render(request, "claims/filed.html", context)


@signed_in
@require_safe
def filed_file(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    """The same as a file to keep: the frozen texts with their salts, which the receipt's code stands for."""
    found = _submitted(request, claim_id)
    content = json.dumps(versions.as_filed(found.versions.latest("number")), ensure_ascii=False, indent=1)
    name = f"{found.number}.json" if not found.discreet else "file.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type="application/json", headers=headers)


def _submitted(request: PersonRequest, claim_id: UUID) -> Claim:
    claims = Claim.objects.visible_to(request.user).exclude(state=State.DRAFT).select_related("category")
    return get_object_or_404(claims, public_id=claim_id)


def _files(found: Claim) -> list[Attachment]:
    return list(found.attachments.filed().select_related("evidence_file__blob"))


@signed_in
@require_safe
def file(request: PersonRequest, claim_id: UUID, file_id: UUID) -> HttpResponseBase:
    """One's own evidence, as it was received. Each look is written down."""
    attachment = get_object_or_404(
        Attachment.objects.select_related("claim", "evidence_file__blob"),
        claim__in=Claim.objects.visible_to(request.user),
        claim__public_id=claim_id,
        evidence_file__public_id=file_id,
    )
    received = attachment.evidence_file
    try:
        answer: HttpResponseBase = serving.response(received)
    except serving.Unreadable as refusal:
        status = 403 if isinstance(refusal, serving.Quarantined) else 503
        return render(request, "claims/file_unreadable.html", {"reason": str(refusal)}, status=status)
    actor = request.user.actor
    custody.record(received, CustodyKind.DOWNLOADED, by=actor)
    access.record(attachment.claim, by=actor, office="claimant", purpose="own_claim", file=received.public_id)
    return answer
