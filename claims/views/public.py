"""Pages for everybody: what the register is, its categories, its notices."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from claims import mandates, numbers
from claims.mandates import ClaimantKind
from claims.models import Category, Place
from claims.models.category import definition
from claims.models.place import folded

SUGGESTIONS = 8
WHO = {
    ClaimantKind.INDIVIDUAL: gettext_lazy("People"),
    ClaimantKind.LEGAL_ENTITY: gettext_lazy("Companies and organisations"),
    ClaimantKind.STATE_BODY: gettext_lazy("State and local bodies"),
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "claims/home.html")


@require_safe
def categories(request: HttpRequest) -> HttpResponse:
    """What can be claimed by one kind of claimant (`?for=`, people if nothing is said), group by group."""
    public = [(c, definition(c.newest_id)) for c in Category.objects.public() if c.newest_id]
    kinds = [kind for kind in ClaimantKind if any(kind in details.claimants for _c, details in public)]
    wanted = next((kind for kind in kinds if kind == request.GET.get("for")), kinds[0] if kinds else None)
    shown = [
        (group, [(c, d) for c, d in public if c.group == group.code and wanted in d.claimants])
        for group in mandates.current().groups
    ]
    context = {
        "kinds": [(kind, WHO[kind]) for kind in kinds],
        "kind": wanted,
        "groups": [(group, found) for group, found in shown if found],
    }
    return render(request, "claims/categories.html", context)


@require_safe
def category(request: HttpRequest, code: str) -> HttpResponse:
    wanted = numbers.category_code(code)
    shown = Category.objects.public().filter(code=wanted, newest__isnull=False).first()
    if shown is None:
        raise Http404(_("There is no such category."))
    if wanted != code:
        return redirect("claims:category", wanted)
    details = definition(shown.newest_id)
    known = {c.code: c for c in Category.objects.public()}
    context = {
        "category": shown,
        "definition": details,
        "confused_with": [(c, known.get(c.code)) for c in details.confused_with],
    }
    return render(request, "claims/category.html", context)


@require_safe
@cache_control(private=True, max_age=3600)
@vary_on_headers("Accept-Language", "Cookie")  # names come in the reader's language
def places(request: HttpRequest) -> JsonResponse:
    """Suggestions while a place is being typed; without a script the form itself asks back."""
    words = request.GET.get("q", "")[:120]
    enough = len(folded(words.partition(",")[0])) >= 2
    found = Place.objects.named(words)[:SUGGESTIONS] if enough else []
    return JsonResponse([{"code": p.code, "label": p.label} for p in found], safe=False)


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "claims/privacy.html", {"notice": mandates.current().privacy_notice})


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "claims/help.html")


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "claims/accessibility.html")
