"""What every page of the desk shares: who may open it, and how it is shown in the staff area."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse

from claims.views.held import PersonRequest, signed_in

View = Callable[..., HttpResponseBase]
REFUSED = 409


def page(*permissions: str) -> Callable[[View], View]:
    """For staff with one of these permissions; 403 to other staff. What is typed when a session has
    ended waits until the person has signed in again."""

    def decorate(view: View) -> View:
        @wraps(view)
        def entitled(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not any(map(request.user.has_perm, permissions)):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return signed_in(admin.site.admin_view(entitled))

    return decorate


def show(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    context = admin.site.each_context(request) | {"title": title, **context}
    return TemplateResponse(request, f"admin/review/{template}.html", context, status=status)
