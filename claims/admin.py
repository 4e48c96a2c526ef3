from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_site import ModelAdmin, StaffPage, offer
from accounts.models import User
from claims import catalogue
from claims.models import Category
from claims.models.category import CategoryState


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    """Looking at categories; opening, pausing and closing them are acts."""

    list_display = ["code", "title", "state", "sensitive", "newest"]
    list_display_links = ["code"]
    list_select_related = ["newest"]
    ordering = ["code"]
    show_full_result_count = False
    fields = ["code", "group", "title_uk", "title_en", "state", "sensitive", "newest"]
    actions = ["open", "pause", "close"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("claims.change_category")

    @admin.action(description=_("Open for claims"), permissions=["act"])
    def open(self, request: HttpRequest, queryset: QuerySet[Category]) -> None:
        self._change(request, queryset, CategoryState.OPEN)

    @admin.action(description=_("Pause"), permissions=["act"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Category]) -> None:
        self._change(request, queryset, CategoryState.SUSPENDED)

    @admin.action(description=_("Close"), permissions=["act"])
    def close(self, request: HttpRequest, queryset: QuerySet[Category]) -> None:
        self._change(request, queryset, CategoryState.CLOSED)

    def _change(self, request: HttpRequest, queryset: QuerySet[Category], to: CategoryState) -> None:
        for category in queryset:
            try:
                catalogue.change_state(category, to, by=cast(User, request.user))
            except catalogue.ChangeRefused as refusal:
                self.message_user(request, f"{category.code}: {refusal}", messages.WARNING)


offer(
    StaffPage(
        title=_("Categories"),
        sentence=_("What can be claimed, in which wording, and whether it is open."),
        url_name="admin:claims_category_changelist",
        permissions=("claims.view_category",),
    )
)
