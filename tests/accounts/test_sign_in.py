"""Signing in and out, and what of a visitor's session comes along."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from tests.accounts.conftest import ENGLISH, PASSWORD, link_in_letter, sign_in

pytestmark = pytest.mark.django_db


def test_a_claimant_comes_to_their_claims(english, person):
    assert sign_in(english, person("olena")).url == "/claims/"


def test_capitals_in_the_address_do_not_matter(english, person):
    person("olena")
    answer = english.post(reverse("account_login"), {"login": " Olena@Example.org", "password": PASSWORD})
    assert answer.url == "/claims/"


def test_staff_come_to_the_staff_area(english, person):
    assert sign_in(english, person("petro", Role.REVIEWER)).url == "/admin/"


def test_a_wrong_password_and_an_unknown_address_get_one_answer(english, person):
    person("olena")
    errors = [
        english.post(reverse("account_login"), {"login": email, "password": "wrong password"})
        .context["form"]
        .non_field_errors()
        for email in ("olena@example.org", "nobody@example.org")
    ]
    assert errors[0] == errors[1]
    assert errors[0][0].startswith("We found no account with this e-mail address and password.")


def test_what_a_visitor_had_typed_is_there_after_signing_in(english, person):
    session = english.session
    session["held_answers"] = {"A3.1": {"lost_on": "2022-03-07"}}
    session.save()
    english.cookies["sessionid"] = session.session_key
    sign_in(english, person("olena"))
    assert english.session["held_answers"] == {"A3.1": {"lost_on": "2022-03-07"}}
    assert english.session.session_key != session.session_key


def test_what_one_person_had_typed_is_gone_after_they_sign_out(english, person):
    sign_in(english, person("olena"))
    session = english.session
    session["held_answers"] = {"A3.1": {}}
    session.save()
    english.post(reverse("account_logout"))
    assert "held_answers" not in english.session


def test_the_session_ends_with_the_browser(english, person):
    sign_in(english, person("olena"))
    assert english.cookies["sessionid"]["max-age"] == ""


def test_a_link_does_not_sign_out(english, person):
    sign_in(english, person("olena"))
    assert english.get(reverse("account_logout")).status_code == 200
    assert english.get(reverse("account_overview")).status_code == 200
    assert english.post(reverse("account_logout")).url == "/"
    assert english.get(reverse("account_overview")).status_code == 302


def test_a_closed_account_is_told_so_only_with_its_password(english, person):
    olena = person("olena", is_active=False)
    assert sign_in(english, olena, "wrong password").context["form"].errors
    assert sign_in(english, olena).url == reverse("account_inactive")


TOO_OFTEN = ["That was tried too often. Wait five minutes, then try again."]


def somebody_at(number: int) -> Client:
    return Client(headers=ENGLISH, REMOTE_ADDR=f"203.0.113.{number}")


def errors(answer) -> list[str]:
    return answer.context["form"].non_field_errors()


def fail(client: Client, user: User, *, times: int) -> None:
    for _ in range(times):
        assert errors(sign_in(client, user, "wrong password"))


def test_guessing_passwords_is_slowed_down(english, person):
    olena = person("olena")
    fail(english, olena, times=5)
    assert errors(sign_in(english, olena)) == TOO_OFTEN


def test_a_stranger_who_knows_the_address_does_not_keep_its_owner_out(english, person):
    olena = person("olena")
    fail(somebody_at(1), olena, times=9)
    assert sign_in(english, olena).url == "/claims/"


def test_guessing_from_many_places_is_slowed_down_too(english, person):
    olena = person("olena")
    for number in range(4):
        fail(somebody_at(number), olena, times=5)
    assert errors(sign_in(english, olena)) == TOO_OFTEN


def test_signing_in_rightly_counts_as_no_guess(person):
    olena = person("olena")
    for number in range(25):
        assert sign_in(somebody_at(number), olena).url == "/claims/"


def test_a_new_password_lets_its_owner_in_at_once(english, person):
    olena = person("olena")
    for number in range(4):
        fail(somebody_at(number), olena, times=5)
    fail(english, olena, times=5)
    english.post(reverse("account_reset_password"), {"email": olena.email})
    form = english.get(link_in_letter(), follow=True)
    english.post(form.request["PATH_INFO"], {"password1": "another long password"})
    assert sign_in(english, olena, "another long password").url == "/claims/"


def test_the_language_that_a_person_chooses_is_the_language_of_their_letters(english, person):
    olena = person("olena")
    sign_in(english, olena)
    english.post(reverse("set_language"), {"language": "uk", "next": "/account/"})
    olena.refresh_from_db()
    assert olena.language == "uk"


@pytest.mark.parametrize("language", ["ru\0", "xx", ""])
def test_a_language_that_we_do_not_write_changes_nothing(english, person, language):
    olena = person("olena")
    sign_in(english, olena)
    assert english.post(reverse("set_language"), {"language": language}).status_code == 302
    olena.refresh_from_db()
    assert olena.language == "en"


def test_a_visitor_chooses_a_language_too(english):
    assert english.post(reverse("set_language"), {"language": "uk", "next": "/account/"}).url == "/account/"


def test_forms_are_protected_against_other_sites(person):
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict, person("olena")).status_code == 403
