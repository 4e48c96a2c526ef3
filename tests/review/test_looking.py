"""Looking along a list for what is for this person, a bounded number of rows at a time."""

import pytest

from accounts.roles import Role
from claims.models import Claim
from review import looking
from review.views import queue
from tests import make

pytestmark = pytest.mark.django_db
BY = ("submitted_at", "id")


@pytest.fixture(autouse=True)
def _windows_of_two(monkeypatch):
    monkeypatch.setattr(looking, "FIRST", 2)


@pytest.fixture
def six():
    return [make.claim(by=f"claimant{n}") for n in range(6)]


def the(*claims):
    return lambda rows: rows.filter(pk__in=[claim.pk for claim in claims])


def test_enough_in_the_first_window_is_a_page(six):
    assert looking.first(Claim.objects.all(), the(*six), 2, by=BY) == (six[:2], None)


def test_what_the_first_window_lacks_the_next_may_have(six):
    assert looking.first(Claim.objects.all(), the(six[1], six[4]), 2, by=BY) == ([six[1], six[4]], None)


def test_at_the_end_nothing_is_left_to_look_at(six):
    assert looking.first(Claim.objects.all(), the(six[5]), 2, by=BY) == ([six[5]], None)


def test_the_place_is_told_behind_which_nothing_was_looked_at(six):
    place = (six[3].submitted_at, six[3].pk)
    assert looking.first(Claim.objects.all(), the(six[1], six[4]), 2, by=BY, at_most=4) == ([six[1]], place)


def test_an_act_goes_on_to_the_end(six, monkeypatch):
    monkeypatch.setattr(looking, "AT_MOST", 4)
    assert list(looking.everywhere(Claim.objects.all(), the(six[5]), 1, by=BY)) == [six[5]]
    assert list(looking.everywhere(Claim.objects.all(), the(), 1, by=BY)) == []


def test_pages_of_the_queue_pass_what_others_have_and_miss_nothing(client, monkeypatch, settings):
    """Two states, each looked at in steps, are merged in the order of their ages."""
    settings.DEMO = True
    monkeypatch.setattr(looking, "AT_MOST", 8)
    monkeypatch.setattr(queue, "ROWS", 2)
    free = []
    for n in range(12):
        if n % 4 == 0:
            free.append(make.claim(by=f"claimant{n}"))
        elif n % 4 == 1:
            free.append(make.under_review(by="iryna", filed_by=f"claimant{n}"))
            free[-1].assignments.all().delete()
        else:
            make.under_review(by="iryna", filed_by=f"claimant{n}")
    client.force_login(make.staff("mykola", Role.REVIEWER))
    address, shown = "/admin/review/", []
    while address:
        page = client.get(address)
        shown += [row.claim for row in page.context["rows"]]
        assert len(page.context["rows"]) <= 2
        address = page.context["next"]
    assert shown == free
