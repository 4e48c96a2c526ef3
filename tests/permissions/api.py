"""Which programs of partners get which answer from the API."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from claims import figures
from ledger.log import SYSTEM
from partners import agreements
from partners.agreements import DEMO_TERMS
from partners.models import Application
from tests import make
from tests.permissions.world import Case

COVERED = replace(DEMO_TERMS, sections=(*DEMO_TERMS.sections, "evidence"), evidence=True)
TERMS = {
    "covered": COVERED,
    "without scope": COVERED,
    "claims only": COVERED,
    "without evidence": DEMO_TERMS,
    "elsewhere": replace(COVERED, regions=("UA-46",)),
    "suspended": COVERED,
    "expired": COVERED,
    "revoked": COVERED,
}
SCOPES = {"without scope": "", "claims only": "claims:read"}
COLUMNS = ("nobody", "forged token", *TERMS)


def cases() -> list[Case]:
    recorded = make.recorded(by="vira", files=[make.PDF])
    waiting = make.confirmed(by="ivan", filed_by="vira", files=[make.PDF])
    make.checkpoint()
    figures.publish()
    found = [
        Case(f"partners:{page}", "a program", reverse(f"partners:{page}"))
        for page in ("claims", "changes", "categories", "statistics", "schema", "docs")
    ]
    found += [
        Case(f"partners:{page}", "a program", reverse(f"partners:{page}") + query)
        for page, query in (
            ("checkpoint", ""),
            ("vkeys", ""),
            ("inclusion", "?index=0&size=1"),
            ("consistency", "?first=1&second=1"),
            ("ledger_entries", "?start=0&end=9"),
        )
    ] + [Case("partners:tile", "a program", reverse("partners:tile", args=["0/000.p/1"]))]
    for situation, claim in (("recorded", recorded), ("awaiting the Board", waiting)):
        file_id = claim.attachments.get().evidence_file.public_id
        found += [
            Case("partners:claim", situation, reverse("partners:claim", args=[claim.number])),
            Case("partners:evidence", situation, reverse("partners:evidence", args=[claim.number, file_id])),
        ]
    return found


def answers(case: Case, method: str, tokens: Mapping[str, str]) -> list[str]:
    return [_status(tokens[who], case, method) for who in COLUMNS]


def tokens() -> dict[str, str]:
    """A token for each column."""
    return {"nobody": "", "forged token": "x" * 43} | {who: _token(who) for who in TERMS}


def _status(token: str, case: Case, method: str) -> str:
    before = transaction.savepoint()
    browser = Client(raise_request_exception=False)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer: Any = browser.generic(method, case.url, headers=headers)
    list(answer)
    transaction.savepoint_rollback(before)
    return str(answer.status_code)


def _token(who: str) -> str:
    partner = agreements.create(who, terms=TERMS[who], by=SYSTEM)
    scope = SCOPES.get(who, "claims:read evidence:read ledger:read")
    client_id, secret = agreements.add_application(
        partner, scopes=["claims:read", "evidence:read", "ledger:read"], by=SYSTEM
    )
    asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    form = urlencode(asked | ({"scope": scope} if scope else {}))
    form_type = "application/x-www-form-urlencoded"
    answer = Client().post(reverse("partners:token"), form, content_type=form_type)
    token = str(answer.json()["access_token"])
    match who:
        case "suspended":
            agreements.suspend(partner, by=SYSTEM)
        case "expired":
            get_access_token_model().objects.filter(application__client_id=client_id).update(
                expires=timezone.now() - timedelta(seconds=1)
            )
        case "revoked":
            agreements.revoke_application(Application.objects.get(client_id=client_id), by=SYSTEM)
    return token
