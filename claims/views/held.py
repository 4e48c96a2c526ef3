"""A session that ended while somebody was typing must not cost them what they typed."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from accounts.models import User
from claims.sessions import HELD, HELD_SECONDS
from keys import ring

MAX_BYTES = 300_000
HELD_AT_MOST = 30
CONTEXT = b"held answers"

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
        if request.method == "POST" and _is_short(request):
            return _hold(request)
        return redirect_to_login(request.get_full_path())

    return inner


def _is_short(request: HttpRequest) -> bool:
    """A form with files may have two gigabytes: from somebody whom we do not know that is not even read."""
    length = request.headers.get("Content-Length", "")
    return length.isdigit() and int(length) <= MAX_BYTES


@csrf_protect  # where the view leaves this check for later, as those do that take files
def _hold(request: HttpRequest) -> HttpResponseBase:
    """Keep what was posted, encrypted and for an hour; at most so often from one address, because it must not
    be a way to fill the database. Then ask to sign in."""
    _keep_posted(request)
    return redirect_to_login(request.get_full_path())


def _keep_posted(request: HttpRequest) -> None:
    posted = request.POST.copy()
    posted.pop("csrfmiddlewaretoken", None)
    typed = posted.urlencode()
    if not typed or len(typed) > MAX_BYTES:
        return
    counter = f"held:{get_adapter().get_client_ip(request)}"
    cache.add(counter, 0, timeout=HELD_SECONDS)
    if cache.incr(counter) > HELD_AT_MOST:
        return
    token = ring.encrypt_text(typed, context=CONTEXT)
    request.session[HELD] = {"path": request.get_full_path(), "typed": token}
    request.session.set_expiry(HELD_SECONDS)


def typed_before(request: HttpRequest) -> QueryDict | None:
    """What was typed on this page before the session ended, once."""
    held = request.session.get(HELD)
    if not held or held["path"] != request.get_full_path():
        return None
    del request.session[HELD]
    request.session.set_expiry(None)
    messages.warning(
        request,
        _("You were signed out in between. What you typed is here: look it over and press the button again."),
    )
    return QueryDict(ring.decrypt_text(held["typed"], context=CONTEXT))
