"""What the pages of a draft share: whose draft it is, where a step leads, how a page is shown."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from claims import filing
from claims.models import Attachment, Claim
from claims.views.held import PersonRequest, signed_in
from claims.views.steps import Steps

DraftView = Callable[..., HttpResponseBase]


def of_draft(view: DraftView) -> DraftView:
    """Hand the view the signed-in person's own draft. Once submitted, its pages lead to the claim."""

    @signed_in
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def inner(request: PersonRequest, claim_id: UUID, *args: Any, **kwargs: Any) -> HttpResponseBase:
        claim = own_claim(request, claim_id)
        if not claim.is_draft and view.__name__ == "declaration" and request.method == "POST":
            return redirect("claims:receipt", claim_id)  # two tabs submitted: both have the one receipt
        if not claim.is_draft:
            messages.info(
                request, _("This claim has been submitted, so its draft cannot be changed any more.")
            )
            return redirect("claims:claim", claim_id)
        if claim.is_outdated and request.method != "POST":
            return redirect("claims:claim", claim_id)  # the task list brings it up to date and says so
        try:
            return view(request, claim, *args, **kwargs)
        except filing.NotADraft as refusal:
            messages.info(request, str(refusal))
            return redirect("claims:claim", claim_id)

    return inner


def own_claim(request: PersonRequest, claim_id: UUID) -> Claim:
    claims = Claim.objects.visible_to(request.user).select_related("category", "draft")
    return get_object_or_404(claims, public_id=claim_id)


def onward(request: PersonRequest, claim: Claim, after: str) -> HttpResponseRedirect:
    """Where a saved step leads: out, back to the check page, or to the next step."""
    if "leave" in request.POST:
        messages.success(request, _("Saved. You can go on at any time, on this or another device."))
        return redirect("claims:claim", claim.public_id)
    if request.GET.get("back") == "check":
        return redirect("claims:check", claim.public_id)
    return redirect(Steps(claim).after(after))


def show(request: PersonRequest, claim: Claim, template: str, step: str, **context: Any) -> HttpResponse:
    steps = Steps(claim)
    back = (
        reverse("claims:check", args=[claim.public_id])
        if request.GET.get("back") == "check"
        else steps.before(step)
    )
    return render(request, template, {"claim": claim, "back": back, "step": steps.place(step), **context})


def from_check(request: PersonRequest) -> str:
    """Remembers that one came from the check page."""
    return "?" + urlencode({"back": "check"}) if request.GET.get("back") == "check" else ""


def attachments(claim: Claim) -> list[tuple[Attachment, str]]:
    """The files of a claim, each with the words for its type."""
    names = {t.id: str(t.name) for t in claim.definition.evidence_types}
    rows = claim.attachments.select_related("evidence_file__blob")
    return [(a, names.get(a.type, "")) for a in rows]
