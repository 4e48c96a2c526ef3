"""People for the tests of accounts: with a confirmed address and a password, as after signing up."""

import re
from collections.abc import Callable

import pyotp
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import membership
from accounts.models import User
from accounts.roles import Role
from ledger.log import SYSTEM

PASSWORD = "correct horse battery staple"


ENGLISH = {"accept-language": "en"}


@pytest.fixture
def person() -> Callable[..., User]:
    def make(name: str, *roles: Role, **fields: object) -> User:
        user = User.objects.create_user(f"{name}@example.org", PASSWORD, **({"language": "en"} | fields))
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        for role in roles:
            membership.grant(user, role, by=SYSTEM)
        return user

    return make


@pytest.fixture
def english() -> Client:
    return Client(headers=ENGLISH)


def sign_in(client: Client, user: User, password: str = PASSWORD, **data: str):
    return client.post(reverse("account_login"), {"login": user.email, "password": password} | data)


def set_up_second_factor(client: Client) -> pyotp.TOTP:
    """Through the page, as the person does it. Gives the app that shows codes."""
    client.get(reverse("mfa_activate_totp"))
    app = pyotp.TOTP(client.session[SECRET_SESSION_KEY])
    answer = client.post(reverse("mfa_activate_totp"), {"code": app.now()})
    assert answer.url == reverse("mfa_view_recovery_codes")
    return app


def link_in_letter() -> str:
    """The first link to us in the newest letter, without the host."""
    return re.findall(r"http://testserver(\S+)", mail.outbox[-1].body)[0]
