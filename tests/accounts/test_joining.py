"""An account begins when its address is confirmed. One that never was does not stay."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse
from django.utils import timezone

from accounts import joining
from accounts.models import RoleMembership, User
from accounts.roles import Role
from tests.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def stranger(english) -> User:
    """Somebody typed this address eight days ago and never opened the link."""
    english.post(reverse("account_signup"), {"email": "stranger@example.org", "password1": PASSWORD})
    return joined(User.objects.get(), days=8)


def joined(user: User, *, days: int) -> User:
    User.objects.filter(pk=user.pk).update(joined_at=timezone.now() - timedelta(days=days))
    return user


def test_an_account_that_was_never_confirmed_goes_after_a_week(stranger):
    assert joining.remove_unconfirmed() == 1
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()


def test_a_week_is_given_to_confirm(stranger):
    joined(stranger, days=6)
    assert joining.remove_unconfirmed() == 0
    assert joining.remove_unconfirmed(older_than=timedelta(days=5)) == 1


def test_whoever_confirmed_an_address_stays(person):
    olena = joined(person("olena"), days=1000)
    EmailAddress.objects.create(user=olena, email="new@example.org", verified=False)
    assert joining.remove_unconfirmed() == 0


def test_whoever_holds_an_office_stays(stranger):
    RoleMembership.objects.create(user=stranger, role=Role.REVIEWER)
    assert joining.remove_unconfirmed() == 0


def test_a_superuser_made_on_the_command_line_stays():
    joined(User.objects.create_superuser("emergency@example.org", PASSWORD), days=1000)
    assert joining.remove_unconfirmed() == 0


def test_an_account_that_something_refers_to_stays_and_holds_up_no_other(stranger, person):
    RoleMembership.objects.create(user=person("petro"), role=Role.REVIEWER, granted_by=stranger)
    joined(User.objects.create_user("other@example.org"), days=8)
    assert joining.remove_unconfirmed() == 1
    assert User.objects.filter(pk=stranger.pk).exists()


def test_an_address_confirmed_at_this_moment_keeps_its_account(stranger, monkeypatch):
    found = list(User.objects.never_confirmed(before=timezone.now()))
    EmailAddress.objects.update(verified=True)
    monkeypatch.setattr(User.objects, "never_confirmed", lambda before: found)
    assert joining.remove_unconfirmed() == 0
    assert User.objects.get() == stranger
