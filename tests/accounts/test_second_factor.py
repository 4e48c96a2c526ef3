"""Codes from an app: set up, asked for, kept encrypted, lost and replaced."""

import re
from types import SimpleNamespace

import pyotp
import pytest
from allauth.core.context import request_context
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

from accounts.models import User
from keys.ring import NotDecrypted
from tests.accounts.conftest import PASSWORD, set_up_second_factor, sign_in

pytestmark = pytest.mark.django_db

CODE = reverse("mfa_authenticate")


@pytest.fixture
def protected(english, person):
    """A signed-in person with a second factor: the person, and the app that shows their codes."""
    olena = person("olena")
    sign_in(english, olena)
    english.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return olena, set_up_second_factor(english)


def test_after_the_password_a_code_is_asked_for(english, protected):
    olena, app = protected
    english.post(reverse("account_logout"))
    assert sign_in(english, olena, next="/categories/A3.1/").url == CODE
    assert english.get(reverse("account_overview")).status_code == 302
    assert english.post(CODE, {"code": app.now()}).url == "/categories/A3.1/"
    assert english.get(reverse("account_overview")).status_code == 200


def test_one_can_turn_back_from_the_code_and_sign_in_as_somebody_else(english, protected, person):
    olena, _app = protected
    english.post(reverse("account_logout"))
    sign_in(english, olena)
    assert english.get(reverse("account_login")).url == CODE
    english.post(reverse("account_logout"), {"next": reverse("account_login")})
    assert sign_in(english, person("mykola")).url == "/claims/"


def test_what_a_visitor_had_typed_survives_the_second_step_too(english, protected):
    olena, app = protected
    english.post(reverse("account_logout"))
    english.get("/account/sign-in/")
    session = english.session
    session["held_answers"] = {"A3.1": {}}
    session.save()
    english.cookies["sessionid"] = session.session_key
    sign_in(english, olena)
    english.post(CODE, {"code": app.now()})
    assert english.session["held_answers"] == {"A3.1": {}}


def test_a_wrong_code_is_refused(english, protected):
    olena, app = protected
    english.post(reverse("account_logout"))
    sign_in(english, olena)
    wrong = f"{(int(app.now()) + 1) % 10**6:06}"
    page = english.post(CODE, {"code": wrong})
    assert page.context["form"].errors["code"] == [
        "This code is not right. Enter the one that your app shows now."
    ]
    assert english.get(reverse("account_overview")).status_code == 302


def test_a_code_works_once(english, protected):
    olena, app = protected
    code = app.now()
    for expected in (reverse("claims:list"), None):
        english.post(reverse("account_logout"))
        sign_in(english, olena)
        answer = english.post(CODE, {"code": code})
        assert answer.headers.get("Location") == expected


def test_guessing_codes_is_slowed_down(english, protected):
    olena, app = protected
    english.post(reverse("account_logout"))
    sign_in(english, olena)
    wrong = f"{(int(app.now()) + 1) % 10**6:06}"
    for _ in range(5):
        english.post(CODE, {"code": wrong})
    page = english.post(CODE, {"code": app.now()})
    assert page.context["form"].errors["code"] == [
        "That was tried too often. Wait five minutes, then try again."
    ]


def test_secrets_are_not_stored_in_clear(protected):
    olena, app = protected
    stored = Authenticator.objects.filter(user=olena)
    assert {factor.type for factor in stored} == {"totp", "recovery_codes"}
    for factor in stored:
        text = str(factor.data)
        assert app.secret not in text
        assert not any(code in text for code in recovery_codes(factor))


def recovery_codes(factor: Authenticator) -> list[str]:
    with request_context(SimpleNamespace(user=factor.user)):
        return factor.wrap().get_unused_codes() if factor.type == "recovery_codes" else []


def copy_of(factor: Authenticator, user: User) -> Authenticator:
    return Authenticator.objects.create(user=user, type=factor.type, data=factor.data)


def test_a_second_factor_copied_to_another_person_opens_nothing(english, protected, person):
    olena, app = protected
    dariia = person("dariia")
    copy_of(Authenticator.objects.get(user=olena, type="totp"), dariia)
    english.post(reverse("account_logout"))
    sign_in(english, dariia)
    with pytest.raises(NotDecrypted):
        english.post(CODE, {"code": app.now()})


def test_recovery_codes_copied_to_another_person_open_nothing(protected, person):
    olena, _app = protected
    copy = copy_of(Authenticator.objects.get(user=olena, type="recovery_codes"), person("dariia"))
    with pytest.raises(NotDecrypted):
        recovery_codes(copy)


def test_the_secret_leaves_the_session_once_it_is_confirmed(english, protected):
    assert SECRET_SESSION_KEY not in english.session


def test_a_secret_cannot_be_read_with_another_key(english, protected, settings):
    olena, _app = protected
    settings.REGISTRY_KEYS = f"other:{'A' * 43}="
    english.post(reverse("account_logout"))
    sign_in(english, olena)
    with pytest.raises(NotDecrypted, match="REGISTRY_KEYS holds no key"):
        english.post(CODE, {"code": "000000"})


def test_a_recovery_code_works_instead_once(english, protected):
    olena, _app = protected
    code = recovery_codes(Authenticator.objects.get(user=olena, type="recovery_codes"))[0]
    for expected in (reverse("claims:list"), None):
        english.post(reverse("account_logout"))
        sign_in(english, olena)
        cache.clear()
        assert english.post(CODE, {"code": code}).headers.get("Location") == expected


def test_recovery_codes_are_shown_and_saved(english, protected):
    olena, _app = protected
    codes = recovery_codes(Authenticator.objects.get(user=olena, type="recovery_codes"))
    page = english.get(reverse("mfa_view_recovery_codes"))
    assert all(code in page.text for code in codes)
    file = english.get(reverse("mfa_download_recovery_codes"))
    assert file.text.split() == codes
    assert file["Content-Disposition"].startswith("attachment")


@pytest.mark.committing
def test_the_owner_is_told_by_e_mail(protected):
    assert mail.outbox[-1].subject == "The second step is on"


def test_setting_up_needs_the_password_again_after_five_minutes(english, person):
    sign_in(english, person("olena"))
    session = english.session
    session["account_authentication_methods"][0]["at"] -= 301
    session.save()
    assert english.get(reverse("mfa_activate_totp")).url.startswith(reverse("account_reauthenticate"))


def test_the_key_is_shown_as_a_picture_of_our_own(english, person):
    sign_in(english, person("olena"))
    english.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert english.get(reverse("mfa_qr_code")).status_code == 404
    page = english.get(reverse("mfa_activate_totp"))
    assert f'<img src="{reverse("mfa_qr_code")}"' in page.text
    assert key_on(page) == english.session[SECRET_SESSION_KEY]
    picture = english.get(reverse("mfa_qr_code"))
    assert picture["Content-Type"] == "image/svg+xml"
    assert "no-store" in picture["Cache-Control"]
    assert "style" not in picture.text


def key_on(page) -> str:
    return re.search(r"<strong>([A-Z2-7 ]+)</strong>", page.text)[1].replace(" ", "")


def test_a_first_code_that_is_wrong_keeps_the_key(english, person):
    sign_in(english, person("olena"))
    english.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    english.get(reverse("mfa_activate_totp"))
    secret = english.session[SECRET_SESSION_KEY]
    wrong = f"{(int(pyotp.TOTP(secret).now()) + 1) % 10**6:06}"
    page = english.post(reverse("mfa_activate_totp"), {"code": wrong})
    assert page.context["form"].errors["code"] == [
        "This code is not right. Enter the one that your app shows now."
    ]
    assert key_on(page) == secret


def test_removing_the_second_step_removes_its_recovery_codes(english, protected):
    olena, _app = protected
    english.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=olena).exists()
    english.post(reverse("account_logout"))
    assert sign_in(english, olena).url == "/claims/"
