"""Opening, pausing and closing a category is an act of the register manager."""

import json

import pytest
from django.urls import reverse

from accounts.models import User
from accounts.roles import STAFF, Role
from claims import catalogue
from claims.models import Category
from claims.models.category import CategoryState
from ledger.models import Entry
from tests import make

pytestmark = pytest.mark.django_db


def change(to, by):
    catalogue.change_state(make.category(), to, by=by)
    return make.category().state


@pytest.mark.parametrize("state", [CategoryState.SUSPENDED, CategoryState.CLOSED])
def test_a_register_manager_pauses_and_closes_a_category_and_opens_it_again(state):
    manager = make.user("maria", Role.REGISTER_MANAGER)
    assert change(state, manager) == state
    assert change(CategoryState.OPEN, manager) == "open"


def test_each_change_is_an_open_entry_that_says_from_what_to_what():
    manager = make.user("maria", Role.REGISTER_MANAGER)
    change(CategoryState.CLOSED, manager)
    entry = Entry.objects.get(kind="category.state_changed")
    body = json.loads(entry.body)
    assert entry.is_open
    assert (body["office"], body["actor"]["id"]) == ("register_manager", str(manager.public_id))
    assert body["facts"] == {"category": "A3.1", "state_before": "open", "state_after": "closed"}


def test_in_an_emergency_a_superuser_does_it_and_the_ledger_says_so():
    change(CategoryState.CLOSED, User.objects.create_superuser("root@example.org"))
    assert json.loads(Entry.objects.get(kind="category.state_changed").body)["office"] == "superuser"


@pytest.mark.parametrize("role", [None, *sorted(STAFF - {Role.REGISTER_MANAGER})])
def test_nobody_else_does(role):
    person = make.user("petro", *([role] if role else []))
    with pytest.raises(catalogue.ChangeRefused, match="Only a register manager"):
        change(CategoryState.CLOSED, person)
    assert make.category().is_open


def test_a_change_to_the_same_state_is_none():
    with pytest.raises(catalogue.ChangeRefused, match="has this state already"):
        change(CategoryState.OPEN, make.user("maria", Role.REGISTER_MANAGER))


def test_a_category_that_was_shown_does_not_go_back_into_preparation():
    with pytest.raises(catalogue.ChangeRefused, match="does not go back into preparation"):
        change(CategoryState.DRAFT, make.user("maria", Role.REGISTER_MANAGER))


def test_the_staff_area_offers_the_acts_and_reports_each_refusal(signed_in, settings):
    settings.DEMO = True  # asks for no second factor
    browser = signed_in("maria", Role.REGISTER_MANAGER)
    address = reverse("admin:claims_category_changelist")
    chosen = list(Category.objects.filter(code__in=["A2.1", "A3.1"]).values_list("pk", flat=True))
    make.category("A2.1").__class__.objects.filter(code="A2.1").update(state="closed")
    shown = browser.post(address, {"action": "close", "_selected_action": chosen}, follow=True)
    assert "A2.1: The category has this state already." in shown.content.decode()
    closed = Category.objects.filter(state=CategoryState.CLOSED).order_by("code")
    assert [category.code for category in closed] == ["A2.1", "A3.1"]


def test_the_staff_area_adds_and_deletes_no_category(signed_in, settings):
    settings.DEMO = True
    browser = signed_in("maria", Role.REGISTER_MANAGER)
    category = make.category()
    assert browser.get(reverse("admin:claims_category_add")).status_code == 403
    assert browser.post(reverse("admin:claims_category_delete", args=[category.pk])).status_code == 403
    browser.post(reverse("admin:claims_category_change", args=[category.pk]), {"title_en": "Another"})
    assert make.category().title_en == category.title_en
