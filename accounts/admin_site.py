"""The staff area: Django's admin, open to staff who proved more than a password, and without its own log."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from allauth.account import views as account
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from accounts import second_factor

READ_AT_MOST = 10_000  # rows; beyond it one searches


class BoundedPaginator(Paginator):
    """Never counts a table of millions: pages end where nobody would turn to any more."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[:READ_AT_MOST].count()


class ModelAdmin(admin.ModelAdmin):
    """The base of all our pages here. What happened is told by the ledger alone: Django's log stays empty."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    view_on_site = False

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        pass

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        pass

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        pass

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted here: where something may go, an act takes it away."""
        return False


@dataclass(frozen=True)
class StaffPage:
    """One kind of work, as the index offers it to whoever has one of the permissions; `in_header`: on every
    page too."""

    title: Promise
    sentence: Promise
    url_name: str
    permissions: tuple[str, ...]
    in_header: bool = False


_offered: list[StaffPage] = []


def offer(page: StaffPage) -> None:
    """Called once for each page, from the `admin` module of the app that it belongs to."""
    _offered.append(page)


class PublicIdAdmin(ModelAdmin):
    """For rows that are known by their public id and changed by acts alone."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """By the public id: keys are never shown."""
        try:
            return self.get_queryset(request).filter(public_id=object_id).first()
        except ValidationError:
            return None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RegistryAdminSite(admin.AdminSite):
    site_title = site_header = index_title = _("Staff area")
    enable_nav_sidebar = False

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[admin.ModelAdmin] | None = None,
        **options: Any,
    ) -> None:
        """Only pages of ours. What libraries register (groups, addresses, second factors) is not shown."""
        if admin_class and admin_class.__module__.startswith(("django.", "allauth.", "oauth2_provider.")):
            return
        if not (admin_class and issubclass(admin_class, ModelAdmin)):
            raise ImproperlyConfigured(f"{admin_class} must derive from accounts.admin_site.ModelAdmin.")
        super().register(model_or_iterable, admin_class, **options)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        may = [page for page in _offered if any(map(request.user.has_perm, page.permissions))]
        return super().each_context(request) | {"staff_pages": may}

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff whose sign-in in this session included a second factor; the demo asks for none."""
        return request.user.is_active and request.user.is_staff and self._proved(request)

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Where one is sent who may not enter yet: to what is missing, and from there back."""
        index = reverse("admin:index")
        wanted = request.GET.get(REDIRECT_FIELD_NAME) or index
        if not request.user.is_authenticated:
            return redirect_to_login(wanted)
        if not request.user.is_staff:
            raise PermissionDenied
        if self._proved(request):
            return redirect(index)
        if second_factor.is_set_up(request):
            return redirect_to_login(wanted, reverse("mfa_reauthenticate"))
        return redirect("account_second_factor_needed")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return account.logout(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")

    @staticmethod
    def _proved(request: HttpRequest) -> bool:
        return settings.DEMO or second_factor.was_used(request)
