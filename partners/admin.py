"""Staff's view of partner systems. Everything is changed by the acts of partners.agreements."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from accounts.admin_site import PublicIdAdmin, StaffPage, offer
from claims import mandates
from claims.mandates import SECTIONS
from claims.models import Category
from partners import agreements, scopes, wording
from partners.agreements import OPEN_STATES, Terms
from partners.models import AgreementVersion, Application, Partner


class TermsForm(forms.Form):
    """The terms of an agreement. Nothing is chosen that was not ticked: all of something is a tick too."""

    all_categories = forms.BooleanField(
        label=_("All categories that are not sensitive, later ones too"), required=False
    )
    categories = forms.MultipleChoiceField(
        label=_("Or only these categories"), required=False, widget=forms.CheckboxSelectMultiple
    )
    sensitive_categories = forms.MultipleChoiceField(
        label=_("Sensitive categories that are included"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    all_regions = forms.BooleanField(label=_("All regions, and claims that name none"), required=False)
    regions = forms.MultipleChoiceField(
        label=_("Or only these regions"), required=False, widget=forms.CheckboxSelectMultiple
    )
    states = forms.MultipleChoiceField(
        label=_("States in which a claim is shown"), required=False, widget=forms.CheckboxSelectMultiple
    )
    sections = forms.MultipleChoiceField(
        label=_("Sections of a claim that are shown"), required=False, widget=forms.CheckboxSelectMultiple
    )
    evidence = forms.BooleanField(label=_("Files of evidence may be fetched"), required=False)

    def __init__(self, data: Any, *, terms: Terms) -> None:
        initial = {
            "all_categories": terms.categories is None,
            "categories": terms.categories or (),
            "sensitive_categories": terms.sensitive_categories,
            "all_regions": terms.regions is None,
            "regions": terms.regions or (),
            "states": terms.states,
            "sections": terms.sections,
            "evidence": terms.evidence,
        }
        super().__init__(data, initial=initial)
        categories = list(Category.objects.order_by("code"))
        self._offer("categories", [(c.code, str(c)) for c in categories if not c.sensitive])
        if sensitive := [(c.code, str(c)) for c in categories if c.sensitive]:
            self._offer("sensitive_categories", sensitive)
        else:
            del self.fields["sensitive_categories"]
        self._offer("regions", [(r.code, str(r.name)) for r in mandates.current().regions])
        self._offer("states", [(state, wording.STATES[state]) for state in OPEN_STATES])
        self._offer("sections", [(section, wording.SECTIONS[section]) for section in SECTIONS])

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = cast(forms.MultipleChoiceField, self.fields[name])
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        for everything, some, sentence in (
            ("all_categories", "categories", _("Tick all categories, or single ones, not both.")),
            ("all_regions", "regions", _("Tick all regions, or single ones, not both.")),
        ):
            if said.get(everything) and said.get(some):
                self.add_error(some, sentence)
        if not self.errors:
            said["terms"] = Terms(
                categories=None if said["all_categories"] else said["categories"],
                regions=None if said["all_regions"] else said["regions"],
                states=said["states"],
                sections=said["sections"],
                evidence=said["evidence"],
                sensitive_categories=said.get("sensitive_categories", ()),
            )
            try:
                agreements.check(said["terms"])
            except agreements.TermsRefused as refusal:
                raise ValidationError(str(refusal)) from None
        return said


class CredentialsForm(forms.Form):
    scopes = forms.MultipleChoiceField(
        label=_("What the program may do"),
        choices=list(scopes.SENTENCES.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one.")},
    )


class PartnersList(ChangeList):
    def url_for_result(self, result: Any) -> str:
        return reverse("admin:partners_partner_change", args=[result.public_id])


@admin.register(Partner)
class PartnerAdmin(PublicIdAdmin):
    list_display = ["name", "is_active", "created_at"]
    list_display_links = ["name"]
    sortable_by = []
    ordering = ["name"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PartnersList

    def get_urls(self) -> list[Any]:
        def act(name: str, view: Callable[..., HttpResponse]) -> Any:
            return path(
                f"<uuid:public_id>/{name}/", self.admin_site.admin_view(view), name=f"partners_partner_{name}"
            )

        return [
            act("terms", self.terms_view),
            act("activity", self.activity_view),
            act("credentials", self.credentials_view),
            act("revoke", self.revoke_view),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A partner: its terms in words, the versions before, its credentials."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        partner = self.get_object(request, object_id)
        if partner is None:
            raise Http404
        versions = list(AgreementVersion.objects.filter(partner=partner).order_by("-number"))
        return self._show(
            request,
            partner,
            "partner",
            partner.name,
            sentences=wording.sentences(Terms.of_text(versions[0].terms)),
            versions=versions,
            applications=partner.applications.order_by("-created"),
        )

    def terms_view(self, request: Any, public_id: str) -> HttpResponse:
        """A form with the terms in force. Sent, it shows what the new ones say in words; sent again just as
        they were read, they come into force, unless others have come into force in between."""
        partner = self._managed(request, public_id)
        before = agreements.current(partner)
        form = TermsForm(request.POST or None, terms=before)
        seen = request.POST.get("seen", "")
        chosen = form.cleaned_data["terms"] if form.is_valid() else None
        if chosen and request.POST.get("read") == chosen.digest:
            try:
                return self._do(
                    request, partner, lambda: agreements.change(partner, chosen, by=request.user, seen=seen)
                )
            except agreements.TermsChanged:
                before = agreements.current(partner)
        is_stale = request.method == "POST" and seen != before.digest
        after = None if is_stale else chosen  # what is in force now is to be read first
        response = self._show(
            request,
            partner,
            "terms",
            _("Change the terms"),
            form=form,
            before=before,
            after=after,
            conflict=is_stale and str(agreements.TermsChanged()),
            in_force=is_stale and wording.sentences(before),
            sentences=after and wording.sentences(after),
            widens=after and not before.includes(after),
            narrows=after and not after.includes(before),
        )
        response.status_code = 409 if is_stale else 200
        return response

    def activity_view(self, request: Any, public_id: str) -> HttpResponse:
        """Suspend, or resume."""
        partner = self._managed(request, public_id)
        act = agreements.suspend if partner.is_active else agreements.resume
        if request.method == "POST":
            wanted = agreements.suspend if "suspend" in request.POST else agreements.resume
            return self._do(request, partner, lambda: wanted(partner, by=request.user))
        title = _("Suspend this partner") if act is agreements.suspend else _("Let this partner in again")
        return self._show(request, partner, "activity", title)

    def credentials_view(self, request: Any, public_id: str) -> HttpResponse:
        """Credentials for a further program. The page that answers shows the secret, once."""
        partner = self._managed(request, public_id)
        form = CredentialsForm(request.POST or None)
        issued = None
        if form.is_valid():
            issued = agreements.add_application(partner, scopes=form.cleaned_data["scopes"], by=request.user)
        response = self._show(
            request, partner, "credentials", _("Issue credentials"), form=form, issued=issued
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def revoke_view(self, request: Any, public_id: str) -> HttpResponse:
        """Make credentials void. Asks once more."""
        partner = self._managed(request, public_id)
        client_id = (request.POST or request.GET).get("client", "").replace("\0", "")
        application = Application.objects.filter(partner=partner, client_id=client_id).first()
        if application is None:
            raise Http404
        if request.method == "POST":
            return self._do(
                request, partner, lambda: agreements.revoke_application(application, by=request.user)
            )
        return self._show(request, partner, "revoke", _("Make credentials void"), application=application)

    def _managed(self, request: Any, public_id: str) -> Partner:
        if not agreements.may_manage(request.user):
            raise PermissionDenied
        partner = self.get_object(request, public_id)
        if partner is None:
            raise Http404
        return partner

    def _do(self, request: Any, partner: Partner, act: Callable[[], object]) -> HttpResponse:
        """The act, and back to the partner's page, with the refusal if it was refused."""
        try:
            act()
        except agreements.TermsChanged:
            raise
        except agreements.Refused as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
        return redirect("admin:partners_partner_change", partner.public_id)

    def _show(
        self, request: HttpRequest, partner: Partner, template: str, title: Any, **context: Any
    ) -> TemplateResponse:
        return TemplateResponse(
            request,
            f"admin/partners/partner/{template}.html",
            self.admin_site.each_context(request)
            | {"title": title, "partner": partner, "opts": self.opts, **context},
        )


offer(
    StaffPage(
        title=_("Partners"),
        sentence=_("See what each agreement covers; change terms, issue credentials, suspend a partner."),
        url_name="admin:partners_partner_changelist",
        permissions=("partners.view_partner",),
    )
)
