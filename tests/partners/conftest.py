"""Partners for the tests, and programs of theirs that call the API."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from ledger.log import SYSTEM
from partners import agreements
from partners.agreements import DEMO_TERMS, Terms
from partners.models import Partner

TOKEN = reverse("partners:token")
CLAIMS = reverse("partners:claims")
CHANGES = reverse("partners:changes")
SUBMITTED = replace(DEMO_TERMS, states=("submitted",))
"""What the demo agreement shows, but of claims that were only submitted."""


@pytest.fixture
def partner() -> Callable[..., Partner]:
    def make(name: str = "Ministry", terms: Terms = SUBMITTED) -> Partner:
        return agreements.named(name).first() or agreements.create(name, terms=terms, by=SYSTEM)

    return make


class Program:
    """A program of a partner, with credentials and perhaps a token."""

    def __init__(self, partner: Partner, scopes: str) -> None:
        self.partner = partner
        self.client_id, self.client_secret = agreements.add_application(
            partner, scopes=scopes.split(), by=SYSTEM
        )
        self.client = Client(raise_request_exception=False)
        self.token = ""

    def ask_token(self, **form: str) -> Any:
        given = {"grant_type": "client_credentials", "client_id": self.client_id}
        given |= {"client_secret": self.client_secret, **form}
        return post_form(self.client, TOKEN, **{name: value for name, value in given.items() if value})

    def get(self, url: str, accept: str = "application/json", **query: Any) -> Any:
        headers = {"accept": accept}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return self.client.get(url, query, headers=headers)


@pytest.fixture
def program(partner: Callable[..., Partner]) -> Callable[..., Program]:
    """A program with a token that has all scopes it was granted."""

    def make(name: str = "Ministry", terms: Terms = SUBMITTED, scopes: str = "claims:read") -> Program:
        made = Program(partner(name, terms), scopes)
        made.token = made.ask_token(scope=scopes).json()["access_token"]
        return made

    return make


def post_form(client: Client, url: str, **form: str) -> Any:
    return client.post(url, urlencode(form), content_type="application/x-www-form-urlencoded")
