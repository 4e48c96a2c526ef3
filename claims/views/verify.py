"""The page that checks receipts: public, and the same for everybody."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_safe

from claims import verify_page
from claims.verify_page.words import words
from ledger import checkpoints


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """In `?language=` if the site has it: a saved copy stays in the language that it was saved in."""
    wanted = request.GET.get("language", "")
    language = wanted if wanted in dict(settings.LANGUAGES) else translation.get_language()
    with translation.override(language):
        address = f"{settings.SITE_URL}{reverse('claims:verify')}"
        keys = checkpoints.vkeys()
        context = {
            "address": address,
            "home": f"{settings.SITE_URL}{reverse('claims:home')}",
            "origin": settings.LEDGER_ORIGIN,
            "vkeys": keys,
            "made_on": timezone.localdate(),
            "policy": verify_page.policy(),
            "words": words(),
            "register": {"vkeys": keys, "address": address},
            **verify_page.elements(),
        }
        response = HttpResponse(render_to_string("claims/verify.html", context, request))
    # A page on the disk is held to the policy in the file; only a header can forbid frames.
    response.headers["Content-Security-Policy"] = f"{verify_page.policy()}; frame-ancestors 'none'"
    response.headers["Content-Language"] = language or settings.LANGUAGE_CODE
    return response
