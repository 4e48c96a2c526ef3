"""What the database refuses about people and roles, and how other parts of the register know a person."""

import pytest
from django.db import IntegrityError

from accounts.models import RoleMembership, User
from accounts.roles import Role

pytestmark = pytest.mark.django_db


def test_two_accounts_cannot_differ_by_capitals_only():
    User.objects.create_user("olena@example.org")
    with pytest.raises(IntegrityError, match="user_email_unique_ignoring_case"):
        User.objects.create(email="Olena@example.org")


def test_a_role_is_held_once(person):
    petro = person("petro", Role.REVIEWER)
    with pytest.raises(IntegrityError, match="role_held_once"):
        RoleMembership.objects.create(user=petro, role=Role.REVIEWER)


@pytest.mark.parametrize("role", ["claimant", "representative", "king"])
def test_the_database_keeps_only_roles_that_are_granted(person, role):
    with pytest.raises(IntegrityError, match="role_can_be_granted"):
        RoleMembership.objects.create(user=person("olena"), role=role)


def test_the_ledger_knows_a_person_by_a_random_id(person):
    olena = person("olena")
    assert (olena.actor.kind, olena.actor.id) == ("person", str(olena.public_id))


def test_a_person_is_found_whatever_the_capitals(person):
    olena = person("olena")
    assert User.objects.with_email(" OLENA@example.org ").get() == olena
    assert User.objects.get_by_natural_key("Olena@Example.org") == olena


def test_two_people_signing_up_at_once_with_one_address_get_one_account(english, person, monkeypatch):
    person("olena")
    # As if the other tab had not committed yet when this one looked.
    monkeypatch.setattr(User.objects, "with_email", lambda email: User.objects.none())
    answer = english.post(
        "/account/sign-up/", {"email": "olena@example.org", "password1": "a long password 1"}
    )
    assert answer.url == "/account/check-your-mail/"
    assert User.objects.filter(email="olena@example.org").count() == 1
