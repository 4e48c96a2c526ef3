"""Every page of accounts: ours, in both languages, and within the strictest content security policy."""

from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import get_resolver, reverse

from accounts import urls
from accounts.roles import Role
from tests.accounts.conftest import PASSWORD, link_in_letter, set_up_second_factor, sign_in

pytestmark = pytest.mark.django_db

FOR_VISITORS = [
    "account_signup",
    "account_login",
    "account_inactive",
    "account_email_verification_sent",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
]
FOR_PEOPLE = [
    "account_overview",
    "account_logout",
    "account_email",
    "account_change_password",
    "account_reauthenticate",
    "account_second_factor_needed",
    "mfa_index",
    "mfa_activate_totp",
]
WITH_SECOND_FACTOR = [
    "account_overview",
    "account_email",
    "account_reauthenticate",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
]
IN_THE_STAFF_AREA = ["admin:index", "admin:accounts_user_changelist"]


class Inline(HTMLParser):
    """Collects what a policy without 'unsafe-inline' and data: would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.refused.append(tag)
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.refused.append(f"{tag} {name}")
            if (value or "").strip().lower().startswith(("data:", "javascript:")):
                self.refused.append(f"{tag} {name}={value}")
            if (name in ("src", "action") or (tag, name) == ("link", "href")) and (value or "").startswith(
                ("http:", "https:", "//")
            ):
                self.refused.append(f"{tag} {name}={value}")


def check(page, language: str) -> None:
    assert page.status_code == 200
    parser = Inline()
    parser.feed(page.text)
    assert parser.refused == []
    assert f'<html lang="{language}"' in page.text
    assert page.text.count("<h1") == 1
    ours = str(settings.BASE_DIR / "templates")
    theirs = [t.name for t in page.templates if t.name and not t.origin.name.startswith(ours)]
    assert [name for name in theirs if name.startswith(("account/", "mfa/", "allauth/"))] == []


@pytest.fixture(params=["uk", "en"])
def language(request) -> str:
    return request.param


@pytest.fixture
def client(language) -> Client:
    return Client(headers={"accept-language": language})


@pytest.mark.parametrize("name", FOR_VISITORS)
def test_pages_for_visitors(client, language, name):
    check(client.get(reverse(name)), language)


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_pages_for_people_who_signed_in(client, language, name, person):
    sign_in(client, person("petro", Role.REVIEWER))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    check(client.get(reverse(name)), language)


@pytest.mark.parametrize("name", WITH_SECOND_FACTOR)
def test_pages_for_people_with_a_second_factor(client, language, name, person):
    sign_in(client, person("petro", Role.REVIEWER))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    set_up_second_factor(client)
    check(client.get(reverse(name)), language)


def test_the_page_that_asks_for_a_code(client, language, person):
    olena = person("olena")
    sign_in(client, olena)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    set_up_second_factor(client)
    client.post(reverse("account_logout"))
    check(sign_in(client, olena, follow=True) and client.get(reverse("mfa_authenticate")), language)


def test_the_pages_behind_mailed_links(client, language, person):
    person("olena")
    client.post(reverse("account_signup"), {"email": "iryna@example.org", "password1": PASSWORD})
    confirm = link_in_letter()
    check(client.get(confirm), language)
    check(client.get(reverse("account_confirm_email", args=["MQ:1abcde:nothing"])), language)
    client.post(reverse("account_reset_password"), {"email": "olena@example.org"})
    check(client.get(link_in_letter(), follow=True), language)
    check(client.get(reverse("account_reset_password_from_key", args=["1", "no-key"])), language)


def test_pages_with_errors(client, language, person):
    check(client.post(reverse("account_login"), {"login": "x", "password": ""}), language)
    check(client.post(reverse("account_login"), {"login": "x@example.org", "password": "wrong"}), language)
    check(client.post(reverse("account_signup"), {"email": "x", "password1": "x"}), language)


def test_the_page_of_a_pending_address(client, language, person):
    sign_in(client, person("olena"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    client.post(reverse("account_email"), {"email": "new@example.org", "action_add": ""})
    check(client.get(reverse("account_email")), language)


@pytest.mark.parametrize("name", IN_THE_STAFF_AREA)
def test_pages_of_the_staff_area(client, language, name, person, settings):
    settings.DEMO = True
    sign_in(client, person("dariia", Role.EXECUTIVE_DIRECTOR))
    check(client.get(reverse(name)), language)


@pytest.mark.parametrize("name", ["admin:accounts_user_change", "admin:accounts_user_roles"])
def test_pages_about_one_person(client, language, name, person, settings):
    settings.DEMO = True
    dariia = person("dariia", Role.EXECUTIVE_DIRECTOR)
    sign_in(client, dariia)
    check(client.get(reverse(name, args=[dariia.public_id])), language)


def test_in_the_demo_the_letters_are_one_click_away(client, settings):
    page = client.get(reverse("account_email_verification_sent"))
    assert reverse("demo_mail") not in page.text
    settings.DEMO = True
    page = client.get(reverse("account_email_verification_sent"))
    assert reverse("demo_mail") in page.text


def test_no_page_of_accounts_is_left_out():
    tested = {*FOR_VISITORS, *FOR_PEOPLE, *WITH_SECOND_FACTOR}
    elsewhere = {
        "set_language",
        "account_confirm_email",
        "account_reset_password_from_key",
        "mfa_authenticate",
        "mfa_qr_code",
        "mfa_download_recovery_codes",
    }
    assert {pattern.name for pattern in urls.urlpatterns} == tested | elsewhere


@pytest.mark.parametrize("name", ["account_set_password", "socialaccount_connections", "mfa_list_webauthn"])
def test_what_we_do_not_offer_has_no_address(name):
    assert name not in get_resolver().reverse_dict


def test_letters_come_in_the_reader_s_language_whoever_causes_them(person):
    person("olena", language="uk")
    Client(headers={"accept-language": "en"}).post(
        reverse("account_signup"), {"email": "olena@example.org", "password1": PASSWORD}
    )
    assert mail.outbox[0].subject == "У вас уже є обліковий запис"
