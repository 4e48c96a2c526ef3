"""Filing a claim: a task list, a page for a few questions at a time, evidence, declaration.

Each view finds the draft, calls one act and answers. A step saves what is valid at once; what is missing
is said on the check page and does not stop anybody.
"""

import re
import uuid
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from claims import filing, lifecycle, mandates, numbers
from claims.answers import checking, display
from claims.answers.forms import ItemForm, PageForm, StateForm
from claims.mandates import ClaimantKind, Page, Question, Type
from claims.models import Category, Claim, State
from claims.models.category import definition
from claims.views.drafts import from_check, of_draft, onward, own_claim, show
from claims.views.held import PersonRequest, signed_in, typed_before
from claims.views.steps import Steps, home

ITEM_ID = re.compile(r"[0-9a-f-]{36}")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: PersonRequest, code: str) -> HttpResponse:
    """Start a draft. By link after signing in it asks once more, so that a link alone creates nothing."""
    category = get_object_or_404(
        Category.objects.public(), code=numbers.category_code(code), newest__isnull=False
    )
    kinds = definition(category.newest_id).claimants
    again = _again(request, category)
    if request.method != "POST":
        drafts = Claim.objects.visible_to(request.user).filter(category=category, state=State.DRAFT)
        context = {
            "category": category,
            "kinds": kinds,
            "drafts": drafts.newest_first()[:3],
            "again": again,
        }
        return render(request, "claims/start.html", context)
    kind = again.claimant_kind if again else request.POST.get("kind", kinds[0].value)
    try:
        claim = filing.start(
            category,
            kind=ClaimantKind(kind) if kind in list(ClaimantKind) else kinds[0],
            by=request.user,
            language=(get_language() or "uk")[:2],
            again=again,
        )
    except filing.FilingRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("claims:category", category.code)
    if again:
        messages.info(request, _("Your earlier answers are filled in. Look them over, and add your files."))
    elif claim.draft.answers:
        messages.info(
            request, _("We filled in what you told about yourself in your last claim. Look it over.")
        )
    return redirect("claims:claim", claim.public_id)


def _again(request: PersonRequest, category: Category) -> Claim | None:
    """The claim that this one shall be filed in place of, if the link named one that allows it."""
    with suppress(ValueError):
        named = uuid.UUID(request.GET.get("again", ""))
        refiled = Claim.objects.visible_to(request.user).filter(state__in=lifecycle.REFILED)
        return refiled.filter(public_id=named, category=category).first()
    return None


def tasks(request: PersonRequest, claim: Claim) -> HttpResponse:
    """The list of sections with their state: what claims.views.following.claim shows of a draft,
    and claims.views.changing.change of the changes to a claim."""
    if claim.is_outdated:
        filing.move_to_newest(claim)
        messages.warning(
            request,
            _(
                "The questions in this category were changed since you began. Your answers are kept; "
                "look at the parts that are not marked as done."
            ),
        )
        claim = own_claim(request, claim.public_id)
    tasks = Steps(claim).tasks()
    context = {
        "claim": claim,
        "home": home(claim),
        "tasks": tasks,
        "next": next((t for t in tasks if t.state != "done"), None),
    }
    return render(request, "claims/tasks.html", context)


@of_draft
def page(request: PersonRequest, claim: Claim, page_id: str) -> HttpResponse:
    """One page of questions."""
    whole = claim.form
    shown = whole.page(page_id)
    if shown is None:
        raise Http404
    if not _is_asked(claim, shown):
        return _asked_no_more(request, claim)
    if shown.questions[0].type is Type.GROUP:
        return _group(request, claim, shown, shown.questions[0])
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = PageForm(shown, whole, claim.draft.answers, data=typed)
    if request.method == "POST":
        valid = form.is_valid()
        filing.save_page(claim, shown, form.saved, complete=valid, seen=request.POST.get("seen"))
        if valid:
            for question in form.asked:
                if remark := checking.remark(question, form.saved.get(question.id) or {"state": "later"}):
                    messages.warning(request, f"{question.ask} {remark}")
            return onward(request, own_claim(request, claim.public_id), shown.id)
        claim.draft.refresh_from_db()
    seen = filing.fingerprint(shown, claim.draft.answers)
    return show(request, claim, "claims/page.html", shown.id, page=shown, form=form, seen=seen)


def _is_asked(claim: Claim, page: Page) -> bool:
    asked = {q.id for q in checking.asked(claim.form, claim.draft.answers)}
    return any(q.id in asked for q in page.questions)


def _asked_no_more(request: PersonRequest, claim: Claim) -> HttpResponse:
    if request.method != "POST":
        raise Http404
    messages.info(request, _("Because of another answer of yours, this page is not asked any more."))
    return redirect(home(claim))


def _group(request: PersonRequest, claim: Claim, shown: Page, question: Question) -> HttpResponse:
    """The list of a repeated group: change, remove, add another, go on."""
    answer = claim.draft.answers.get(question.id)
    form = StateForm(answer, data=request.POST if request.method == "POST" else None)
    if removes := request.POST.get("remove"):
        filing.remove_item(claim, question, item_id=removes)
        return redirect(request.get_full_path())
    if request.method == "POST" and form.is_valid():
        state = form.cleaned_data["state"]
        if isinstance(answer, list):
            saved: dict[str, Any] = {}
        else:
            saved = {question.id: {"state": state} if state else None}
        filing.save_page(claim, shown, saved, complete=True)
        return onward(request, own_claim(request, claim.public_id), shown.id)
    rows = display.row(question, answer).items if isinstance(answer, list) else ()
    _items, ids = filing.entries_of(claim.draft, question)
    items = list(zip(ids, rows, strict=False))
    question_shown = {"state_field": form["state"]}
    return show(
        request,
        claim,
        "claims/group.html",
        shown.id,
        page=shown,
        question=question,
        items=items,
        form=form,
        state=question_shown,
        is_full=len(items) >= question.max_items,
        new_id=uuid.uuid4(),
        query=from_check(request),
    )


@of_draft
def item(request: PersonRequest, claim: Claim, page_id: str) -> HttpResponse:
    """One item of a repeated group, under the random id ?item=: known, new, or removed in the meantime."""
    shown = claim.form.page(page_id)
    if shown is None or shown.questions[0].type is not Type.GROUP:
        raise Http404
    if not _is_asked(claim, shown):
        return _asked_no_more(request, claim)
    question = shown.questions[0]
    item_id = request.GET.get("item", "")
    if not ITEM_ID.fullmatch(item_id):
        return redirect("claims:page", claim.public_id, page_id)
    known = dict(zip(*reversed(filing.entries_of(claim.draft, question)), strict=True))
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = ItemForm(question, known.get(item_id, {}), data=typed)
    if request.method == "POST" and form.is_valid():
        try:
            filing.save_item(claim, question, form.item, item_id=item_id)
        except filing.TooMany as refusal:
            messages.error(request, str(refusal))
        return redirect(reverse("claims:page", args=[claim.public_id, page_id]) + from_check(request))
    back = reverse("claims:page", args=[claim.public_id, page_id]) + from_check(request)
    context = {"claim": claim, "back": back, "page": shown, "question": question, "form": form}
    return render(request, "claims/item.html", context)


class EligibilityForm(forms.Form):
    """The tests of eligibility, asked softly: a "no" explains and stops nobody."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("yes", _("Yes")), ("no", _("No")), ("unsure", _("I am not sure"))]
        for test in mandates.current().eligibility:
            self.fields[test.id] = forms.ChoiceField(
                choices=choices,
                required=False,
                label=str(test.ask),
                help_text=str(test.hint or ""),
                widget=forms.RadioSelect,
            )


@of_draft
def eligibility(request: PersonRequest, claim: Claim) -> HttpResponse:
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = EligibilityForm(typed, initial=claim.draft.eligibility)
    if request.method == "POST" and form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if value}
        filing.save_eligibility(claim, given)
        explained = [t.on_no for t in mandates.current().eligibility if given.get(t.id) == "no"]
        if explained and given != claim.draft.eligibility:
            claim.draft.refresh_from_db()
            next_step = onward(request, claim, "eligibility").url
            return show(
                request,
                claim,
                "claims/eligibility_explained.html",
                "eligibility",
                explained=explained,
                next_step=next_step,
            )
        return onward(request, own_claim(request, claim.public_id), "eligibility")
    return show(request, claim, "claims/eligibility.html", "eligibility", form=form)


class ConsentsForm(forms.Form):
    """One choice for each purpose, all off by default (rules.md 11)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for consent in mandates.current().consents:
            self.fields[consent.id] = forms.BooleanField(
                required=False, label=str(consent.ask), help_text=str(consent.why)
            )


@of_draft
def consents(request: PersonRequest, claim: Claim) -> HttpResponse:
    notice = mandates.current().privacy_notice
    typed = request.POST if request.method == "POST" else typed_before(request)
    form = ConsentsForm(typed, initial=claim.draft.consents.get("choices"))
    if request.method == "POST" and form.is_valid():
        filing.save_consents(claim, form.cleaned_data, notice=notice.version)
        return onward(request, own_claim(request, claim.public_id), "consents")
    return show(request, claim, "claims/consents.html", "consents", form=form, notice=notice)


@of_draft
def discard(request: PersonRequest, claim: Claim) -> HttpResponse:
    """Delete a draft, after asking; of a submitted claim, only the changes that were not sent."""
    if request.method == "POST":
        filing.discard(claim, by=request.user)
        if claim.is_draft:
            messages.success(request, _("The draft was deleted."))
            return redirect("claims:list")
        messages.success(request, _("Your changes were deleted. Your claim stands as you sent it."))
        return redirect("claims:claim", claim.public_id)
    files = claim.attachments.unsent().filter(request=None).count()
    return render(request, "claims/discard.html", {"claim": claim, "home": home(claim), "files": files})
