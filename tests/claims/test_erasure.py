"""Erasing by law: two people, an entry in the ledger, nothing left of what went, all else as it was."""

import hashlib
import json
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, connection, connections, transaction

from accounts.roles import STAFF, Role
from claims import entries, erasure, filing, lifecycle, statistics, versions
from claims.mandates import BY_QUESTION, SECTIONS, Type
from claims.models import (
    AidItem,
    Attachment,
    Claim,
    Claimant,
    ClaimCount,
    ClaimVersion,
    Draft,
    Erasure,
    Ground,
    InformationRequest,
    PersonCovered,
)
from claims.sessions import HELD
from evidence.models import Blob, EvidenceFile
from ledger import log, sealing
from ledger.models import Entry
from tests import make
from tests.claims import moving
from tests.claims.test_at_once import at_once, wait_until_blocked

pytestmark = pytest.mark.django_db

OFFICER, DIRECTOR = Role.DATA_PROTECTION_OFFICER, Role.EXECUTIVE_DIRECTOR


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def newest(claim):
    return claim.versions.latest("number")


def told(kind, claim):
    return [json.loads(e.body) for e in Entry.objects.filter(claim=claim.public_id, kind=kind).order_by("id")]


# --- What is gone ---


def mark(section):
    return f"zq{section}zq"


def marked(question, answer, section):
    """The answer with the mark of its section wherever words fit."""
    if question.type in (Type.TEXT, Type.LONG_TEXT) and question.max_length >= len(mark(section)):
        return mark(section)
    if question.type in (Type.PERSON, Type.ADDRESS):
        words = {"family_name", "given_name", "patronymic", "street", "unit"}
        return {part: mark(section) if part in words else said for part, said in answer.items()}
    if question.type is Type.GROUP:
        fields = {field.id: field for field in question.fields}
        return [{f: marked(fields[f], said, section) for f, said in item.items()} for item in answer]
    return answer


def answers(code):
    said = make.answers(code)
    asked = [question for question in make.form(code).questions if question.id in said]
    return {q.id: marked(q, said[q.id], q.section) for q in asked}


def everywhere(code="A3.3", by="olena"):
    """A claim whose every section stands in every place where a section can: two frozen versions, changes
    that were begun, a reply and a session that wait, and the rows for searching. Each names its section."""
    claim = make.draft(code, by=by, answers=answers(code))
    make.evidence(claim, name=f"{mark('evidence')}.pdf", description=mark("evidence"))
    filing.save_own_account(claim, mark("account"))
    filing.save_eligibility(claim, {"in_territory": "yes"})
    make.submit(claim, name=mark("core"))
    moving.replied(moving.asked(make.fresh(claim)), text=mark("account"))
    InformationRequest.objects.filter(pk=moving.asked(make.fresh(claim)).pk).update(reply=mark("account"))
    filing.reopen(claim, by=claim.filed_by)
    Draft.objects.update(eligibility={"in_territory": mark("core")}, consents={"notice": mark("core")})
    return make.fresh(claim)


TABLES = """
SELECT relname FROM pg_class JOIN pg_namespace AS space ON space.oid = relnamespace
WHERE space.nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition
    AND has_table_privilege(pg_class.oid, 'SELECT')
"""
HOLDING = """
SELECT DISTINCT field.key, hit[1]
FROM (SELECT * FROM "{0}" AS row WHERE row::text ~ '{1}') AS row, jsonb_each_text(to_jsonb(row)) AS field,
    regexp_matches(field.value, '({1})', 'g') AS hit
"""


def found(pattern):
    """{what matches: every (table, column) of the whole database that holds it}"""
    places = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(HOLDING.format(table, pattern))
            for column, hit in cursor.fetchall():
                places[hit].add((table, column))
    return dict(places)


def declared():
    """Where models say that personal data of a section lives: {(table, column): section}."""
    return {
        (model._meta.db_table, model._meta.get_field(field).column): section
        for model in apps.get_models()
        for field, section in getattr(model, "section_of", {}).items()
        if section is not None
    }


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("code", ["A3.3", "C1.1"])
def test_nothing_of_an_erased_section_is_left_in_any_table_and_all_of_the_others_is(code, section):
    claim = everywhere(code)
    salts = "|".join({bytes(getattr(v, f"{section}_salt")).hex() for v in claim.versions.all()})
    before = found("zq[a-z]+zq")
    assert set().union(*found(salts).values()) == {("claims_claimversion", f"{section}_salt")}
    make.erased(claim, section)
    before.pop(mark(section), None)
    assert (found("zq[a-z]+zq"), found(salts)) == (before, {})


def test_every_place_where_a_section_is_found_is_declared_as_its_place():
    places = declared()
    for code, by in (("A3.3", "olena"), ("C1.1", "petro")):
        everywhere(code, by=by)
    for hit, holding in found("zq[a-z]+zq").items():
        section = hit.strip("zq")
        assert {place: places.get(place) for place in holding if places.get(place) != BY_QUESTION} == {
            place: section for place in holding if places.get(place) != BY_QUESTION
        }


def filled(claim):
    """Which of the declared fields say something about this claim."""
    rows = {
        ClaimVersion: claim.versions.all(),
        Claim: Claim.objects.filter(pk=claim.pk),
        Claimant: Claimant.objects.filter(filed_by=claim.filed_by),
        PersonCovered: claim.persons_covered.all(),
        AidItem: claim.aid_items.all(),
        Draft: Draft.objects.filter(claim=claim),
        InformationRequest: claim.requests.all(),
        Attachment: claim.attachments.all(),
        EvidenceFile: EvidenceFile.objects.filter(received_by_id=claim.filed_by.public_id),
    }
    return {
        (model, field)
        for model, found in rows.items()
        for field, section in model.section_of.items()
        if section is not None and any(getattr(row, field) for row in found)
    }


def test_every_declared_field_is_empty_when_every_section_is_erased():
    claims = [everywhere("A3.3", by="olena"), everywhere("C1.1", by="petro")]
    fields = {
        (model, field)
        for model in apps.get_models()
        for field, section in getattr(model, "section_of", {}).items()
        if section is not None
    }
    assert set().union(*map(filled, claims)) == fields
    for claim in claims:
        make.erased(claim, *SECTIONS)
        assert filled(make.fresh(claim)) == set()


@pytest.mark.parametrize(
    ("section", "columns"),
    [
        ("place", {"region": "", "place": None, "place_kind": ""}),
        ("loss", {"amount": None, "currency": "", "event_on": "", "event_first_day": None}),
    ],
)
def test_what_lists_ask_about_goes_with_the_section_that_it_came_from(section, columns):
    claim = make.erased(everywhere(), section)
    assert {name: getattr(claim, name) for name in columns} == columns


def test_who_asked_for_no_letters_gets_none_afterwards_either():
    claim = make.claim(answers={"others_may_see": "yes"})
    assert claim.discreet
    assert make.erased(claim, "contact").discreet


def test_another_claim_of_the_same_person_keeps_their_name():
    claim, other = make.claim(), make.claim("A2.1")
    assert claim.claimant == other.claimant
    claim = make.erased(claim, "claimant")
    assert claim.claimant.erased_at
    assert (claim.claimant.name, make.fresh(other).claimant.name) == ("", "Олена Коваленко")


def test_a_name_that_an_earlier_version_gave_goes_too():
    claim = make.claim()
    claim = make.amend(claim, full_name={"family_name": "Шевченко", "given_name": "Олена"})
    claim = make.erased(claim, "claimant")
    assert [c.name for c in Claimant.objects.filter(filed_by=claim.filed_by)] == [""]


def test_a_tax_number_goes_and_the_name_stays():
    claim = make.claim("C1.1", answers={"edrpou": "12345678"})
    claim = make.erased(claim, "identifiers")
    assert (claim.claimant.legal_name, claim.claimant.registration_number) == ("ТОВ «Млин»", "")
    assert claim.claimant.erased_at is None


def test_a_session_in_which_typed_words_about_the_claim_wait_ends_and_others_go_on():
    claim, other = make.claim(), make.claim(by="petro")
    waiting = [SessionStore(), SessionStore()]
    for session, about in zip(waiting, (claim, other), strict=True):
        session[HELD] = {"path": f"/claims/{about.public_id}/page/story/", "typed": "secret"}
        session.set_expiry(timedelta(hours=1))
        session.save()
    make.erased(claim, "account")
    assert [session.exists(session.session_key) for session in waiting] == [False, True]


# --- Evidence ---


def test_with_the_last_list_that_names_a_file_its_receipt_and_bytes_go():
    claim = make.claim(files=[make.PDF])
    make.erased(claim, "evidence")
    assert (claim.attachments.count(), EvidenceFile.objects.count(), Blob.objects.count()) == (0, 0, 0)


def test_a_file_that_another_version_still_names_stays():
    claim = make.claim(files=[make.PDF])
    claim = moving.amended(claim, files=[b"%PDF-1.7 more"])
    make.erased(claim, "evidence", version=claim.versions.get(number=1))
    assert claim.attachments.filed().count() == 2
    make.erased(claim, "evidence")
    assert claim.attachments.count() == 0


def test_a_file_that_was_added_to_changes_and_not_sent_stays_with_them():
    claim = make.claim(files=[make.PDF])
    moving.change(claim, {})
    added = make.evidence(claim, b"%PDF-1.7 more")
    make.erased(claim, "evidence")
    assert list(claim.attachments.unsent()) == [added]


# --- What stays ---


def test_the_manifest_and_all_other_sections_stay_verifiable():
    claim = everywhere()
    manifests = list(claim.versions.values_list("manifest", "digest"))
    make.erased(claim, "account", "claimant")
    assert list(claim.versions.values_list("manifest", "digest")) == manifests
    for version in claim.versions.all():
        assert version.digest == sha256(version.manifest.encode())
        digests = json.loads(version.manifest)["sections"]
        for name, section in versions.as_filed(version)["sections"].items():
            assert digests[name] == sha256(bytes.fromhex(section["salt"]), section["text"].encode())
        assert versions.erased(version) == ["claimant", "account"]


def test_what_is_missing_is_what_the_ledger_says_was_erased():
    claim = everywhere()
    make.erased(claim, "account", version=claim.versions.get(number=1))
    make.erased(claim, "loss")
    missing = {
        (name, json.loads(version.manifest)["sections"][name])
        for version in claim.versions.all()
        for name in versions.erased(version)
    }
    assert missing == erasure.entered(claim)


def test_a_section_of_one_version_goes_from_every_version_that_holds_the_same_bytes():
    """An answer to a question leaves ten sections with their bytes and salts."""
    claim = everywhere()
    make.erased(claim, "place", "account", version=claim.versions.get(number=1))
    assert [versions.erased(v) for v in claim.versions.order_by("number")] == [
        ["place", "account"],
        ["place"],
    ]


def test_a_version_that_says_otherwise_stays_and_so_does_what_is_searched():
    claim = make.amend(make.claim(answers={"claim_amount": {"amount": "5.00", "currency": "UAH"}}))
    claim = make.erased(claim, "loss", version=claim.versions.get(number=1))
    assert [versions.erased(v) for v in claim.versions.order_by("number")] == [["loss"], []]
    assert claim.amount == 5


# --- The acts ---


def test_both_acts_are_entered_the_carrying_out_for_everybody():
    claim = make.claim()
    proposed = make.erasure(claim, "account")
    make.carried_out(proposed)
    [proposal] = told("claim.erasure_proposed", claim)
    [carried_out] = told("claim.erased", claim)
    facts = {
        "erasure": str(proposed.public_id),
        "versions": [newest(claim).digest],
        "sections": ["account"],
        "ground": "consent_withdrawn",
        "reason": sha256(bytes(proposed.salt), b"The claimant asked for it."),
    }
    assert (proposal["open"], proposal["facts"]) == (False, facts)
    officer = str(make.user("denys").public_id)
    assert (carried_out["open"], carried_out["facts"]) == (True, {**facts, "proposed_by": officer})
    assert [b["actor"]["id"] for b in (proposal, carried_out)] == [
        officer,
        str(make.user("dariia").public_id),
    ]
    assert [b["office"] for b in (proposal, carried_out)] == [OFFICER, DIRECTOR]


def test_the_entry_says_that_the_claim_names_no_region_any_more():
    claim = make.erased(make.claim(answers=make.answers()), "place")
    [body] = told("claim.erased", claim)
    assert (body["before"]["region"], body["after"]["region"]) == ("UA-32", None)


def test_who_proposed_does_not_carry_out():
    proposed = make.erasure(make.claim(), "account")
    with pytest.raises(erasure.SamePerson, match="another person must carry it out"):
        erasure.carry_out(proposed, by=make.user("denys"), office=OFFICER)


def test_another_officer_may_carry_out():
    proposed = make.erasure(make.claim(), "account")
    erasure.carry_out(proposed, by=make.staff("daria", OFFICER), office=OFFICER)
    assert newest(proposed.claim).account is None


@pytest.mark.parametrize("role", sorted(STAFF - {OFFICER}))
def test_nobody_else_proposes(role):
    with pytest.raises(erasure.NotEntitled):
        propose(make.claim(), by=make.staff("petro", role), office=role)


@pytest.mark.parametrize("role", sorted(STAFF - {OFFICER, DIRECTOR}))
def test_nobody_else_carries_out(role):
    proposed = make.erasure(make.claim(), "account")
    with pytest.raises(erasure.NotEntitled):
        erasure.carry_out(proposed, by=make.staff("petro", role), office=role)


def test_nobody_acts_in_a_role_that_they_do_not_hold():
    with pytest.raises(erasure.NotEntitled):
        propose(make.claim(), by=make.user("petro"), office=OFFICER)


def propose(claim, *, by=None, office=OFFICER, **changed):
    wanted = {"version": None, "sections": ["account"], "ground": Ground.UNLAWFUL, "reason": "No."}
    by = by or make.staff("denys", OFFICER)
    return erasure.propose(claim, by=by, office=office, **{**wanted, **changed})


def test_nobody_erases_in_their_own_claim():
    claim = make.claim(by="denys")
    with pytest.raises(erasure.OwnClaim):
        propose(claim)
    proposed = propose(make.claim(by="dariia"))
    with pytest.raises(erasure.OwnClaim):
        make.carried_out(proposed)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"sections": []}, erasure.NothingToErase),
        ({"sections": ["manifest"]}, erasure.NothingToErase),
        ({"reason": "  "}, erasure.NoReason),
        ({"reason": "x" * 5001}, erasure.NoReason),
    ],
)
def test_a_proposal_names_what_goes_and_why(wrong, refusal):
    with pytest.raises(refusal):
        propose(make.claim(), **wrong)


def test_what_is_gone_is_not_proposed_again():
    claim = make.erased(make.claim(), "account")
    with pytest.raises(erasure.NothingToErase):
        propose(claim)


def test_a_draft_has_nothing_to_erase():
    with pytest.raises(erasure.NothingToErase):
        propose(make.draft())


def test_one_erasure_of_a_claim_waits_at_a_time():
    claim = make.claim()
    make.erasure(claim, "account")
    with pytest.raises(erasure.AlreadyProposed):
        make.erasure(claim, "loss")


def test_an_erasure_is_carried_out_once():
    proposed = make.erasure(make.claim(), "account")
    make.carried_out(proposed)
    with pytest.raises(erasure.AlreadyClosed, match="“Carried out” already"):
        make.carried_out(proposed, by="daryna")


def test_a_proposal_that_was_given_up_is_not_carried_out():
    proposed = make.erasure(make.claim(), "account")
    erasure.drop(proposed, by=make.staff("dariia", DIRECTOR), office=DIRECTOR)
    with pytest.raises(erasure.AlreadyClosed):
        make.carried_out(proposed)
    assert newest(proposed.claim).account
    assert len(told("claim.erasure_dropped", proposed.claim)) == 1


def test_who_proposed_to_erase_all_versions_has_seen_them():
    claim = make.claim()
    proposed = make.erasure(claim, "account")
    make.amend(claim)
    with pytest.raises(erasure.Overtaken):
        make.carried_out(proposed)


def test_one_version_is_erased_whatever_came_after():
    claim = make.claim(answers={"cause": "Перше."})
    proposed = make.erasure(claim, "account", version=newest(claim))
    claim = make.amend(claim, cause="Друге.")
    make.carried_out(proposed)
    assert [v.account is None for v in claim.versions.order_by("number")] == [True, False]


@pytest.mark.parametrize("state", sorted(set(moving.STATES) - {"draft"}))
def test_a_claim_is_erased_from_in_every_state_and_keeps_it(state):
    claim = make.erased(moving.STATES[state](), *SECTIONS)
    assert claim.state == state


def test_a_proposal_never_changes_and_stands_once_it_is_closed():
    proposed = make.erasure(make.claim(), "account")
    rows = Erasure.objects.filter(pk=proposed.pk)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        rows.update(sections=["loss"])
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        rows._raw_delete("default")
    make.carried_out(proposed)
    with pytest.raises(DatabaseError, match="append-only"):
        rows.update(state="proposed", closed_by=None, closed_at=None)


# --- The one door in the database ---


def erase(claim):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT claims_erase(%s)", [claim.pk])
        return cursor.fetchone()[0]


def entered(claim, *, proposed=True, by="mallory", proposed_by="denys", sections=("account",), **facts):
    """The entries of an erasure, as whoever holds the app role could write them past every act."""
    proposer = make.user(proposed_by)
    said = {
        "erasure": str(uuid.uuid4()),
        "versions": [newest(claim).digest],
        "sections": list(sections),
        "ground": "unlawful",
        "reason": "0" * 64,
        **facts,
    }
    if proposed:
        log.append(
            entries.ERASURE_PROPOSED,
            by=proposer.actor,
            office=OFFICER,
            claim=claim.public_id,
            facts=said,
        )
    log.append(
        entries.ERASED,
        by=make.user(by).actor,
        office=DIRECTOR,
        claim=claim.public_id,
        before=claim.standing,
        after=claim.standing,
        facts={**said, "proposed_by": str(proposer.public_id)},
    )


def atomically(act):
    with transaction.atomic():
        act()


UPDATE = "UPDATE claims_claimversion SET {} WHERE claim_id = %s"
NOT_ENTERED = "no erasure of this claim by a second person is entered in this transaction"


def test_nothing_is_erased_without_an_entry():
    with pytest.raises(DatabaseError, match=NOT_ENTERED):
        erase(make.claim())


def test_nothing_is_erased_by_the_entry_about_another_claim():
    claim, other = make.claim(), make.claim(by="petro")
    entered(other)
    with pytest.raises(DatabaseError, match=NOT_ENTERED):
        erase(claim)


def test_nothing_is_erased_by_one_person():
    claim = make.claim()
    entered(claim, by="denys")
    with pytest.raises(DatabaseError, match=NOT_ENTERED):
        erase(claim)


def test_nothing_is_erased_that_nobody_proposed():
    claim = make.claim()
    entered(claim, proposed=False)
    with pytest.raises(DatabaseError, match=NOT_ENTERED):
        erase(claim)


def test_nothing_is_erased_by_an_entry_that_was_rolled_back():
    claim = make.claim()
    undone = transaction.savepoint()
    entered(claim)
    transaction.savepoint_rollback(undone)
    with pytest.raises(DatabaseError, match=NOT_ENTERED):
        erase(claim)


def test_an_entry_erases_what_it_names_and_once():
    claim = make.claim()
    entered(claim)
    assert erase(claim) == 1
    assert versions.erased(newest(claim)) == ["account"]
    with pytest.raises(DatabaseError, match="nothing of this claim is left to erase"):
        erase(claim)


@pytest.mark.parametrize("name", ["manifest", "digest", "core = NULL, claimant"])
def test_no_other_column_is_reached_by_a_made_up_section(name):
    claim = make.claim()
    entered(claim, sections=[name])
    with pytest.raises(DatabaseError):
        erase(claim)


def test_a_version_of_another_claim_that_the_entry_names_is_not_reached():
    claim, other = make.claim(), make.claim(by="petro")
    entered(claim, versions=[newest(other).digest])
    with pytest.raises(DatabaseError, match="nothing of this claim is left"):
        erase(claim)
    assert versions.erased(newest(other)) == []


@pytest.mark.committing
def test_nothing_is_erased_by_an_entry_of_an_earlier_transaction():
    claim = make.claim()
    with transaction.atomic():
        entered(claim)
    with pytest.raises(DatabaseError, match=NOT_ENTERED):
        erase(claim)


@pytest.mark.committing
def test_nothing_is_erased_by_an_entry_that_another_transaction_committed_meanwhile():
    claim = make.claim()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")  # older than the entry
        assert at_once(lambda: atomically(lambda: entered(claim))) == [None]
        with pytest.raises(DatabaseError, match=NOT_ENTERED):
            erase(claim)


@pytest.mark.committing
def test_the_owner_of_the_tables_too_changes_a_version_by_an_erasure_alone():
    claim = make.claim()
    for change in ("account = NULL, account_salt = NULL", "manifest = '{}'", "account = 'other'"):
        with pytest.raises(DatabaseError, match="append-only"), connections["owner"].cursor() as cursor:
            cursor.execute(UPDATE.format(change), [claim.pk])


@pytest.mark.parametrize("change", ["manifest = '{}'", "account = 'other'", "loss = NULL, loss_salt = NULL"])
@pytest.mark.committing
def test_an_erasure_changes_nothing_but_what_it_names(change):
    """The trigger judges each column, for whoever may update the table: the app role may not."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("GRANT UPDATE ON claims_claimversion TO registry_app")
    claim = make.claim()
    with transaction.atomic(), connection.cursor() as cursor:
        entered(claim)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(UPDATE.format(change), [claim.pk])


# --- At once ---


@pytest.mark.committing
def test_of_two_people_who_carry_out_at_once_one_does():
    proposed = make.erasure(make.claim(), "account")
    people = [make.staff(name, DIRECTOR) for name in ("dariia", "daryna")]
    found = at_once(*(lambda by=by: erasure.carry_out(proposed, by=by, office=DIRECTOR) for by in people))
    assert sorted(type(outcome).__name__ for outcome in found) == ["AlreadyClosed", "NoneType"]
    assert len(told("claim.erased", proposed.claim)) == 1


@pytest.mark.committing
def test_of_two_people_who_propose_at_once_one_does():
    claim = make.claim()
    people = [make.staff(name, OFFICER) for name in ("denys", "daria")]
    found = at_once(*(lambda by=by: propose(claim, by=by) for by in people))
    assert sorted(type(outcome).__name__ for outcome in found) == ["AlreadyProposed", "Erasure"]


def while_waiting(first, second):
    """What `second` returned or raised, which began when `first` was done and not yet committed."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            waiting = pool.submit(at_once, second)
            wait_until_blocked()
        [outcome] = waiting.result(timeout=20)
    return outcome


@pytest.mark.committing
def test_an_erasure_waits_for_changes_that_are_being_sent_and_is_overtaken():
    claim = make.claim(answers={"cause": "Ракета."})
    moving.change(claim, {})
    proposed = make.erasure(claim, "account")
    make.staff("dariia", DIRECTOR)
    outcome = while_waiting(lambda: moving.send_changes(claim), lambda: make.carried_out(proposed))
    assert isinstance(outcome, erasure.Overtaken)
    assert [v.account is None for v in claim.versions.order_by("number")] == [False, False]


@pytest.mark.committing
def test_changes_that_are_sent_during_an_erasure_wait_and_do_not_bring_it_back():
    claim = make.claim(answers={"cause": "Ракета."})
    moving.change(claim, {})
    proposed = make.erasure(claim, "account")
    make.staff("dariia", DIRECTOR)
    outcome = while_waiting(lambda: make.carried_out(proposed), lambda: moving.send_changes(claim))
    assert isinstance(outcome, ClaimVersion)
    assert [v.account for v in claim.versions.order_by("number")] == [None, "{}"]


@pytest.mark.committing
def test_a_claim_that_is_filed_during_an_erasure_does_not_take_over_the_erased_name():
    claim, draft = make.claim(), make.draft("A2.1", answers=make.REQUIRED["individual"])
    proposed = make.erasure(claim, "claimant")
    make.staff("dariia", DIRECTOR)
    assert while_waiting(lambda: make.carried_out(proposed), lambda: make.submit(draft)) is None
    assert make.fresh(draft).claimant.name == "Олена Коваленко"


# --- Readers afterwards ---


def test_the_claimant_is_told_in_the_story_and_reads_which_parts_went(signed_in):
    claim = make.erased(everywhere(), "account", "evidence")
    page = signed_in("olena").get(f"/claims/{claim.public_id}/")
    assert "We erased a part of your claim under data-protection law." in page.text
    filed = signed_in("olena").get(f"/claims/{claim.public_id}/filed/")
    assert "These parts were erased under data-protection law:" in filed.text
    assert "the claimant’s own account" in filed.text


@pytest.mark.parametrize("sections", [*[(s,) for s in SECTIONS], SECTIONS])
def test_every_page_of_the_claimant_opens_after_an_erasure(signed_in, sections):
    claim = everywhere()
    asked = claim.requests.first()
    make.erased(claim, *sections)
    olena = signed_in("olena")
    pages = ("", "filed/", "filed.json", "receipt/", "change/", "evidence/", "own-account/", "check/")
    for page in pages:
        assert olena.get(f"/claims/{claim.public_id}/{page}", follow=True).status_code in (200, 404), page
    assert olena.get(f"/claims/{claim.public_id}/requests/{asked.public_id}/", follow=True).status_code == 200


def test_the_download_leaves_out_what_was_erased_and_keeps_its_digest():
    claim = make.erased(make.claim(), "account")
    kept = versions.as_filed(newest(claim))
    assert set(kept["sections"]) == set(SECTIONS) - {"account"}
    assert set(json.loads(kept["manifest"])["sections"]) == set(SECTIONS)


def test_a_claim_is_amended_after_an_erasure_and_says_only_what_is_said_now():
    claim = make.erased(make.claim(answers={"cause": "Ракета."}), "account", "claimant")
    draft = filing.reopen(claim, by=claim.filed_by)
    assert {"cause", "full_name"}.isdisjoint(draft.answers)
    with pytest.raises(lifecycle.NotReady):
        moving.send_changes(claim)
    name = {"family_name": "Коваленко", "given_name": "Олена"}
    claim = moving.amended(claim, {"full_name": name})
    assert versions.answers(newest(claim))["full_name"] == name
    assert json.loads(newest(claim).account) == {}
    assert claim.claimant.name == "Олена Коваленко"
    assert claim.versions.get(number=1).claimant is None


def test_pages_whose_answers_were_erased_are_to_be_gone_through_again():
    claim = make.erased(make.claim(answers=make.answers()), "place")
    draft = filing.reopen(claim, by=claim.filed_by)
    gone = {p.id for p in claim.form.pages if any(q.section == "place" for q in p.questions)}
    assert gone
    assert gone.isdisjoint(draft.pages)


def test_changes_that_were_begun_lose_what_was_erased_and_keep_the_rest():
    claim = make.claim(answers={"cause": "Ракета.", "claim_amount": {"amount": "5.00", "currency": "UAH"}})
    filing.reopen(claim, by=claim.filed_by)
    make.erased(claim, "account")
    draft = Draft.objects.get(claim=claim)
    assert "cause" not in draft.answers
    assert draft.answers["claim_amount"] == {"amount": "5.00", "currency": "UAH"}
    moving.send_changes(claim)
    assert json.loads(newest(claim).account) == {}


def test_an_answer_after_an_erasure_carries_on_what_is_missing():
    claim = make.claim(answers=make.answers())
    request = moving.asked(claim)
    make.erased(claim, "loss", "account")
    version = moving.replied(request)
    assert (versions.erased(version), set(versions.replies(version))) == (["loss"], {str(request.public_id)})
    assert version.digest == sha256(version.manifest.encode())


def test_filing_again_takes_over_what_is_left():
    claim = make.claim(answers={"cause": "Ракета.", "claim_amount": {"amount": "5.00", "currency": "UAH"}})
    make.erased(make.withdraw(claim), "account", "claimant")
    again = filing.start(
        claim.category, kind="individual", by=claim.filed_by, language="en", again=make.fresh(claim)
    )
    assert set(again.draft.answers) == {"claim_amount"}


def test_a_new_claim_is_not_begun_with_what_was_erased():
    claim = make.erased(make.claim(), "claimant")
    assert "full_name" not in make.draft("A2.1", by="olena").draft.answers
    assert claim.filed_by.email == "olena@example.org"


def test_figures_follow_an_erased_place():
    make.erased(make.claim(answers=make.answers()), "place")
    sealing.seal()
    statistics.follow()
    assert list(statistics.differences()) == []
    assert [(c.region, c.claims) for c in ClaimCount.objects.filter(claims__gt=0)] == [("", 1)]
