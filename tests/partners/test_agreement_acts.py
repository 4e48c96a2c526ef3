"""The acts that create partners, change terms and let programs in: who may, what is entered or refused."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError
from django.utils import translation

from accounts.roles import STAFF, Role
from ledger.log import SYSTEM, Actor
from ledger.models import Entry
from partners import agreements
from partners.agreements import DEMO_TERMS
from partners.models import AgreementVersion, Application, Partner
from tests import make

pytestmark = pytest.mark.django_db

NARROW = replace(DEMO_TERMS, categories=("A3.1",))


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def manager():
    return make.user("mariia", Role.REGISTER_MANAGER)


@pytest.fixture
def ministry():
    return agreements.create("Ministry", terms=DEMO_TERMS, by=SYSTEM)


def newest_entry() -> dict:
    return json.loads(Entry.objects.latest("pk").body)


def test_a_register_manager_creates_a_partner_with_its_terms(manager):
    ministry = agreements.create("  Ministry   of Digital ", terms=DEMO_TERMS, by=manager)
    assert ministry.name == "Ministry of Digital"
    assert agreements.current(ministry) == DEMO_TERMS
    version = AgreementVersion.objects.get(partner=ministry)
    assert (version.number, version.made_by_kind, version.made_by_id) == (1, "person", str(manager.public_id))
    assert newest_entry() | {"at": ""} == {
        "format": "registry-entry/1",
        "kind": "partner.created",
        "open": False,
        "at": "",
        "actor": {"kind": "person", "id": str(manager.public_id)},
        "office": "register_manager",
        "claim": None,
        "version": None,
        "before": None,
        "after": None,
        "facts": {"partner": str(ministry.public_id), "version": 1, "digest": DEMO_TERMS.digest},
    }


@pytest.mark.parametrize("name", ["ministry", "MINISTRY ", " Ministry"])
def test_a_name_is_given_once_whatever_its_capitals(ministry, name):
    with pytest.raises(agreements.Refused, match="There is a partner of this name already"):
        agreements.create(name, terms=DEMO_TERMS, by=SYSTEM)


def test_the_database_refuses_a_second_of_one_name_too(ministry):
    with pytest.raises(IntegrityError, match="partner_name_unique"):
        Partner.objects.create(name="MINISTRY")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\0b"])
def test_a_name_must_be_one(name):
    with pytest.raises(agreements.Refused, match="1 to 200 characters"):
        agreements.create(name, terms=DEMO_TERMS, by=SYSTEM)


def test_new_terms_are_a_further_version(ministry, manager):
    version = agreements.change(ministry, NARROW, by=manager)
    assert version.number == 2
    assert agreements.current(ministry) == NARROW
    assert newest_entry()["kind"] == "agreement.changed"
    assert newest_entry()["facts"] == {
        "partner": str(ministry.public_id),
        "version": 2,
        "widened": False,
        "narrowed": True,
        "digest": NARROW.digest,
    }
    assert json.loads(version.entry.body) == newest_entry()


def test_terms_that_widen_and_narrow_say_both(ministry):
    agreements.change(ministry, replace(NARROW, states=("recorded", "submitted")), by=SYSTEM)
    facts = newest_entry()["facts"]
    assert (facts["widened"], facts["narrowed"]) == (True, True)


def test_the_same_terms_are_no_change(ministry):
    with pytest.raises(agreements.Refused, match="in force already"):
        agreements.change(ministry, DEMO_TERMS, by=SYSTEM)


def test_terms_made_from_others_than_those_in_force_are_refused(ministry):
    agreements.change(ministry, NARROW, by=SYSTEM, seen=DEMO_TERMS.digest)
    wide = replace(DEMO_TERMS, states=("submitted",))
    with pytest.raises(agreements.TermsChanged, match="changed in the meantime"):
        agreements.change(ministry, wide, by=SYSTEM, seen=DEMO_TERMS.digest)
    assert agreements.current(ministry) == NARROW


def test_terms_that_make_no_sense_are_refused(ministry):
    with pytest.raises(agreements.TermsRefused, match="is not known"):
        agreements.change(ministry, replace(DEMO_TERMS, states=("eligible",)), by=SYSTEM)


def test_a_partner_is_suspended_and_let_in_again(ministry, manager):
    agreements.suspend(ministry, by=manager)
    assert not Partner.objects.get().is_active
    assert (newest_entry()["kind"], newest_entry()["open"]) == ("partner.suspended", False)
    with pytest.raises(agreements.Refused, match="suspended already"):
        agreements.suspend(ministry, by=manager)
    agreements.resume(ministry, by=manager)
    assert Partner.objects.get().is_active
    assert newest_entry()["kind"] == "partner.resumed"
    with pytest.raises(agreements.Refused, match="not suspended"):
        agreements.resume(ministry, by=manager)


def test_credentials_are_issued_and_only_their_hash_is_kept(ministry, manager):
    client_id, secret = agreements.add_application(ministry, scopes=["claims:read"], by=manager)
    assert len(secret) == 43  # 256 bits in base64
    kept = Application.objects.get(client_id=client_id)
    assert kept.scopes == "claims:read"
    assert kept.client_secret.startswith("sha256$")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(a::text, ' ') FROM partners_application AS a")
        assert secret not in cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(body, ' ') FROM ledger_entry")
        assert secret not in cursor.fetchone()[0]
    assert newest_entry()["facts"] == {
        "partner": str(ministry.public_id),
        "client": client_id,
        "scopes": ["claims:read"],
    }


def test_a_scope_that_does_not_exist_is_refused_with_those_that_do(ministry):
    with pytest.raises(agreements.Refused, match="no scope 'claims:write'. Known are claims:read, evidence"):
        agreements.add_application(ministry, scopes=["claims:read", "claims:write"], by=SYSTEM)
    assert not Application.objects.exists()


def test_credentials_are_revoked_once(ministry, manager):
    client_id, _secret = agreements.add_application(ministry, scopes=["claims:read"], by=SYSTEM)
    application = Application.objects.get()
    agreements.revoke_application(application, by=manager)
    assert newest_entry()["facts"] == {"partner": str(ministry.public_id), "client": client_id}
    with pytest.raises(agreements.Refused, match="revoked already"):
        agreements.revoke_application(application, by=manager)


ACTS = {
    "create": lambda ministry, by: agreements.create("Other", terms=DEMO_TERMS, by=by),
    "change": lambda ministry, by: agreements.change(ministry, NARROW, by=by),
    "suspend": lambda ministry, by: agreements.suspend(ministry, by=by),
    "resume": lambda ministry, by: agreements.resume(ministry, by=by),
    "add_application": lambda ministry, by: agreements.add_application(ministry, scopes=[], by=by),
    "revoke_application": lambda ministry, by: agreements.revoke_application(
        ministry.applications.get(), by=by
    ),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", sorted(STAFF - {Role.REGISTER_MANAGER}))
def test_nobody_else_manages_partners(ministry, act, role):
    agreements.add_application(ministry, scopes=[], by=SYSTEM)
    entries = Entry.objects.count()
    petro = make.user("petro", Role(role))
    before = Entry.objects.count()
    assert before >= entries
    with pytest.raises(agreements.NotEntitled, match="Only a register manager"):
        ACTS[act](ministry, petro)
    assert Entry.objects.count() == before


@pytest.mark.parametrize("act", ACTS)
def test_a_partner_does_not_manage_itself(ministry, act):
    agreements.add_application(ministry, scopes=[], by=SYSTEM)
    with pytest.raises(agreements.NotEntitled):
        ACTS[act](ministry, Actor("partner", str(uuid.uuid4())))


def refused_by_the_database(statement: str) -> str:
    with pytest.raises(ProgrammingError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return str(refusal.value)


def test_the_web_server_cannot_rewrite_an_agreement(ministry):
    for statement in (
        "UPDATE partners_agreementversion SET terms = '{}'",
        "DELETE FROM partners_agreementversion",
        "TRUNCATE partners_agreementversion",
    ):
        assert "permission denied" in refused_by_the_database(statement)


def test_the_web_server_cannot_give_an_application_to_another_partner_or_more_scopes(ministry):
    agreements.add_application(ministry, scopes=[], by=SYSTEM)
    for statement in (
        "UPDATE partners_application SET partner_id = 0",
        "UPDATE partners_application SET scopes = 'claims:read'",
        "UPDATE partners_application SET client_secret = 'x'",
        "DELETE FROM partners_application",
    ):
        assert "permission denied" in refused_by_the_database(statement)


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization_grant_type": "password"},
        {"authorization_grant_type": "authorization-code"},
        {"client_type": "public"},
        {"redirect_uris": "https://example.org"},
    ],
)
def test_the_database_knows_client_credentials_alone(ministry, fields):
    usual = {"authorization_grant_type": "client-credentials", "client_type": "confidential"}
    secret = f"sha256${'0' * 32}${'0' * 64}"
    with pytest.raises(IntegrityError, match="application_has_client_credentials_alone"):
        Application.objects.create(partner=ministry, client_secret=secret, **(usual | fields))


def test_the_database_keeps_no_secret_in_clear(ministry):
    with pytest.raises(IntegrityError, match="application_secret_is_hashed"):
        Application.objects.create(
            partner=ministry,
            client_secret="open sesame",
            authorization_grant_type="client-credentials",
            client_type="confidential",
        )


@pytest.mark.committing
def test_two_managers_who_change_the_terms_at_once_make_two_versions():
    ministry = agreements.create("Ministry", terms=DEMO_TERMS, by=SYSTEM)
    wanted = [NARROW, replace(DEMO_TERMS, regions=("UA-32",))]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda terms: agreements.change(ministry, terms, by=SYSTEM).number, wanted))
    assert sorted(made) == [2, 3]
