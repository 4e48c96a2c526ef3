"""What a claimant may do with a claim that was submitted: change it, withdraw it, choose who sees it."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from claims import consents, filing, lifecycle, mandates
from claims.models import Consent, State
from claims.views import filing as filing_pages
from claims.views.drafts import closed, own_claim
from claims.views.held import PersonRequest, signed_in, typed_before


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    """Begin to change a claim; once begun, the sections of the changes."""
    claim = own_claim(request, claim_id)
    if claim.is_draft:
        return redirect("claims:claim", claim_id)
    if refusal := closed(claim):
        if hasattr(claim, "draft"):
            return redirect("claims:check", claim_id)
        messages.info(request, refusal)
        return redirect("claims:claim", claim_id)
    if request.method == "POST":
        filing.reopen(claim, by=request.user)
        step = "evidence" if claim.state == State.NEEDS_FIXING else "change"
        return redirect(f"claims:{step}", claim_id)
    if hasattr(claim, "draft"):
        return filing_pages.tasks(request, claim)
    return render(request, "claims/change.html", {"claim": claim})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    """Withdraw a claim, after saying what that means."""
    claim = own_claim(request, claim_id)
    if claim.is_draft:
        return redirect("claims:claim", claim_id)
    refusal = closed(claim)
    if request.method == "POST" and not refusal:
        try:
            lifecycle.withdraw(claim, by=request.user)
        except lifecycle.MoveRefused as late:
            refusal = str(late)
        else:
            messages.success(request, _("Your claim is withdrawn."))
            return redirect("claims:claim", claim_id)
    if refusal:
        messages.info(request, refusal)
        return redirect("claims:claim", claim_id)
    return render(request, "claims/withdraw.html", {"claim": claim})


class ChangeConsentsForm(filing_pages.ConsentsForm):
    """Says which privacy notice was on the page."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["notice"] = forms.CharField(widget=forms.HiddenInput)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def change_consents(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    """Choose anew who may see a claim that was submitted."""
    claim = own_claim(request, claim_id)
    if claim.is_draft:
        return redirect("claims:consents", claim_id)
    notice = mandates.current().privacy_notice
    given = {c.purpose: c.given for c in Consent.objects.filter(claim=claim).newest()}
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = ChangeConsentsForm(typed, initial={**given, "notice": notice.version})
    if request.method == "POST" and form.is_valid():
        shown = form.cleaned_data.pop("notice")
        try:
            is_changed = consents.change(claim, form.cleaned_data, notice=shown, by=request.user)
        except lifecycle.TextsChanged as refusal:
            messages.warning(request, str(refusal))
            return redirect("claims:change_consents", claim_id)
        if is_changed:
            messages.success(request, _("Your choice is kept. It holds from now on."))
        else:
            messages.info(request, _("Nothing was changed."))
        return redirect("claims:claim", claim_id)
    context = {"claim": claim, "form": form, "notice": notice}
    return render(request, "claims/change_consents.html", context)
