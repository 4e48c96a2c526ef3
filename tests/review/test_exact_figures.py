"""Exact figures, for staff whose work needs them; of sensitive categories only for whoever is named."""

import re

import pytest
from django.urls import reverse

from accounts.roles import Role
from claims.models import Category, ClaimCount, MonthCount
from review import clearances
from tests import make

pytestmark = pytest.mark.django_db

PAGE = reverse("review:figures")


@pytest.fixture(autouse=True)
def _counted(settings):
    settings.DEMO = True  # no second factor
    Category.objects.filter(code="C3.1").update(sensitive=True)
    for code, claims in (("A3.1", 12_345), ("C3.1", 6_789)):
        ClaimCount.objects.create(category=code, region="UA-63", state="submitted", claims=claims)
        MonthCount.objects.create(
            month="2026-09-01", category=code, region="UA-63", submitted=claims, recorded=3
        )


def read(client, person):
    client.force_login(person)
    answer = client.get(PAGE, headers={"accept-language": "en"})
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_figures_are_exact(client):
    shown = read(client, make.staff("maryna", Role.REGISTER_MANAGER))
    assert "UA-63 Kharkiv oblast 12,345 12,345 0" in shown
    assert "September 2026 12,345 3" in shown


def test_sensitive_categories_are_in_no_figure_of_somebody_who_is_not_named(client):
    shown = read(client, make.staff("senia", Role.SENIOR_REVIEWER))
    assert "C3.1" not in shown
    assert "6,789" not in shown
    assert "19,134" not in shown  # the sum
    assert "Sensitive categories for which you are not named are in none of these figures." in shown


def test_whoever_is_named_for_a_category_reads_its_figures(client):
    person = make.staff("senia", Role.SENIOR_REVIEWER)
    director = make.staff("dariia", Role.EXECUTIVE_DIRECTOR)
    clearances.give(person, make.category("C3.1"), by=director)
    shown = read(client, person)
    assert "6,789" in shown
    assert "UA-63 Kharkiv oblast 19,134" in shown


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_for_any_number_of_rows(client, rows, django_assert_num_queries):
    for number in range(rows):
        ClaimCount.objects.create(category="A3.1", region=f"UA-{30 + number}", state="recorded", claims=1)
    client.force_login(make.staff("maryna", Role.REGISTER_MANAGER))
    client.get(PAGE)
    with django_assert_num_queries(9):  # session, person, roles, and six for the figures
        client.get(PAGE)


def test_the_page_is_offered_to_those_who_may_read_it(client):
    client.force_login(make.staff("maryna", Role.REGISTER_MANAGER))
    assert PAGE in client.get(reverse("admin:index")).content.decode()
    client.force_login(make.staff("iryna", Role.REVIEWER))
    assert PAGE not in client.get(reverse("admin:index")).content.decode()
