"""Naming people for sensitive categories, and taking that back (rules.md 13)."""

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from claims import numbers
from claims.models import Category
from claims.views.held import PersonRequest
from review import access
from review import clearances as acts
from review.forms import ClearanceForm
from review.models import Clearance
from review.views.batches import as_uuid
from review.views.pages import REFUSED, page, show


@page(access.CLEAR)
@require_http_methods(["GET", "HEAD", "POST"])
def clearances(request: PersonRequest) -> HttpResponseBase:
    """Who is named for which category, and a form to name somebody."""
    form = ClearanceForm(request.POST if request.method == "POST" else None)
    refusal = ""
    if form.is_valid():
        person = User.objects.with_email(form.cleaned_data["email"]).first()
        if person is None:
            form.add_error("email", _("Nobody has an account with this address. Check each letter."))
        else:
            try:
                acts.give(person, form.cleaned_data["category"], by=request.user)
            except access.Refused as problem:
                refusal = str(problem)
            else:
                messages.success(request, _("%(person)s is named.") % {"person": person.email})
                return redirect("review:clearances")
    given = Clearance.objects.select_related("person", "category", "given_by")
    return show(
        request,
        "clearances",
        _("People for sensitive categories"),
        status=REFUSED if refusal else 200,
        form=form,
        refusal=refusal,
        clearances=given.order_by("category__code", "person__email"),
        has_sensitive=Category.objects.filter(sensitive=True).exists(),
    )


@page(access.CLEAR)
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: PersonRequest) -> HttpResponseBase:
    if request.method != "POST":
        return redirect("review:clearances")
    clearance = get_object_or_404(
        Clearance.objects.select_related("person", "category"),
        person__public_id=as_uuid(request.POST.get("person", "")),
        category__code=numbers.category_code(request.POST.get("category", "")),
    )
    try:
        acts.withdraw(clearance, by=request.user)
    except access.Refused as refusal:
        messages.warning(request, str(refusal))
    else:
        said = _("%(person)s no longer sees claims of this category.")
        messages.success(request, said % {"person": clearance.person.email})
    return redirect("review:clearances")
