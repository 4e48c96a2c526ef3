"""From "create an account" to the page the person wanted, in two languages, on one device and on two."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.conftest import ENGLISH, PASSWORD, link_in_letter, sign_in

pytestmark = pytest.mark.django_db

SIGN_UP = reverse("account_signup")
SENT = reverse("account_email_verification_sent")
WANTED = "/categories/A3.1/"


def sign_up(client: Client, email: str = "olena@example.org", **data: str):
    return client.post(SIGN_UP, {"email": email, "password1": PASSWORD} | data)


@pytest.mark.parametrize(
    ("language", "subject"),
    [("uk", "Підтвердьте адресу електронної пошти"), ("en", "Confirm your e-mail address")],
)
def test_a_person_signs_up_confirms_by_the_mailed_link_and_is_signed_in(language, subject):
    client = Client(headers={"accept-language": language})
    assert sign_up(client).url == SENT
    user = User.objects.get(email="olena@example.org")
    assert user.language == language
    assert [letter.to for letter in mail.outbox] == [["olena@example.org"]]
    assert mail.outbox[0].subject == subject
    confirm = link_in_letter()
    page = client.get(confirm)
    assert f'<html lang="{language}"' in page.text
    assert not EmailAddress.objects.get(user=user).verified
    assert client.post(confirm).url == "/claims/"
    assert EmailAddress.objects.get(user=user).verified
    assert client.get(reverse("account_overview")).context["user"] == user


def test_letters_are_plain_text_and_name_nobody(english):
    sign_up(english)
    letter = mail.outbox[0]
    assert letter.alternatives == []
    assert "&amp;" not in letter.body
    assert "olena" not in letter.body


def test_an_address_is_kept_in_small_letters(english):
    sign_up(english, "Olena.K@Example.ORG")
    assert User.objects.get().email == "olena.k@example.org"


def test_an_unconfirmed_person_is_not_let_in(english):
    sign_up(english)
    assert sign_in(english, User.objects.get()).url == SENT
    assert english.get(reverse("account_overview")).status_code == 302


def test_the_page_a_person_came_from_is_where_they_go_on(english):
    sign_up(english, next=WANTED)
    assert english.post(link_in_letter()).url == WANTED


def test_the_page_a_person_came_from_survives_another_device(english):
    sign_up(english, next=WANTED)
    other_device = Client()
    answer = other_device.post(link_in_letter())
    assert answer.url == f"{reverse('account_login')}?next=%2Fcategories%2FA3.1%2F"
    assert sign_in(other_device, User.objects.get(), next=WANTED).url == WANTED


def test_the_page_a_person_came_from_is_carried_from_sign_in_to_sign_up(english):
    page = english.get(reverse("account_login"), {"next": WANTED})
    assert f'href="{SIGN_UP}?next=%2Fcategories%2FA3.1%2F"' in page.text
    assert (
        f'<input type="hidden" name="next" value="{WANTED}">' in english.get(SIGN_UP, {"next": WANTED}).text
    )


def test_nobody_is_led_to_another_site(english):
    sign_up(english, next="https://example.com/")
    assert "example.com" not in mail.outbox[0].body
    assert english.post(link_in_letter()).url == "/claims/"


def test_a_link_used_twice_explains_itself(english):
    sign_up(english)
    confirm = link_in_letter()
    english.post(confirm)
    again = Client(headers=ENGLISH).post(confirm)
    assert again.status_code == 200
    assert "This link does not work any more" in again.text


def test_a_link_that_was_never_sent_explains_itself(english):
    page = english.get(reverse("account_confirm_email", args=["MQ:1abcde:nothing"]))
    assert "This link does not work any more" in page.text


def test_signing_up_with_a_known_address_looks_the_same_and_writes_to_its_owner(person):
    person("iryna")
    known, new = Client(headers=ENGLISH), Client(headers=ENGLISH)
    answers = [sign_up(known, "Iryna@example.org"), sign_up(new, "olena@example.org")]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert [answer.url for answer in answers] == [SENT, SENT]
    pages = [re.sub(r'value="\w{64}"', "", client.get(SENT).text) for client in (known, new)]
    assert pages[0] == pages[1]
    assert [(letter.subject, letter.to) for letter in mail.outbox] == [
        ("You have an account already", ["iryna@example.org"]),
        ("Confirm your e-mail address", ["olena@example.org"]),
    ]
    assert User.objects.filter(email__startswith="iryna").count() == 1


def test_the_letter_about_a_known_address_leads_on_to_the_wanted_page(english, person):
    person("iryna")
    sign_up(english, "iryna@example.org", next=WANTED)
    assert f"http://testserver{reverse('account_login')}?next=%2Fcategories%2FA3.1%2F" in mail.outbox[0].body


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({"email": "", "password1": PASSWORD}, "email", "Enter your e-mail address."),
        (
            {"email": "olena", "password1": PASSWORD},
            "email",
            "Enter an e-mail address like name@example.org.",
        ),
        ({"email": "olena@example.org", "password1": ""}, "password1", "Choose a password."),
    ],
)
def test_what_is_missing_is_said_beside_the_question(english, data, field, sentence):
    page = english.post(SIGN_UP, data)
    assert page.context["form"].errors[field] == [sentence]
    assert User.objects.count() == 0


@pytest.mark.parametrize("password", ["short", "password12", "olena@example.org"])
def test_a_password_that_others_would_guess_is_refused(english, password):
    page = english.post(SIGN_UP, {"email": "olena@example.org", "password1": password})
    assert "password1" in page.context["form"].errors


def test_an_address_that_somebody_wants_to_change_to_does_not_keep_its_owner_out(english, person):
    EmailAddress.objects.create(user=person("mykola"), email="olena@example.org")
    sign_up(english)
    english.post(link_in_letter())
    assert english.get(reverse("account_overview")).context["user"].email == "olena@example.org"


def test_a_nul_in_the_address_is_refused_and_not_stored(english):
    page = english.post(SIGN_UP, {"email": "o\0@example.org", "password1": PASSWORD})
    assert page.context["form"].errors["email"]
    assert User.objects.count() == 0
