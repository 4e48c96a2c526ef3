"""Check your answers, declare, submit."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from claims import lifecycle, mandates
from claims.answers import checking, display
from claims.models import Claim, Consent
from claims.versions import Declaration
from claims.views.drafts import attachments, closed, of_draft, show
from claims.views.held import PersonRequest, typed_before


def _summary(claim: Claim) -> dict[str, Any]:
    """Everything in a draft in words, and what is wrong or missing."""
    draft, whole = claim.draft, claim.form
    counted = {
        q.id: draft.answers[q.id] for q in checking.asked(whole, draft.answers) if q.id in draft.answers
    }
    page_of = {q.id: p.id for p in whole.pages for q in p.questions}
    asks = {q.id: q.ask for q in whole.questions}
    titles = {p.id: p.title for p in whole.parts}
    sent, files = attachments(claim)
    chosen = {c.purpose: c.given for c in Consent.objects.filter(claim=claim).newest()}
    given = draft.consents.get("choices", chosen)
    parts: dict[str, list[Any]] = {}
    for shown, rows in display.pages(whole, draft.answers):
        parts.setdefault(shown.part, []).append((shown, rows))
    return {
        "parts": [(titles[part], pages) for part, pages in parts.items()],
        "missing": sum(r.is_missing for pages in parts.values() for _page, rows in pages for r in rows),
        "problems": [
            (page_of[p.question], asks[p.question], p.message) for p in checking.problems(whole, counted)
        ],
        "remarks": [
            f"{q.ask} {r}"
            for q in whole.questions
            if q.id in counted and (r := checking.remark(q, counted[q.id]))
        ],
        "eligibility": [
            (
                t,
                {"yes": _("Yes"), "no": _("No"), "unsure": _("I am not sure")}.get(
                    draft.eligibility.get(t.id, "")
                ),
            )
            for t in mandates.current().eligibility
        ],
        "sent": sent,
        "files": files,
        "consents": [(c, given.get(c.id) is True) for c in mandates.current().consents],
        "consents_seen": bool(draft.consents),
    }


@of_draft
def check(request: PersonRequest, claim: Claim) -> HttpResponse:
    """Check your answers: everything, changeable section by section."""
    return show(request, claim, "claims/check.html", "check", closed=closed(claim), **_summary(claim))


class DeclarationForm(forms.Form):
    """Says which texts were on the page: what is signed is what was shown, whatever changed meanwhile."""

    typed_name = forms.CharField(max_length=300, required=False)
    language = forms.ChoiceField(
        choices=[(code, code) for code in mandates.LANGUAGES], widget=forms.HiddenInput
    )
    version = forms.CharField(widget=forms.HiddenInput)
    notice_version = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["typed_name"].label = _("Type your full name to confirm")
        self.fields["typed_name"].widget.attrs["autocomplete"] = "name"


@of_draft
def declaration(request: PersonRequest, claim: Claim) -> HttpResponse:
    """The declaration, and the button that submits or, for a submitted claim, sends the changes."""
    mandate, language = mandates.current(), (get_language() or "uk")[:2]
    shown = {
        "version": mandate.declaration.version,
        "notice_version": mandate.privacy_notice.version,
        "language": language,
    }
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = DeclarationForm(typed, initial=shown)
    if request.method == "POST" and form.is_valid():
        try:
            act = lifecycle.submit if claim.is_draft else lifecycle.amend
            act(claim, by=request.user, declaration=Declaration(**form.cleaned_data))
        except lifecycle.AlreadySubmitted:
            return redirect("claims:receipt", claim.public_id)
        except lifecycle.NotDeclared as refusal:
            form.add_error("typed_name", str(refusal))
        except lifecycle.TextsChanged as refusal:
            messages.warning(request, str(refusal))
            return redirect(request.get_full_path())
        except lifecycle.FileInfected as refusal:
            messages.error(request, str(refusal))
            return redirect(reverse("claims:evidence", args=[claim.public_id]) + "?back=check")
        except lifecycle.MoveRefused as refusal:
            messages.error(request, str(refusal))
            return redirect("claims:check", claim.public_id)
        else:
            if not claim.is_draft:
                messages.success(request, _("We have your changes. Thank you."))
            return redirect("claims:receipt", claim.public_id)
    return show(
        request,
        claim,
        "claims/declaration.html",
        "declaration",
        form=form,
        text=mandate.declaration.text,
        notice=mandate.privacy_notice,
    )
