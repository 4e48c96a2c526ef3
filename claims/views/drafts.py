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

from claims import filing, lifecycle
from claims.models import Attachment, Claim
from claims.views.held import PersonRequest, signed_in
from claims.views.steps import Steps, home

DraftView = Callable[..., HttpResponseBase]


def of_draft(view: DraftView) -> DraftView:
    """Hand the view the signed-in person's own draft. Once submitted, its pages lead to the claim, unless it
    is being changed; and once nothing can be changed any more, to what had been changed."""

    @signed_in
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def inner(request: PersonRequest, claim_id: UUID, *args: Any, **kwargs: Any) -> HttpResponseBase:
        claim = own_claim(request, claim_id)
        is_begun = hasattr(claim, "draft")
        if not is_begun and view.__name__ == "declaration" and request.method == "POST":
            return redirect("claims:receipt", claim_id)  # two tabs submitted: both have the one receipt
        if not is_begun:
            messages.info(
                request, _("This claim has been submitted, so its draft cannot be changed any more.")
            )
            return redirect("claims:claim", claim_id)
        if closed(claim):
            if request.method != "POST" and view.__name__ not in ("check", "discard"):
                return redirect("claims:check", claim_id)
        elif claim.is_outdated and request.method != "POST":
            return redirect(home(claim))  # the task list brings it up to date and says so
        try:
            return view(request, claim, *args, **kwargs)
        except filing.NotADraft as refusal:
            messages.info(request, str(refusal))
            return redirect("claims:claim", claim_id)

    return inner


def own_claim(request: PersonRequest, claim_id: UUID) -> Claim:
    """One's own claim; while it is being changed, in the wording that the changes answer."""
    claims = Claim.objects.visible_to(request.user).select_related("category", "draft")
    claim = get_object_or_404(claims, public_id=claim_id)
    if hasattr(claim, "draft") and claim.draft.category_version_id:
        claim.category_version_id = claim.draft.category_version_id
    return claim


def closed(claim: Claim) -> str:
    """Why changes to a submitted claim cannot be sent any more, if so."""
    if claim.is_draft:
        return ""
    try:
        lifecycle.check_amendable(claim)
    except lifecycle.MoveRefused as refusal:
        return str(refusal)
    return ""


def onward(request: PersonRequest, claim: Claim, after: str) -> HttpResponseRedirect:
    """Where a saved step leads: out, back to the check page, or to the next step."""
    if "leave" in request.POST:
        messages.success(request, _("Saved. You can go on at any time, on this or another device."))
        return redirect(home(claim))
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
    place = {"claim": claim, "home": home(claim), "back": back, "step": steps.place(step)}
    return render(request, template, place | context)


def from_check(request: PersonRequest) -> str:
    """Remembers that one came from the check page."""
    return "?" + urlencode({"back": "check"}) if request.GET.get("back") == "check" else ""


Files = list[tuple[Attachment, str]]


def attachments(claim: Claim) -> tuple[Files, Files]:
    """The files of a claim that were sent, and those of its draft, each with the words for its type."""
    names = {t.id: str(t.name) for t in claim.definition.evidence_types}
    rows = claim.attachments.select_related("evidence_file__blob")
    sent = [(a, names.get(a.type, "")) for a in rows.filed()]
    return sent, [(a, names.get(a.type, "")) for a in rows.unsent().filter(request=None)]
