"""What partners see of a log that came back from a loss: gaps by their hash, no claim that is not here."""

import os
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connections

from ledger.models import Entry, Leaf
from ledger.sealing import seal
from partners import changes
from partners.models import Partner
from tests import make

pytestmark = pytest.mark.committing


def test_an_act_of_a_claim_that_did_not_come_back_is_passed_over(partner: Callable[..., Partner]):
    ministry, claim = partner(), make.claim()
    seal()
    entry = Entry.objects.get(claim=claim.public_id)
    Entry.objects.create(salt=os.urandom(16), body=entry.body.replace(str(claim.public_id), str(uuid4())))
    seal()
    found = changes.after(ministry, after=-1, limit=100)
    assert [item["number"] for item in found.results if item["type"] == "claim"] == [claim.number]
    assert found.next_after == Leaf.objects.count() - 1


def test_of_an_entry_that_was_lost_the_hash_is_told(partner: Callable[..., Partner]):
    ministry, claim = partner(), make.claim()
    seal()
    leaf = Leaf.objects.get(entry__claim=claim.public_id)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_leaf DISABLE TRIGGER USER")
        cursor.execute("UPDATE ledger_leaf SET entry_id = NULL WHERE index = %s", [leaf.index])
        cursor.execute("ALTER TABLE ledger_leaf ENABLE TRIGGER USER")
    [record] = changes.records(ministry, start=leaf.index, end=leaf.index)
    assert (record.leaf_hash, record.body, record.salt) == (bytes(leaf.hash), None, None)
    assert changes.after(ministry, after=-1, limit=100).next_after == leaf.index
