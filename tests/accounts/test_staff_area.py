"""Who gets into the staff area, what it shows of people, and that Django's own log stays empty."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.admin_site import ModelAdmin, RegistryAdminSite
from accounts.models import User
from accounts.roles import Role
from tests.accounts.conftest import PASSWORD, set_up_second_factor, sign_in

pytestmark = pytest.mark.django_db

STAFF_AREA = reverse("admin:index")
PEOPLE = reverse("admin:accounts_user_changelist")


@pytest.fixture
def demo(settings):
    settings.DEMO = True


@pytest.fixture
def director(english, person, demo):
    """A signed-in executive director, in the demo."""
    dariia = person("dariia", Role.EXECUTIVE_DIRECTOR)
    sign_in(english, dariia)
    return dariia


def test_a_visitor_is_sent_to_sign_in_and_back(english, person):
    page = english.get(PEOPLE, follow=True)
    assert page.redirect_chain[-1][0] == f"{reverse('account_login')}?next={PEOPLE}"


def test_a_claimant_is_refused(english, person):
    sign_in(english, person("olena"))
    assert english.get(STAFF_AREA, follow=True).status_code == 403


def test_staff_without_a_second_factor_are_told_to_set_one_up(english, person):
    sign_in(english, person("petro", Role.REVIEWER))
    page = english.get(STAFF_AREA, follow=True)
    assert page.redirect_chain[-1][0] == reverse("account_second_factor_needed")
    assert reverse("mfa_activate_totp") in page.text


def test_staff_who_set_up_a_second_factor_give_a_code_and_come_in(english, person):
    sign_in(english, person("petro", Role.AUDITOR))
    english.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    app = set_up_second_factor(english)
    page = english.get(PEOPLE, follow=True)
    asked = f"{reverse('mfa_reauthenticate')}?next={PEOPLE}"
    assert page.redirect_chain[-1][0] == asked
    assert english.post(asked, {"code": app.now()}).url == PEOPLE
    assert english.get(PEOPLE).status_code == 200


@pytest.fixture
def proved(english, person):
    """A reviewer who signed in with password and code; and their app."""
    petro = person("petro", Role.AUDITOR)
    sign_in(english, petro)
    english.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    app = set_up_second_factor(english)
    english.post(reverse("account_logout"))
    sign_in(english, petro)
    english.post(reverse("mfa_authenticate"), {"code": app.now()})
    return petro, app


def test_a_code_at_sign_in_opens_the_staff_area(english, proved):
    assert english.get(STAFF_AREA).status_code == 200


def test_a_code_given_in_another_session_does_not_count(proved):
    petro, _app = proved
    elsewhere = Client()
    elsewhere.force_login(petro)
    assert (
        elsewhere.get(STAFF_AREA, follow=True).redirect_chain[-1][0].startswith(reverse("mfa_reauthenticate"))
    )


def test_the_password_again_is_not_a_second_factor(proved):
    petro, _app = proved
    elsewhere = Client()
    elsewhere.force_login(petro)
    elsewhere.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert elsewhere.get(STAFF_AREA).status_code == 302


def test_a_factor_that_was_removed_does_not_count_any_more(english, proved):
    petro, _app = proved
    Authenticator.objects.filter(user=petro).delete()
    page = english.get(STAFF_AREA, follow=True)
    assert page.redirect_chain[-1][0] == reverse("account_second_factor_needed")


def test_the_demo_asks_for_no_second_factor(english, person, demo):
    sign_in(english, person("petro", Role.REVIEWER))
    assert english.get(STAFF_AREA).status_code == 200


def test_the_demo_still_asks_for_a_staff_role(english, person, demo):
    sign_in(english, person("olena"))
    assert english.get(STAFF_AREA, follow=True).status_code == 403


def test_the_staff_area_has_no_sign_in_form_of_its_own(english):
    assert english.post(reverse("admin:login"), {"username": "x", "password": "y"}).status_code == 302


def test_signing_out_of_the_staff_area_signs_out(english, director):
    assert english.post(reverse("admin:logout")).url == "/"
    assert english.get(STAFF_AREA).status_code == 302


def test_only_our_own_pages_are_shown():
    assert all(isinstance(page, ModelAdmin) for page in admin.site._registry.values())
    assert not {Group, EmailAddress, Authenticator} & set(admin.site._registry)
    assert isinstance(admin.site._wrapped, RegistryAdminSite)


def test_a_page_that_would_write_django_s_log_is_refused():
    with pytest.raises(ImproperlyConfigured, match="must derive from accounts.admin_site.ModelAdmin"):
        admin.site.register(Group, type("Plain", (admin.ModelAdmin,), {"__module__": "claims.admin"}))


def test_a_list_never_counts_the_whole_table(english, director):
    with CaptureQueriesContext(connection) as queries:
        english.get(PEOPLE, {"q": director.email})
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 10000" in sql for sql in counts)


def test_people_are_found_by_their_exact_address_only(english, director, person):
    person("olena")
    assert shown(english.get(PEOPLE, {"q": "Olena@Example.org"})) == ["olena@example.org"]
    assert shown(english.get(PEOPLE, {"q": "olena"})) == []
    assert shown(english.get(PEOPLE, {"q": "olena@example"})) == []


@pytest.mark.parametrize("query", ["", "?q=", "?q=+", "?all=", "?p=1", "?email__contains=olena", "?o=1"])
def test_nobody_s_address_is_shown_who_was_not_asked_for(english, director, person, query):
    person("olena")
    page = english.get(PEOPLE + query, follow=True)
    assert shown(page) == []
    assert "olena@example.org" not in page.text


def shown(page) -> list[str]:
    return [user.email for user in page.context["cl"].result_list]


def test_a_person_is_shown_by_public_id_and_cannot_be_changed_or_deleted(english, director, person):
    olena = person("olena")
    page = english.get(reverse("admin:accounts_user_change", args=[olena.public_id]))
    assert "olena@example.org" in page.text
    assert english.get(reverse("admin:accounts_user_change", args=[olena.pk])).status_code == 302
    assert english.post(page.request["PATH_INFO"], {"email": "x@example.org"}).status_code == 403
    assert english.get(reverse("admin:accounts_user_delete", args=[olena.public_id])).status_code == 403
    assert english.get(reverse("admin:accounts_user_history", args=[olena.public_id])).status_code == 404
    assert english.get(reverse("admin:accounts_user_add")).status_code == 403


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.BOARD_MEMBER, Role.TRANSLATOR])
def test_people_are_not_everybody_s_business(english, person, demo, role):
    sign_in(english, person("petro", role))
    assert english.get(PEOPLE).status_code == 403


def roles_page(user: User) -> str:
    return reverse("admin:accounts_user_roles", args=[user.public_id])


def test_the_director_grants_and_takes_back_a_role_on_its_page(english, director, person):
    olena = person("olena")
    assert english.get(roles_page(olena)).status_code == 200
    english.post(roles_page(olena), {"role": "reviewer"})
    assert list(olena.memberships.values_list("role", "granted_by")) == [("reviewer", director.pk)]
    assert "Reviewer" in english.get(roles_page(olena)).text
    english.post(roles_page(olena), {"role": "reviewer", "revoke": ""})
    assert not olena.memberships.exists()


def test_a_refused_change_is_explained_on_the_page(english, director):
    page = english.post(roles_page(director), {"role": "reviewer"}, follow=True)
    assert "Nobody changes their own roles." in page.text


@pytest.mark.parametrize("role", ["claimant", "king", ""])
def test_only_roles_that_can_be_granted_are_offered(english, director, person, role):
    olena = person("olena")
    assert english.post(roles_page(olena), {"role": role}).context["form"].errors
    assert not olena.memberships.exists()


def test_the_auditor_sees_people_and_changes_no_roles(english, person, demo):
    anna = person("anna", Role.AUDITOR)
    sign_in(english, anna)
    page = english.get(reverse("admin:accounts_user_change", args=[anna.public_id]))
    assert page.status_code == 200
    assert "roles/" not in page.text
    assert english.post(roles_page(anna), {"role": "reviewer"}).status_code == 403


def test_an_unknown_person_is_not_found(english, director):
    missing = "00000000-0000-4000-8000-000000000000"
    assert english.get(reverse("admin:accounts_user_roles", args=[missing])).status_code == 404


def test_django_s_own_log_stays_empty(english, director, person):
    english.post(roles_page(person("olena")), {"role": "reviewer"})
    page = ModelAdmin(User, admin.site)
    page.log_addition(None, director, "")
    page.log_change(None, director, "")
    page.log_deletions(None, [director])
    assert not LogEntry.objects.exists()
    assert "Recent actions" not in english.get(STAFF_AREA).text
