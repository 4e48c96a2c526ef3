"""Categories as the API shows them: what is asked, in both languages, and the JSON Schema of the answers."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from claims.answers import schema
from claims.mandates import Category as Definition
from claims.mandates import ClaimantKind, Condition, Page, Question, Text
from claims.models import Category
from claims.models.category import definition


def line(category: Category) -> dict[str, Any]:
    """One line of the list. The caller has fetched `newest` too."""
    asked = _newest(category)
    return {
        "code": category.code,
        "version": asked.version,
        "status": category.state,
        "group": category.group,
        "title": _text(asked.title),
        "claimants": [kind.value for kind in asked.claimants],
        "sensitive": category.sensitive,
        "url": reverse("partners:category", args=[category.code]),
    }


def whole(category: Category) -> dict[str, Any]:
    asked = _newest(category)
    schemas = {kind.value: schema.of_form(asked.form(kind)) for kind in asked.claimants}
    return {
        **line(category),
        "summary": _text(asked.summary),
        "pages": [_page(page, claimants) for page, claimants in _pages(asked)],
        "evidence_types": [
            {"id": kind.id, "name": _text(kind.name), **({"hint": _text(kind.hint)} if kind.hint else {})}
            for kind in asked.evidence_types
        ],
        "schemas": schemas,
        "answers_schema": schemas[asked.claimants[0].value],
    }


def _newest(category: Category) -> Definition:
    if category.newest_id is None:
        raise LookupError(f"category {category.code} was never loaded")
    return definition(category.newest_id)


def _pages(asked: Definition) -> Iterable[tuple[Page, list[ClaimantKind]]]:
    """Every page once, in the order asked: those of each kind of claimant around the category's own."""
    own = {page.id for page in asked.pages}
    before, after = [], []
    for kind in asked.claimants:
        pages = asked.form(kind).pages
        first = next((n for n, page in enumerate(pages) if page.id in own), len(pages))
        before += [(page, [kind]) for page in pages[:first]]
        after += [(page, [kind]) for page in pages[first:] if page.id not in own]
    yield from before
    yield from ((page, list(asked.claimants)) for page in asked.pages)
    yield from after


def _page(page: Page, claimants: list[ClaimantKind]) -> dict[str, Any]:
    return {
        "id": page.id,
        "claimants": [kind.value for kind in claimants],
        "title": _text(page.title),
        **({"intro": _text(page.intro)} if page.intro else {}),
        "questions": [_question(question) for question in page.questions],
    }


def _question(question: Question) -> dict[str, Any]:
    """What is said of a question; what it does not have is left out."""
    told = {
        "id": question.id,
        "type": question.type.value,
        "ask": _text(question.ask),
        "hint": question.hint and _text(question.hint),
        "section": question.section,
        "required": question.required,
        "ask_if": question.ask_if and _condition(question.ask_if),
        "options": [{"id": option.id, "label": _text(option.label)} for option in question.options],
        "unit": question.unit and _text(question.unit),
        "max_length": question.max_length,
        "minimum": question.minimum,
        "maximum": question.maximum,
        "parts": list(question.parts),
        "fields": [_question(field) for field in question.fields],
        "max_items": question.max_items,
    }
    return {
        name: value
        for name, value in told.items()
        if value not in (None, [], "") and not (name.startswith("max_") and value == 0)
    }


def _condition(condition: Condition) -> dict[str, Any]:
    if condition.all:
        return {"all": [_condition(inner) for inner in condition.all]}
    if condition.any:
        return {"any": [_condition(inner) for inner in condition.any]}
    return {"question": condition.question, "is": list(condition.is_any)}


def _text(text: Text) -> dict[str, str]:
    return {"uk": text.uk, "en": text.en}
