"""Staff's view of people: found by exact address, their roles changed by the acts of accounts.membership."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from accounts import membership
from accounts.admin_site import PublicIdAdmin, StaffPage, offer
from accounts.models import User, UserQuerySet
from accounts.roles import STAFF, Role


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        label=_("Role"), choices=[(value, name) for value, name in Role.choices if value in STAFF]
    )


class PeopleList(ChangeList):
    def url_for_result(self, result: Any) -> str:
        return reverse("admin:accounts_user_change", args=[result.public_id])


@admin.register(User)
class UserAdmin(PublicIdAdmin):
    list_display = ["email", "staff_roles", "is_active", "joined_at"]
    list_display_links = ["email"]
    fields = [
        "email",
        "public_id",
        "staff_roles",
        "language",
        "is_active",
        "is_superuser",
        "joined_at",
        "last_login",
    ]
    sortable_by = []
    search_fields = ["email"]
    search_help_text = _("The whole e-mail address")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PeopleList

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[UserQuerySet, bool]:
        """Nobody before an exact address is given: this is no list to page through."""
        return queryset.with_email(search_term), False

    @admin.display(description=_("roles"))
    def staff_roles(self, user: User) -> str:
        return ", ".join(str(role.label) for role in Role if role in user.roles & STAFF)

    def get_urls(self) -> list[Any]:
        roles = self.admin_site.admin_view(self.roles_view)
        return [path("<uuid:public_id>/roles/", roles, name="accounts_user_roles"), *super().get_urls()]

    def roles_view(self, request: Any, public_id: str) -> HttpResponse:
        """A person's roles, each with a button that takes it back, and a form to grant one more."""
        if not membership.may_change_roles(request.user):
            raise PermissionDenied
        user = self.get_object(request, public_id)
        if user is None:
            raise Http404
        form = RoleForm(request.POST or None)
        if form.is_valid():
            self._change(request, user, Role(form.cleaned_data["role"]))
            return redirect("admin:accounts_user_roles", public_id)
        context = self.admin_site.each_context(request) | {
            "title": _("Roles of %(email)s") % {"email": user.email},
            "person": user,
            "held": user.memberships.select_related("granted_by").order_by("granted_at"),
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/user/roles.html", context)

    def _change(self, request: Any, user: User, role: Role) -> None:
        act = membership.revoke if "revoke" in request.POST else membership.grant
        try:
            act(user, role, by=request.user)
        except membership.Refused as refusal:
            self.message_user(request, str(refusal), messages.WARNING)


offer(
    StaffPage(
        title=_("People"),
        sentence=_("Find somebody by their e-mail address, and see which roles they hold."),
        url_name="admin:accounts_user_changelist",
        permissions=("accounts.view_user",),
    )
)
