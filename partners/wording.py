"""The terms of an agreement in words, so that whoever signs for them reads what they allow."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from claims import mandates
from claims.models import Category, State
from claims.models.claim import AWAITING_DECISION
from claims.wording import SECTIONS
from partners.agreements import OPEN_STATES, Terms

STATES: Mapping[str, Any] = {
    state: (State.ELIGIBLE if state == AWAITING_DECISION else State(state)).label for state in OPEN_STATES
}


def sentences(terms: Terms) -> list[str]:
    """One sentence for each thing that the terms decide. What is not shared is said too."""
    return [
        _categories(terms),
        _sensitive(terms),
        _regions(terms),
        _("It sees a claim while its state is: %(states)s.")
        % {"states": _joined(STATES[state] for state in terms.states)},
        _sections(terms),
        _("It may fetch files of evidence.") if terms.evidence else _("It may not fetch files of evidence."),
    ]


def _categories(terms: Terms) -> str:
    if terms.categories is None:
        return _("The partner sees claims in every category that is not sensitive.")
    if not terms.categories:
        return _("The partner sees no category but the sensitive ones that are named.")
    return _("The partner sees claims in these categories: %(categories)s.") % {
        "categories": _joined(_titles(terms.categories))
    }


def _sensitive(terms: Terms) -> str:
    if not terms.sensitive_categories:
        return _("It sees no claims in sensitive categories.")
    return _("It sees claims in these sensitive categories: %(categories)s.") % {
        "categories": _joined(_titles(terms.sensitive_categories))
    }


def _regions(terms: Terms) -> str:
    if terms.regions is None:
        return _("It sees claims from everywhere, and those that name no region.")
    names = {region.code: region.name for region in mandates.current().regions}
    return _("It sees claims about these regions: %(regions)s.") % {
        "regions": _joined(names.get(code, code) for code in terms.regions)
    }


def _sections(terms: Terms) -> str:
    if not terms.sections:
        return _("Of each claim it sees number, category, region and state, and nothing that was answered.")
    return _("Of each claim it sees: %(sections)s.") % {
        "sections": _joined(SECTIONS[section] for section in terms.sections)
    }


def _titles(codes: Iterable[str]) -> list[str]:
    known = {category.code: str(category) for category in Category.objects.filter(code__in=codes)}
    return [known.get(code, code) for code in codes]


def _joined(parts: Iterable[Any]) -> str:
    return "; ".join(map(str, parts))
