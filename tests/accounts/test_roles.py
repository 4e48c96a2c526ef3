"""Who may do what, as a table; and the two acts that change it."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import translation

from accounts import membership
from accounts.models import RoleMembership, User
from accounts.roles import PERMISSIONS, STAFF, Role
from ledger.log import SYSTEM, Actor
from ledger.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


# permission: the roles that have it. Nothing else allows anything.
MATRIX = {
    "accounts.change_roles": {"executive_director"},
    "accounts.view_user": {"executive_director", "data_protection_officer", "support_agent", "auditor"},
    "claims.carry_out_erasure": {"data_protection_officer", "executive_director"},
    "claims.change_category": {"register_manager"},
    "claims.propose_erasure": {"data_protection_officer"},
    "claims.view_category": {
        "intake_officer",
        "reviewer",
        "senior_reviewer",
        "executive_director",
        "board_member",
        "board_secretary",
        "register_manager",
        "data_protection_officer",
        "translator",
        "support_agent",
        "auditor",
    },
    "claims.view_statistics": {
        "senior_reviewer",
        "executive_director",
        "board_member",
        "board_secretary",
        "register_manager",
        "auditor",
    },
    "ledger.view_entry": {"data_protection_officer", "auditor"},
    "partners.manage_partners": {"register_manager"},
    "partners.view_partner": {"executive_director", "register_manager", "auditor"},
    "review.decide_batches": {"board_member"},
    "review.give_clearance": {"executive_director"},
    "review.prepare_batches": {"board_secretary"},
    "review.return_claims": {"senior_reviewer"},
    "review.review_claims": {"reviewer", "senior_reviewer"},
    "review.submit_batches": {"executive_director"},
    "review.view_batches": {"auditor"},
}
ROLES = [
    "claimant",
    "representative",
    "intake_officer",
    "reviewer",
    "senior_reviewer",
    "executive_director",
    "board_member",
    "board_secretary",
    "register_manager",
    "data_protection_officer",
    "translator",
    "support_agent",
    "auditor",
]


def test_the_roles_are_those_of_the_rules():
    assert [role.value for role in Role] == ROLES


def test_no_permission_is_outside_the_table():
    assert {permission for allowed in PERMISSIONS.values() for permission in allowed} == set(MATRIX)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("permission", MATRIX)
def test_a_role_allows_what_the_table_says(role, permission):
    assert (permission in PERMISSIONS[Role(role)]) == (role in MATRIX[permission])


@pytest.mark.parametrize("role", sorted(STAFF))
def test_a_person_may_do_what_their_role_allows(person, role):
    petro = person("petro", Role(role))
    allowed = {name for name in MATRIX if role in MATRIX[name]}
    assert petro.get_all_permissions() == allowed
    assert {name for name in MATRIX if petro.has_perm(name)} == allowed
    apps = ("accounts", "claims", "evidence", "ledger", "partners", "review")
    assert {app for app in apps if petro.has_module_perms(app)} == {name.split(".")[0] for name in allowed}


def test_everyone_who_signs_in_is_a_claimant_and_no_more(person):
    olena = person("olena")
    assert olena.roles == {Role.CLAIMANT}
    assert not olena.is_staff
    assert not olena.has_perm("review.review_claims")


def test_an_inactive_person_may_do_nothing(person):
    petro = person("petro", Role.REVIEWER)
    petro.is_active = False
    assert petro.get_all_permissions() == set()
    assert not petro.is_staff


def test_an_inactive_superuser_may_do_nothing(person):
    emergency = person("emergency", is_superuser=True, is_active=False)
    assert not emergency.has_perm("review.review_claims")
    assert not emergency.is_staff


def test_a_visitor_may_do_nothing():
    assert not AnonymousUser().has_perm("claims.view_category")


def test_a_role_says_nothing_about_a_single_object(person):
    petro = person("petro", Role.REVIEWER)
    assert not petro.has_perm("review.review_claims", petro)


def test_roles_cost_one_query(person, django_assert_num_queries):
    person("petro", Role.REVIEWER, Role.TRANSLATOR)
    petro = User.objects.get(email="petro@example.org")
    with django_assert_num_queries(1):
        assert petro.is_staff
        assert petro.has_perm("review.review_claims")
        assert petro.has_module_perms("review")
        assert petro.roles == {Role.CLAIMANT, Role.REVIEWER, Role.TRANSLATOR}


@pytest.fixture
def director(person):
    return person("dariia", Role.EXECUTIVE_DIRECTOR)


def newest_entry() -> dict:
    return json.loads(Entry.objects.latest("pk").body)


def test_the_executive_director_grants_a_role(director, person):
    petro = person("petro")
    granted = membership.grant(petro, Role.REVIEWER, by=director)
    assert granted.granted_by == director
    assert petro.has_perm("review.review_claims")


def test_a_grant_is_entered_in_the_ledger(director, person):
    petro = person("petro")
    membership.grant(petro, Role.REVIEWER, by=director)
    entry = newest_entry()
    assert entry["kind"] == "role.granted"
    assert entry["open"] is False
    assert entry["actor"] == {"kind": "person", "id": str(director.public_id)}
    assert entry["office"] == "executive_director"
    assert entry["facts"] == {"role": "reviewer", "subject": str(petro.public_id)}


def test_a_role_taken_back_is_gone_and_entered_in_the_ledger(director, person):
    petro = person("petro", Role.REVIEWER)
    assert petro.is_staff
    membership.revoke(petro, Role.REVIEWER, by=director)
    assert not petro.is_staff
    entry = newest_entry()
    assert entry["kind"] == "role.revoked"
    assert entry["open"] is False
    assert entry["facts"] == {"role": "reviewer", "subject": str(petro.public_id)}


def test_a_superuser_may_appoint_in_an_emergency(person):
    membership.grant(person("dariia"), Role.EXECUTIVE_DIRECTOR, by=person("emergency", is_superuser=True))
    assert newest_entry()["office"] == "superuser"


def test_the_system_grants_at_installation(person):
    assert membership.grant(person("dariia"), Role.EXECUTIVE_DIRECTOR, by=SYSTEM).granted_by is None
    assert newest_entry()["actor"] == {"kind": "system", "id": ""}


@pytest.mark.parametrize("act", [membership.grant, membership.revoke])
@pytest.mark.parametrize("role", sorted(STAFF - {Role.EXECUTIVE_DIRECTOR}))
def test_nobody_else_changes_roles(person, act, role):
    with pytest.raises(membership.NotEntitled, match="Only the executive director"):
        act(person("petro"), Role.REVIEWER, by=person("mykola", Role(role)))


def test_a_partner_changes_no_roles(person):
    with pytest.raises(membership.NotEntitled):
        membership.grant(person("petro"), Role.REVIEWER, by=Actor("partner", "1"))


@pytest.mark.parametrize("act", [membership.grant, membership.revoke])
def test_nobody_changes_their_own_roles(director, act):
    with pytest.raises(membership.OwnRole, match="their own roles"):
        act(director, Role.REVIEWER, by=director)


@pytest.mark.parametrize("role", [Role.CLAIMANT, Role.REPRESENTATIVE])
def test_being_a_claimant_is_not_granted(director, person, role):
    with pytest.raises(membership.NotGrantable):
        membership.grant(person("petro"), role, by=director)


def test_a_closed_account_is_granted_nothing(director, person):
    with pytest.raises(membership.NotGrantable, match="closed"):
        membership.grant(person("petro", is_active=False), Role.REVIEWER, by=director)


def test_a_role_is_not_granted_twice(director, person):
    with pytest.raises(membership.AlreadyHeld):
        membership.grant(person("petro", Role.REVIEWER), Role.REVIEWER, by=director)


def test_a_role_that_is_not_held_is_not_taken_back(director, person):
    with pytest.raises(membership.NotHeld):
        membership.revoke(person("petro"), Role.REVIEWER, by=director)


def test_a_refused_change_leaves_no_trace(director, person):
    petro = person("petro")
    entries = Entry.objects.count()
    with pytest.raises(membership.Refused):
        membership.grant(petro, Role.REVIEWER, by=petro)
    assert not RoleMembership.objects.filter(user=petro).exists()
    assert Entry.objects.count() == entries
