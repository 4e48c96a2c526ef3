"""Pages around signing in that allauth does not have, or has in a way that does not fit here."""

from io import BytesIO
from typing import Any

import qrcode
from allauth.account import views as account
from allauth.mfa.adapter import get_adapter as second_factor_adapter
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.i18n import set_language as django_set_language
from qrcode.image.svg import SvgPathFillImage

from accounts import second_factor


@login_required
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    context = {"has_second_factor": second_factor.is_set_up(request)}
    return render(request, "accounts/overview.html", context)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Django's view; and from now on our e-mails come in this language too."""
    language = request.POST.get("language", "")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        request.user.language = language
        request.user.save(update_fields=["language"])
    return django_set_language(request)


class ConfirmEmailView(account.ConfirmEmailView):
    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """A button pressed twice explains itself; allauth would answer 404."""
        try:
            return super().post(*args, **kwargs)
        except Http404:
            return self.get(*args, **kwargs)

    def get_redirect_url(self) -> str:
        """On another device than the one that signed up: sign in, then go on where the person came from."""
        if self.request.user.is_authenticated:
            return super().get_redirect_url()
        return self.passthrough_next_url(reverse("account_login"))


@login_required
@require_GET
def second_factor_needed(request: HttpRequest) -> HttpResponse:
    """Tells a member of staff why the staff area did not open, and what to do."""
    return render(request, "accounts/second_factor_needed.html")


@login_required
@require_GET
@never_cache
def qr_code(request: HttpRequest) -> HttpResponse:
    """The secret that is being set up in this session, as a picture for the app's camera."""
    secret = request.session.get(SECRET_SESSION_KEY)
    if not secret:
        raise Http404
    url = second_factor_adapter().build_totp_url(request.user, secret)
    svg = BytesIO()
    qrcode.make(url, image_factory=SvgPathFillImage, border=2).save(svg)
    return HttpResponse(svg.getvalue(), content_type="image/svg+xml")
