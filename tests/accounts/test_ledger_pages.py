"""The ledger as those read it who check it."""

import json

import pytest
from django.urls import reverse

from accounts.roles import Role
from ledger.models import Entry, Leaf
from ledger.sealing import seal
from tests import make

pytestmark = pytest.mark.django_db

LIST = reverse("admin:ledger_entry_changelist")


@pytest.fixture
def auditor(client, settings):
    settings.DEMO = True  # which asks for no second factor
    client.force_login(make.staff("anna", Role.AUDITOR))
    while seal():
        pass
    return client


def page(index: int) -> str:
    return reverse("admin:ledger_entry_change", args=[index])


def test_an_auditor_reads_every_sealed_entry_to_the_last_byte(auditor):
    entry = Entry.objects.filter(is_open=False).earliest("id")
    shown = auditor.get(page(entry.leaf.index)).content.decode()
    for text in (json.loads(entry.body)["at"], bytes(entry.salt).hex(), entry.leaf_hash.hex()):
        assert text in shown
    assert '<input type="submit"' not in shown


def test_the_newest_stand_first_and_what_is_not_sealed_is_not_shown(auditor):
    newest = Leaf.objects.latest("index").index
    make.claim()
    shown = auditor.get(LIST).content.decode()
    assert f'href="{page(newest)}"' in shown
    assert shown.index(f'href="{page(newest)}"') < shown.index(f'href="{page(newest - 1)}"')
    assert "claim.submitted" not in shown


@pytest.mark.parametrize("sought", ["index", "claim"])
def test_entries_are_found_by_index_and_by_claim(auditor, sought):
    claim = make.claim()
    seal()
    entry = Entry.objects.get(kind="claim.submitted")
    shown = auditor.get(
        LIST, {"q": {"index": entry.leaf.index, "claim": claim.public_id}[sought]}
    ).content.decode()
    assert f'href="{page(entry.leaf.index)}' in shown
    assert f'href="{page(0)}' not in shown


@pytest.mark.parametrize("sought", ["nothing", "-1", "9" * 40, "%00", "٣"])
def test_what_is_no_index_and_no_claim_finds_nothing(auditor, sought):
    answer = auditor.get(LIST, {"q": sought})
    assert answer.status_code == 200
    assert f'href="{page(0)}' not in answer.content.decode()


@pytest.mark.parametrize("index", ["999999", "x", "-1", "9" * 40])
def test_an_entry_that_is_not_there(auditor, index):
    assert auditor.get(f"{LIST}{index}/change/").status_code == 302


def test_many_entries_cost_as_many_queries_as_few(auditor, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        auditor.get(LIST)
