"""The accounts of the demo: made once, printed once, kept where only their owner reads."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import RoleMembership, User
from accounts.roles import STAFF, Role
from ledger.models import Entry
from tests.accounts.conftest import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings, tmp_path):
    settings.DEMO = True
    settings.DATA_DIR = tmp_path
    return tmp_path / "demo-accounts.json"


def make() -> str:
    out = StringIO()
    call_command("make_demo_accounts", stdout=out)
    return out.getvalue()


def test_they_exist_in_the_demo_only(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with pytest.raises(CommandError, match="only in the demo"):
        make()
    assert User.objects.count() == 0
    assert list(tmp_path.iterdir()) == []


def test_each_staff_role_has_one_and_reviewers_are_two(demo):
    make()
    held = sorted(RoleMembership.objects.values_list("user__email", "role"))
    assert held == sorted(
        [(f"{role}@example.org", role) for role in STAFF] + [("reviewer2@example.org", "reviewer")]
    )
    assert list(User.objects.filter(is_superuser=True).values_list("email", flat=True)) == [
        "emergency@example.org"
    ]
    assert User.objects.get(email="claimant@example.org").roles == {Role.CLAIMANT}


def test_roles_are_given_by_the_act(demo):
    make()
    assert Entry.objects.filter(kind="role.granted").count() == RoleMembership.objects.count()


def test_every_account_can_sign_in(demo, client):
    make()
    for account in json.loads(demo.read_text()):
        answer = sign_in(client, User.objects.get(email=account["email"]), account["password"])
        assert answer.url == ("/claims/" if account["role"] == "claimant" else "/admin/")
        client.post("/account/sign-out/")


def test_the_file_is_for_scripts_and_for_its_owner_alone(demo):
    make()
    assert demo.stat().st_mode & 0o777 == 0o600
    accounts = json.loads(demo.read_text())
    assert {tuple(account) for account in accounts} == {("role", "email", "password")}
    assert "reviewer2" in [account["role"] for account in accounts]
    assert len({account["password"] for account in accounts}) == len(accounts) == 14


def test_passwords_are_printed_the_first_time_only(demo):
    first, second = make(), make()
    accounts = json.loads(demo.read_text())
    assert all(account["password"] in first for account in accounts)
    assert second == f"Demo accounts: {demo}\n"


def test_a_second_run_changes_nothing(demo):
    make()
    before = demo.read_bytes(), sorted(User.objects.values_list("email", "password")), Entry.objects.count()
    make()
    assert before == (
        demo.read_bytes(),
        sorted(User.objects.values_list("email", "password")),
        Entry.objects.count(),
    )


def test_a_new_database_gets_new_accounts_and_a_new_file(demo):
    make()
    old = demo.read_bytes()
    RoleMembership.objects.all().delete()
    User.objects.get(email="auditor@example.org").emailaddress_set.all().delete()
    User.objects.get(email="auditor@example.org").delete()
    make()
    assert demo.read_bytes() != old
    assert demo.stat().st_mode & 0o777 == 0o600
    assert User.objects.filter(email__endswith="@example.org").count() == 14


def test_a_lost_file_is_made_again_with_new_passwords(demo, client):
    make()
    demo.unlink()
    make()
    account = json.loads(demo.read_text())[0]
    assert sign_in(client, User.objects.get(email=account["email"]), account["password"]).url == "/claims/"
