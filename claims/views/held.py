"""A session that ended while somebody was typing must not cost them what they typed."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.models import User

HELD = "held_answers"
MAX_BYTES = 300_000

View = Callable[..., HttpResponseBase]


class PersonRequest(HttpRequest):
    """For the type checker: a request behind `signed_in` comes from somebody whom we know."""

    user: User


def signed_in(view: View) -> View:
    """Ask to sign in. What a signed-out person posts is kept in their session and shown again afterwards,
    for them to look at and send. Pages behind it are never kept by a browser or proxy."""

    @never_cache
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        # A multipart body may have two gigabytes: for somebody whom we do not know it is not even read.
        if request.method == "POST" and request.content_type == "application/x-www-form-urlencoded":
            posted = request.POST.copy()
            posted.pop("csrfmiddlewaretoken", None)
            typed = posted.urlencode()
            if typed and len(typed) <= MAX_BYTES:
                request.session[HELD] = {"path": request.get_full_path(), "typed": typed}
        return redirect_to_login(request.get_full_path())

    return inner


def typed_before(request: HttpRequest) -> QueryDict | None:
    """What was typed on this page before the session ended, once."""
    held = request.session.get(HELD)
    if not held or held["path"] != request.get_full_path():
        return None
    del request.session[HELD]
    messages.warning(
        request,
        _("You were signed out in between. What you typed is here: look it over and press the button again."),
    )
    return QueryDict(held["typed"])
