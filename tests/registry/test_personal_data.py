"""Each model says where personal data lives, so that erasing it can be complete (architecture.md 3.3)."""

import pytest
from django.apps import apps
from django.db import models

from claims.mandates import BY_QUESTION, SECTIONS

OURS = [
    model
    for app in ("ledger", "evidence", "accounts", "claims", "review", "partners")
    for model in apps.get_app_config(app).get_models()
]
CAN_HOLD_WORDS = (models.CharField, models.TextField, models.JSONField, models.BinaryField)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_field_that_can_hold_words_is_declared_personal_or_not(model: type[models.Model]) -> None:
    declared = {*model.personal_data, *getattr(model, "impersonal_data", ())}
    able = {
        f.name
        for f in model._meta.concrete_fields
        if isinstance(getattr(f, "output_field", f), CAN_HOLD_WORDS)
    }
    assert able <= declared, f"declare {able - declared}"


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_field_is_not_both_personal_and_impersonal(model: type[models.Model]) -> None:
    assert set(model.personal_data).isdisjoint(getattr(model, "impersonal_data", ()))


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_only_fields_that_exist_are_declared(model: type[models.Model]) -> None:
    fields = {f.name for f in model._meta.concrete_fields}
    assert {*model.personal_data, *getattr(model, "impersonal_data", ())} <= fields


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_personal_field_says_with_which_section_of_a_claim_it_is_erased(
    model: type[models.Model],
) -> None:
    """tests/claims/test_erasure.py holds them to it."""
    section_of = getattr(model, "section_of", {})
    assert set(section_of) == set(model.personal_data)
    assert set(section_of.values()) <= {*SECTIONS, BY_QUESTION, None}
