"""Forgotten passwords, new passwords, new addresses; and who learns of it."""

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.conftest import ENGLISH, PASSWORD, link_in_letter, sign_in

pytestmark = pytest.mark.django_db

NEW = "a kettle sings about Kharkiv"
FORGOTTEN = reverse("account_reset_password")


def forget(client: Client, email: str = "olena@example.org"):
    return client.post(FORGOTTEN, {"email": email})


def choose(client: Client, link: str, password: str = NEW):
    return client.post(client.get(link).url, {"password1": password})


def test_a_forgotten_password_is_replaced_by_the_mailed_link(english, person):
    olena = person("olena")
    assert forget(english).url == reverse("account_reset_password_done")
    answer = choose(english, link_in_letter())
    assert answer.url == reverse("account_reset_password_from_key_done")
    assert sign_in(english, olena, NEW).url == "/claims/"


def test_the_owner_is_told_that_the_password_was_changed(english, person):
    person("olena", language="uk")
    forget(english)
    choose(english, link_in_letter())
    assert [letter.subject for letter in mail.outbox] == ["Виберіть новий пароль", "Ваш пароль змінено"]


def test_a_reset_link_works_once(english, person):
    person("olena")
    forget(english)
    link = link_in_letter()
    choose(english, link)
    page = Client(headers=ENGLISH).get(link)
    assert "This link does not work any more" in page.text


def test_a_forgotten_password_does_not_tell_who_has_an_account(english, person):
    person("olena")
    assert forget(english).url == forget(english, "nobody@example.org").url
    assert [letter.subject for letter in mail.outbox] == [
        "Choose a new password",
        "There is no account with this address",
    ]


def test_an_address_not_yet_confirmed_cannot_reset_the_password(english, person):
    EmailAddress.objects.create(user=person("olena"), email="mistyped@example.org")
    forget(english, "mistyped@example.org")
    assert mail.outbox[0].subject == "There is no account with this address"


def test_a_new_password_ends_other_sessions(english, person):
    olena = person("olena")
    elsewhere = Client()
    sign_in(elsewhere, olena)
    sign_in(english, olena)
    answer = english.post(reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": NEW})
    assert answer.url == reverse("account_change_password")
    assert english.get(reverse("account_overview")).status_code == 200
    assert elsewhere.get(reverse("account_overview")).status_code == 302
    assert mail.outbox[0].subject == "Your password was changed"


def test_a_new_password_needs_the_present_one(english, person):
    sign_in(english, person("olena"))
    page = english.post(reverse("account_change_password"), {"oldpassword": "wrong", "password1": NEW})
    assert page.context["form"].errors["oldpassword"] == [
        "This is not your present password. Enter it again."
    ]


def change_address(client: Client, email: str = "new@example.org"):
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client.post(reverse("account_email"), {"email": email, "action_add": ""})


def test_a_new_address_counts_once_it_is_confirmed(english, person):
    olena = person("olena")
    sign_in(english, olena)
    assert change_address(english).url == reverse("account_email")
    olena.refresh_from_db()
    assert olena.email == "olena@example.org"
    english.post(link_in_letter())
    olena.refresh_from_db()
    assert olena.email == "new@example.org"
    assert EmailAddress.objects.get(user=olena).email == "new@example.org"


def test_the_old_address_is_told_of_the_new_one(english, person):
    sign_in(english, person("olena", language="uk"))
    change_address(english)
    english.post(link_in_letter())
    assert mail.outbox[-1].to == ["olena@example.org"]
    assert mail.outbox[-1].subject == "Вашу адресу електронної пошти змінено"


def test_a_new_address_needs_the_password_again(english, person):
    sign_in(english, person("olena"))
    answer = english.post(reverse("account_email"), {"email": "new@example.org", "action_add": ""})
    assert answer.url.startswith(reverse("account_reauthenticate"))
    assert mail.outbox == []


def test_an_address_that_meanwhile_belongs_to_somebody_else_is_not_taken_over(english, person):
    olena = person("olena")
    sign_in(english, olena)
    change_address(english)
    User.objects.create_user("new@example.org", PASSWORD)
    page = english.post(link_in_letter(), follow=True)
    assert page.status_code == 200
    olena.refresh_from_db()
    assert olena.email == "olena@example.org"


def test_a_person_may_keep_the_present_address_after_all(english, person):
    olena = person("olena")
    sign_in(english, olena)
    change_address(english)
    english.post(reverse("account_email"), {"email": "new@example.org", "action_remove": ""})
    assert [address.email for address in EmailAddress.objects.filter(user=olena)] == ["olena@example.org"]
