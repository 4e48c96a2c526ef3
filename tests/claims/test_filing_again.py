"""After a rejection without prejudice or a withdrawal one files again: linked and prefilled (rules.md 15)."""

import json

import pytest
from django.urls import reverse

from claims import filing, lifecycle
from claims.mandates import ClaimantKind
from claims.models import Claim
from ledger.models import Entry
from tests import make

pytestmark = pytest.mark.django_db

SAID = make.REQUIRED["individual"] | {"property_type": "flat", "owned_by": "shares"}


def again(before, *, by="olena", code="A3.1"):
    return filing.start(
        make.category(code), kind=ClaimantKind.INDIVIDUAL, by=make.user(by), language="uk", again=before
    )


@pytest.mark.parametrize("before", [make.rejected, lambda **filed: make.withdraw(make.claim(**filed))])
def test_the_new_draft_says_what_the_earlier_claim_said_and_nothing_is_marked_as_done(before):
    earlier = before(answers=SAID)
    draft = again(earlier).draft
    assert draft.answers == SAID
    assert set(draft.origins.values()) == {"earlier_claim"}
    assert draft.pages == []


def test_the_new_claim_is_linked_to_the_earlier_one_and_its_entry_names_it():
    earlier = make.rejected()
    claim = again(earlier)
    make.submit(claim)
    assert Claim.objects.get(pk=claim.pk).refiles == earlier
    entry = Entry.objects.get(claim=claim.public_id)
    assert json.loads(entry.body)["facts"]["refiles"] == earlier.number


@pytest.mark.parametrize(
    "before",
    [
        lambda: make.rejected(for_good=True),
        lambda: make.claim(),
        lambda: make.rejected(by="petro"),
        lambda: make.withdraw(make.claim("A2.1")),
    ],
    ids=["rejected for good", "submitted", "of somebody else", "in another category"],
)
def test_a_claim_that_does_not_allow_it_is_not_filed_again(before):
    assert again(before()).refiles is None


def test_the_status_page_leads_there(signed_in):
    earlier = make.rejected(answers=SAID)
    browser = signed_in("olena")
    link = reverse("claims:start", args=["A3.1"]) + f"?again={earlier.public_id}"
    assert link in browser.get(reverse("claims:claim", args=[earlier.public_id])).text
    assert earlier.number in browser.get(link).text
    browser.post(link)
    assert Claim.objects.get(state="draft").refiles == earlier


@pytest.mark.parametrize(
    "query", ["?again=nothing", "?again=00000000-0000-0000-0000-000000000001", "?again=%00"]
)
def test_a_link_that_names_no_claim_starts_a_new_one(signed_in, query):
    browser = signed_in("olena")
    assert browser.post(reverse("claims:start", args=["A3.1"]) + query).status_code == 302
    assert Claim.objects.get().refiles is None


def test_what_was_rejected_for_good_cannot_be_filed_again_by_any_move():
    assert lifecycle.MOVES[lifecycle.State.REJECTED_WITH_PREJUDICE] == {lifecycle.State.UNDER_REVIEW}
