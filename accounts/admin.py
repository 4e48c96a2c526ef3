"""Staff's view of people: found by exact address, their roles changed by the acts of accounts.membership. And
the ledger, to read."""

import re
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from accounts import membership
from accounts.admin_site import ModelAdmin, PublicIdAdmin, StaffPage, offer
from accounts.models import User, UserQuerySet
from accounts.roles import STAFF, Role
from ledger.models import Entry


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


class EntryList(ChangeList):
    def url_for_result(self, result: Any) -> str:
        return reverse("admin:ledger_entry_change", args=[result.leaf.index])


@admin.register(Entry)
class EntryAdmin(ModelAdmin):
    """The ledger, for those who check it: everything that is sealed, the newest first. Nothing is changed."""

    list_display = ["index", "at", "kind", "is_open", "claim"]
    list_display_links = ["index", "kind"]
    list_select_related = ["leaf"]
    fields = ["index", "at", "kind", "is_open", "claim", "body", "salt_in_hex", "leaf_hash"]
    sortable_by = []
    search_fields = ["index"]
    search_help_text = _("An index, or the internal id of a claim")

    def get_queryset(self, request: HttpRequest) -> Any:
        return Entry.objects.filter(leaf__isnull=False).select_related("leaf").order_by("-leaf__index")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EntryList

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-leaf__index"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if re.fullmatch("[0-9]{1,18}", term):
            return queryset.filter(leaf__index=int(term)), False
        try:
            return queryset.filter(claim=UUID(term)), False
        except ValueError:
            return queryset.none(), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Entry | None:
        """By the index: keys are never shown."""
        found = re.fullmatch("[0-9]{1,18}", object_id)
        return self.get_queryset(request).filter(leaf__index=int(object_id)).first() if found else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=_("index"))
    def index(self, entry: Entry) -> int:
        return entry.leaf.index

    @admin.display(description=_("salt"))
    def salt_in_hex(self, entry: Entry) -> str:
        return bytes(entry.salt).hex()

    @admin.display(description=_("leaf hash"))
    def leaf_hash(self, entry: Entry) -> str:
        return bytes(entry.leaf.hash).hex()


offer(
    StaffPage(
        title=_("Ledger"),
        sentence=_("Read what was written down, entry by entry, to check it."),
        url_name="admin:ledger_entry_changelist",
        permissions=("ledger.view_entry",),
    )
)
offer(
    StaffPage(
        title=_("People"),
        sentence=_("Find somebody by their e-mail address, and see which roles they hold."),
        url_name="admin:accounts_user_changelist",
        permissions=("accounts.view_user",),
    )
)
