"""The page on which a claimant reads what a reviewer asked, and answers."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from claims import filing, lifecycle, mandates, requests, versions
from claims.models import Claim, InformationRequest
from claims.views.evidence_forms import LongText, evidence_field, largest_file
from claims.views.held import PersonRequest, signed_in, typed_before
from evidence import uploads

FILES_AT_ONCE = 10
REPLY_LENGTH = 20_000


class ReplyForm(forms.Form):
    """`seen` stands for the reply as it was shown. `file` only carries the input and its errors: the bytes go
    to the storage while they come in."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"] = LongText(
            limit=REPLY_LENGTH,
            label=_("Your answer"),
            help_text=_("In your own words. “I don’t know” and “I have no document” are answers too."),
            widget=forms.Textarea({"rows": 10, "data-count": REPLY_LENGTH}),
        )
        self.fields["file"] = evidence_field(_("Files, if you have any"))


@csrf_exempt  # the check reads the body, so it is made below: first who is there, then where the bytes go
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: PersonRequest, claim_id: UUID, request_id: UUID) -> HttpResponse:
    claims = Claim.objects.visible_to(request.user).select_related("category")
    claim = get_object_or_404(claims, public_id=claim_id)
    asked = get_object_or_404(claim.requests.select_related("claim", "answered_in"), public_id=request_id)
    if request.method != "POST":
        typed = typed_before(request)
        return _page(request, asked, ReplyForm(typed, initial=_initial(asked)))
    rules = mandates.current().evidence
    with uploads.receiving(
        request,
        limit=rules.max_file_bytes,
        limits=rules.max_file_bytes_of,
        accepted=rules.media_types,
        files=FILES_AT_ONCE,
    ):
        return _take(request, asked)


def _initial(asked: InformationRequest) -> dict[str, str]:
    return {"text": asked.reply, "seen": requests.fingerprint(asked.reply)}


@csrf_protect
def _take(request: PersonRequest, asked: InformationRequest) -> HttpResponse:
    """Keep the words and each file at once, whatever is wrong with another; then do what the button says."""
    form = ReplyForm(request.POST)
    incoming = cast(list[uploads.Incoming], request.FILES.getlist("file"))
    try:
        if file_id := request.POST.get("remove"):  # first: this can be done after the request was closed too
            _remove_file(request, asked, file_id)
        if form.is_valid():
            reply = requests.save_reply(asked, form.cleaned_data["text"], seen=form.cleaned_data["seen"])
        _keep_files(request, asked, form, incoming)
        if "add" in request.POST and not incoming:
            form.add_error("file", _("Choose a file first."))
        elif "send" in request.POST and not form.errors:
            lifecycle.answer_request(asked, by=request.user, reply=reply)
    except lifecycle.NothingToAnswer:
        return _too_late(request, asked)
    except lifecycle.AnswerEmpty as refusal:
        form.add_error("text", str(refusal))
    except lifecycle.FileInfected as refusal:
        form.add_error("file", str(refusal))
    if form.errors:
        return _page(request, asked, form)
    if "leave" in request.POST:
        messages.success(request, _("Saved. You can go on at any time, on this or another device."))
        return redirect("claims:claim", asked.claim.public_id)
    return redirect("claims:request", asked.claim.public_id, asked.public_id)


def _keep_files(
    request: PersonRequest, asked: InformationRequest, form: ReplyForm, incoming: list[uploads.Incoming]
) -> None:
    kept = 0
    for sent in incoming:
        try:
            requests.attach(asked, sent, by=request.user)
            kept += 1
        except (uploads.Refused, filing.TooMany) as refusal:
            form.add_error("file", f"{sent.name}: {refusal}")
    if kept and "send" not in request.POST:
        messages.success(
            request,
            ngettext("%(n)s file is kept with your answer.", "%(n)s files are kept with your answer.", kept)
            % {"n": kept},
        )


def _remove_file(request: PersonRequest, asked: InformationRequest, file_id: str) -> None:
    """It may be gone already: the button was pressed in another tab too."""
    for attachment in asked.files.select_related("claim", "request", "evidence_file"):
        if str(attachment.evidence_file.public_id) == file_id:
            requests.detach(attachment, by=request.user)
            messages.success(request, _("The file was taken out."))


def _too_late(request: PersonRequest, asked: InformationRequest) -> HttpResponse:
    """Answered in another tab, or closed: what was typed here stays readable."""
    asked = InformationRequest.objects.select_related("claim__category", "answered_in").get(pk=asked.pk)
    typed = request.POST.get("text", "").strip().replace("\r\n", "\n")
    if typed == _sent(asked):
        return redirect("claims:request", asked.claim.public_id, asked.public_id)
    return _page(request, asked, ReplyForm(initial=_initial(asked)), typed=typed)


def _sent(asked: InformationRequest) -> str:
    return versions.replies(asked.answered_in).get(str(asked.public_id), "") if asked.answered_in else ""


def _page(
    request: PersonRequest, asked: InformationRequest, form: ReplyForm, *, typed: str = ""
) -> HttpResponse:
    mandate = mandates.current()
    context = {
        "claim": asked.claim,
        "asked": asked,
        "form": form,
        "files": asked.claim.attachments.filter(request=asked).select_related("evidence_file__blob"),
        "sent": _sent(asked),
        "typed": typed,
        "is_late": datetime.now(mandate.zone).date() > asked.due_on,
        "zone": mandate.time_zone_name,
        "rules": mandate.evidence,
        "largest": largest_file(mandate.evidence),
    }
    return render(request, "claims/request.html", context, status=409 if typed else 200)
