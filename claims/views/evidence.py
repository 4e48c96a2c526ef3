"""Evidence in a draft: files with their type and description, and one's own account."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from claims import filing, lifecycle, mandates
from claims.models import Attachment, Claim
from claims.views.drafts import attachments, from_check, of_draft, onward, own_claim, show
from claims.views.evidence_forms import AddEvidenceForm, DescribeForm, OwnAccountForm, largest_file
from claims.views.held import PersonRequest, signed_in, typed_before
from evidence import uploads

FILES_AT_ONCE = 10


@of_draft
def evidence(request: PersonRequest, claim: Claim) -> HttpResponse:
    """The files of a draft, and a form for more."""
    return _evidence_page(request, claim, AddEvidenceForm(claim.definition.evidence_types))


def _evidence_page(request: PersonRequest, claim: Claim, form: AddEvidenceForm) -> HttpResponse:
    sent, files = attachments(claim)
    rules = mandates.current().evidence
    return show(
        request,
        claim,
        "claims/evidence.html",
        "evidence",
        form=form,
        sent=sent,
        files=files,
        rules=rules,
        largest=largest_file(rules),
        query=from_check(request),
    )


@csrf_exempt  # the check reads the body, so it is made below: first who is there, then where the bytes go
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def add_evidence(request: PersonRequest, claim_id: UUID) -> HttpResponse:
    claim = own_claim(request, claim_id)
    if not hasattr(claim, "draft"):
        return redirect("claims:claim", claim_id)
    if request.method != "POST":  # after signing in again, or by the language button
        if typed := typed_before(request):
            return _evidence_page(request, claim, AddEvidenceForm(claim.definition.evidence_types, typed))
        return redirect("claims:evidence", claim_id)
    rules = mandates.current().evidence
    with uploads.receiving(
        request,
        limit=rules.max_file_bytes,
        limits=rules.max_file_bytes_of,
        accepted=rules.media_types,
        files=FILES_AT_ONCE,
    ):
        return _add_evidence(request, claim)


@csrf_protect
def _add_evidence(request: PersonRequest, claim: Claim) -> HttpResponse:
    form = AddEvidenceForm(claim.definition.evidence_types, request.POST)
    incoming = cast(list[uploads.Incoming], request.FILES.getlist("file"))
    stays = "add" in request.POST
    if stays and not incoming:
        form.add_error("file", _("Choose a file first."))
    # A file that came all the way is kept even if the words about it must be put right.
    words = form.cleaned_data if form.is_valid() else {}
    kept = 0
    for sent in incoming:
        try:
            filing.attach(
                claim,
                sent,
                type=words.get("type", ""),
                description=words.get("description", ""),
                by=request.user,
            )
            kept += 1
        except (uploads.Refused, filing.TooMany, lifecycle.MoveRefused) as refusal:
            form.add_error("file", f"{sent.name}: {refusal}")
        except filing.NotADraft as refusal:
            messages.info(request, str(refusal))
            return redirect("claims:claim", claim.public_id)
    if kept and claim.is_draft:
        messages.success(
            request,
            ngettext("%(n)s file is kept with your draft.", "%(n)s files are kept with your draft.", kept)
            % {"n": kept},
        )
    elif kept:
        messages.success(
            request,
            ngettext("%(n)s file is kept with your changes.", "%(n)s files are kept with your changes.", kept)
            % {"n": kept},
        )
    if form.errors:
        return _evidence_page(request, claim, form)
    if stays:
        return redirect(reverse("claims:evidence", args=[claim.public_id]) + from_check(request))
    filing.mark_evidence(claim)
    return onward(request, own_claim(request, claim.public_id), "evidence")


@of_draft
def piece(request: PersonRequest, claim: Claim, file_id: UUID) -> HttpResponse:
    """Change what is said about one file, or take it out."""
    attachment = get_object_or_404(
        claim.attachments.filter(request=None).select_related("claim", "evidence_file__blob"),
        evidence_file__public_id=file_id,
    )
    back = reverse("claims:evidence", args=[claim.public_id]) + from_check(request)
    try:
        return _piece(request, claim, attachment, back)
    except filing.NotADraft:
        raise
    except filing.FilingRefused as refusal:  # it was sent: its page was open in another tab
        messages.info(request, str(refusal))
        return redirect(back)


def _piece(request: PersonRequest, claim: Claim, attachment: Attachment, back: str) -> HttpResponse:
    if "remove" in request.POST:
        filing.detach(attachment, by=request.user)
        messages.success(request, _("The file was taken out."))
        return redirect(back)
    typed = request.POST if request.method == "POST" else typed_before(request)
    initial = {"type": attachment.type, "description": attachment.description}
    form = DescribeForm(claim.definition.evidence_types, typed, initial=initial)
    if request.method == "POST" and form.is_valid():
        filing.describe(attachment, **form.cleaned_data)
        return redirect(back)
    context = {"claim": claim, "back": back, "attachment": attachment, "form": form}
    return render(request, "claims/piece.html", context)


@of_draft
def own_account(request: PersonRequest, claim: Claim) -> HttpResponse:
    """In their own words, in place of paper or beside it."""
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = OwnAccountForm(typed, initial={"text": claim.draft.own_account})
    if request.method == "POST" and form.is_valid():
        filing.save_own_account(claim, form.cleaned_data["text"])
        return onward(request, own_claim(request, claim.public_id), "own_account")
    return show(request, claim, "claims/own_account.html", "own_account", form=form)
