"""Who gets which answer from which address. An address that is missing here fails a test."""

import uuid
from dataclasses import asdict

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import STAFF
from claims import filing, mandates, urls
from claims.models import Attachment, Claim, Consent, Draft, InformationRequest
from claims.versions import Declaration
from evidence.models import EvidenceFile
from tests import make
from tests.claims import moving

pytestmark = pytest.mark.django_db

# address: what everybody gets from GET and from POST
OPEN = {
    "home": (200, 405),
    "categories": (200, 405),
    "category": (200, 405),
    "places": (200, 405),
    "privacy": (200, 405),
    "help": (200, 405),
    "accessibility": (200, 405),
    "verify": (200, 405),
    "statistics": (200, 405),
    "statistics_table": (404, 405),  # nothing is published yet
}
# … what everybody gets who is signed in
OF_A_PERSON = {
    "list": (200, 405),
    "start": (200, 302),
}
# … what the owner of a draft gets, and the owner of a submitted claim; for everybody else it does not exist
OF_A_CLAIM = {
    "claim": ((200, 405), (200, 405)),
    "filed": ((404, 405), (200, 405)),
    "filed_file": ((404, 405), (200, 405)),
    "receipt": ((302, 405), (200, 405)),
    "receipt_act": ((404, 405), (200, 405)),
    "receipt_json": ((404, 405), (200, 405)),
    "receipt_pdf": ((404, 405), (200, 405)),
    "receipt_proof": ((404, 405), (404, 405)),  # no checkpoint covers it yet
    "file": ((200, 405), (200, 405)),
    "eligibility": ((200, 302), (302, 302)),
    "page": ((200, 302), (302, 302)),
    "item": ((200, 302), (302, 302)),
    "evidence": ((200, 200), (302, 302)),
    "add_evidence": ((302, 302), (302, 302)),
    "piece": ((200, 302), (302, 302)),
    "own_account": ((200, 302), (302, 302)),
    "consents": ((200, 302), (302, 302)),
    "check": ((200, 200), (302, 302)),
    "declaration": ((200, 302), (302, 302)),
    "discard": ((200, 302), (302, 302)),
    "change": ((302, 302), (200, 302)),
    "change_consents": ((302, 302), (200, 302)),
    "request": ((404, 404), (200, 302)),
    "withdraw": ((302, 302), (200, 302)),
}
# … and what the owner of a submitted claim gets who has begun to change it
WHILE_CHANGING = {
    "eligibility": (200, 302),
    "page": (200, 302),
    "item": (200, 302),
    "evidence": (200, 200),
    "add_evidence": (302, 302),
    "piece": (200, 302),
    "own_account": (200, 302),
    "consents": (200, 302),
    "check": (200, 200),
    "declaration": (200, 302),
    "discard": (200, 302),
    "change": (200, 302),
    "withdraw": (200, 302),
}
ONLY_GET = {name for name, (_draft, (_get, post)) in OF_A_CLAIM.items() if post == 405}
NOTICE = mandates.current().privacy_notice.version
SENT = {
    "declaration": asdict(Declaration.of_current_texts("Олена", language="en")),
    "piece": {"type": "", "description": ""},
    "item": {"share": "1/2"},
    "request": {"text": "Договір згорів.", "send": "1"},
    "change_consents": {"notice": NOTICE},
}


def test_every_address_is_judged_here():
    assert {pattern.name for pattern in urls.urlpatterns} == {*OPEN, *OF_A_PERSON, *OF_A_CLAIM}


def address(name, claim=None):
    if name in ("category", "start"):
        return reverse(f"claims:{name}", args=["A3.1"])
    if name == "statistics_table":
        return reverse("claims:statistics_table", args=["states"])
    if claim is None:
        return reverse(f"claims:{name}")
    more = {"page": ["owners"], "item": ["co_owners"]}.get(name, [])
    if name in ("receipt_act", "receipt_json", "receipt_pdf", "receipt_proof"):
        more = [1]
    if name in ("file", "piece"):
        more = [claim.attachments.latest("id").evidence_file.public_id]
    if name == "request":
        request = claim.requests.first()
        more = [request.public_id if request else uuid.UUID(int=1)]
    query = f"?item={uuid.UUID(int=1)}" if name == "item" else ""
    return reverse(f"claims:{name}", args=[claim.public_id, *more]) + query


def answers(browser, addresses):
    """The status of GET and of POST to each address."""
    found = {}
    for name, where in addresses.items():
        got = browser.get(where)
        list(got)  # a file that is not read to its end stays open
        found[name] = (got.status_code, browser.post(where, SENT.get(name, {})).status_code)
    return found


def draft():
    claim = make.draft(by="olena", answers={**make.REQUIRED["individual"], "owned_by": "shares"})
    make.evidence(claim)
    return claim


def submitted():
    """A claim of which something is asked."""
    claim = make.claim(by="olena", answers={"owned_by": "shares"}, files=[make.PDF])
    return moving.again(moving.asked(claim).claim)


def being_changed():
    claim = submitted()
    filing.reopen(claim, by=claim.filed_by)
    make.evidence(claim, b"%PDF-1.7 more")
    return claim


def of(claim):
    return {name: address(name, claim) for name in OF_A_CLAIM}


PEOPLE = [[], *([role] for role in sorted(STAFF)), sorted(STAFF)]


@pytest.mark.parametrize("roles", PEOPLE, ids=lambda roles: "+".join(roles) or "claimant")
def test_to_everybody_else_a_claim_does_not_exist(signed_in, roles):
    other, claims = signed_in("petro", *roles), (draft(), submitted(), being_changed())
    before = everything()
    for claim in claims:
        assert answers(other, of(claim)) == {
            name: (404, 405) if name in ONLY_GET else (404, 404) for name in OF_A_CLAIM
        }
    assert everything() == before


def everything():
    models = (Claim, Draft, Attachment, EvidenceFile, InformationRequest, Consent)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("roles", PEOPLE, ids=lambda roles: "+".join(roles) or "claimant")
def test_everybody_may_read_and_file(signed_in, roles):
    addresses = {name: address(name) for name in (*OPEN, *OF_A_PERSON)}
    assert answers(signed_in("petro", *roles), addresses) == OPEN | OF_A_PERSON


def test_the_signed_out_read_what_is_public_and_are_asked_to_sign_in_elsewhere():
    claims = {"draft": draft(), "submitted": submitted()}
    assert answers(Client(), {name: address(name) for name in OPEN}) == OPEN
    before = everything()
    asked = {name: address(name) for name in OF_A_PERSON}
    for state, claim in claims.items():
        asked |= {f"{state} {name}": where for name, where in of(claim).items()}
    assert set(answers(Client(), asked).values()) == {(302, 302)}
    for where in asked.values():
        assert Client().get(where).url.startswith(reverse("account_login"))
    assert everything() == before


@pytest.mark.parametrize("name", OF_A_CLAIM)
def test_the_owner_of_a_draft_may_go_on_with_it(signed_in, name):
    assert answers(signed_in("olena"), {name: address(name, draft())})[name] == OF_A_CLAIM[name][0]


@pytest.mark.parametrize("name", OF_A_CLAIM)
def test_the_owner_of_a_submitted_claim_reads_it_and_begins_what_they_may(signed_in, name):
    claim = submitted()
    assert answers(signed_in("olena"), {name: address(name, claim)})[name] == OF_A_CLAIM[name][1]


@pytest.mark.parametrize("name", WHILE_CHANGING)
def test_the_owner_of_a_submitted_claim_goes_on_with_changing_it(signed_in, name):
    claim = being_changed()
    assert answers(signed_in("olena"), {name: address(name, claim)})[name] == WHILE_CHANGING[name]


def test_an_account_that_was_closed_gets_in_no_more(signed_in):
    claim = submitted()
    browser = signed_in("olena")
    User.objects.update(is_active=False)
    assert set(answers(browser, of(claim)).values()) == {(302, 302)}


def test_a_question_is_found_in_its_own_claim_alone(signed_in):
    here, elsewhere = submitted(), submitted()
    where = reverse("claims:request", args=[here.public_id, elsewhere.requests.get().public_id])
    assert answers(signed_in("olena"), {"request": where}) == {"request": (404, 404)}
