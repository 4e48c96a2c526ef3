"""Made-up claims are what the real acts would have left."""

import contextlib
import hashlib
import itertools
import json
import uuid
from collections import Counter
from pathlib import Path
from random import Random

import pytest
import rfc8785
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from claims import entries, filing, lifecycle, mandates, notices, numbers, seeding, versions
from claims.answers import checking
from claims.mandates import OWN_ACCOUNT, REPLIES, SECTIONS, ClaimantKind, Type
from claims.models import Attachment, Category, Claim, ClaimVersion, Draft, InformationRequest, Notice, State
from claims.seeding import lives, words
from claims.seeding.telling import Form, Settlement, Teller, somebody, told
from evidence import storage
from evidence.models import Blob, CustodyEvent
from ledger import following, log
from ledger.models import Entry, Leaf, Pending
from tests import make
from tests.claims import moving
from tests.conftest import database_urls, run_manage

SAMPLE = Path(__file__).parent / "sample_mandate"
SEED = 7


@pytest.fixture
def seeded(db):
    """The claims of one seed, in their order."""

    def seed(count=120, **options):
        seeding.seed(count, SEED, processes=1, **options)
        return list(Claim.objects.select_related("category", "claimant", "filed_by").order_by("pk"))

    return seed


def story(claim):
    """The kinds of its ledger entries, in their order."""
    return tuple(bodies["kind"] for bodies in map(body, entries_of(claim)))


def entries_of(claim):
    return Entry.objects.filter(claim=claim.public_id).order_by("id")


def body(entry):
    return json.loads(entry.body)


# --- The same as by the real acts ---

RANDOM_OR_TIME = {
    "accounts.User": {"password", "email", "joined_at"},
    "account.EmailAddress": {"email"},
    "claims.Claim": {"number", "created_at", "submitted_at", "changed_at"},
    "claims.Claimant": {"created_at"},
    "claims.ClaimVersion": {"made_at", "digest", *(f"{section}_salt" for section in SECTIONS)},
    "claims.InformationRequest": {"salt", "digest", "asked_at"},
    "claims.Outcome": {"salt", "digest", "entered_at"},
    "claims.Consent": {"chosen_at"},
    "claims.Attachment": {"added_at"},
    "claims.Draft": {"saved_at"},
    "evidence.EvidenceFile": {"received_at", "received_by_id"},
    "evidence.CustodyEvent": {"at", "actor_id"},
}
OF_A_TIME = {"recorded_at", "answered_at", "closed_at"}
OF_A_TEXT = {"at", "submitted_at", "received_at", "id", "request", "digest", "claim", "number"}
OF_FACTS = {
    "number",
    "refiles",
    "request",
    "text",
    "reason",
    "decision",
    "files",
    "at",
    "claim",
    "version",
    "actor",
}


def test_each_life_leaves_the_same_rows_in_every_table_as_the_real_acts(seeded):
    lives_of = {}
    for claim in seeded(800):
        lives_of.setdefault((claim.claimant_kind, claim.state), claim)
        lives_of.setdefault(story(claim), claim)
        lives_of.setdefault((claim.is_draft, claim.refiles is not None, begins_with_an_earlier(claim)), claim)
    assert {claim.claimant_kind for claim in lives_of.values()} == set(ClaimantKind)
    assert {(True, False, True), (False, True, True)} <= lives_of.keys()
    lives_of = {claim.pk: claim for claim in lives_of.values()}
    assert len(lives_of) > 25
    for number, claim in enumerate(lives_of.values()):
        assert everything(claim) == everything(acted_out(claim, by=f"person{number}")), story(claim)


def begins_with_an_earlier(claim):
    """Whether an answer was taken from an earlier claim."""
    if claim.is_draft:
        return filing.EARLIER_CLAIM in claim.draft.origins.values()
    said = versions.said(claim.versions.get(number=1))
    return any(answer["origin"] == filing.EARLIER_CLAIM for answer in said.values())


def everything(claim):
    """Every row about a claim, by table, without what is random, an id of a row, or a time."""
    found = {
        "person": [row(claim.filed_by)],
        "address": [row(a) for a in EmailAddress.objects.filter(user=claim.filed_by)],
        "claim": [row(claim)],
        "claimant": [row(claim.claimant)] if claim.claimant else [],
        "custody": [
            row(e) for e in CustodyEvent.objects.filter(evidence_public_id__in=files_of(claim)).order_by("id")
        ],
        "file": [row(a.evidence_file) for a in claim.attachments.order_by("id")],
        "entry": [without(body(entry), OF_FACTS) for entry in entries_of(claim)],
    }
    for relation in Claim._meta.related_objects:
        if relation.related_model is not Claim:  # those that are filed in its place are claims of their own
            rows = relation.related_model.objects.filter(**{relation.field.name: claim}).order_by("pk")
            found[relation.related_model._meta.label] = [row(each) for each in rows]
    return found


def files_of(claim):
    return claim.attachments.values_list("evidence_file__public_id", flat=True)


def row(instance):
    ignored = RANDOM_OR_TIME.get(instance._meta.label, set())
    values = {}
    for f in instance._meta.concrete_fields:
        value = getattr(instance, f.attname)
        if f.is_relation:
            value = (
                value is not None
                if f.name not in ("category", "category_version", "place", "blob")
                else value
            )
        elif f.primary_key or f.name in ignored or f.name.endswith("public_id"):
            value = "…"
        elif f.name in OF_A_TIME:
            value = value is not None
        elif isinstance(instance, Draft) and f.name == "entries":  # random ids
            value = {question: len(ids) for question, ids in value.items()}
        elif isinstance(instance, ClaimVersion) and isinstance(value, str) and value.startswith(("{", "[")):
            value = without(json.loads(value), OF_A_TEXT | {"sections"})
        values[f.name] = value
    return values


def without(value, keys):
    """The JSON value with "…" for whatever stands under these keys."""
    if isinstance(value, dict):
        return {
            k: "…" if k in keys and isinstance(v, str | list | dict) else without(v, keys)
            for k, v in value.items()
        }
    return [without(item, keys) for item in value] if isinstance(value, list) else value


def acted_out(seeded, *, by):
    """Another claim with the same answers, files and texts, made by walking the real acts."""
    person = User.objects.with_email(f"{by}@example.org").first()
    if person is None:
        person = User.objects.create_user(f"{by}@example.org", language=seeded.filed_by.language)
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    kind, earlier = ClaimantKind(seeded.claimant_kind), seeded.refiles and acted_out(seeded.refiles, by=by)
    claim = filing.start(seeded.category, kind=kind, by=person, language=seeded.language, again=earlier)
    if seeded.state == State.DRAFT:
        fill_in(claim, seeded.draft)
        return moving.again(claim)
    frozen = list(seeded.versions.order_by("number"))
    core = json.loads(frozen[0].core)
    consents = core["consents"] or {}
    say(claim, frozen[0], eligibility=core["eligibility"], consents=consents)
    attach(claim, json.loads(frozen[0].evidence))
    declare(lifecycle.submit, claim, core)
    waiting = frozen[1:]
    requests, outcomes = list(seeded.requests.order_by("id")), list(seeded.outcomes.order_by("id"))
    for entry in list(entries_of(seeded))[1:]:
        happened, claim = body(entry), moving.again(claim)
        act_out(claim, happened, waiting, requests, outcomes, seeded)
    return moving.again(claim)


def fill_in(claim, draft):
    """Go through the pages of a draft that this one was gone through. What it began with is there already,
    or comes from a claim that was not acted out."""
    if claim.refiles:
        return
    began_with = {q for q, origin in draft.origins.items() if origin == filing.EARLIER_CLAIM}
    Draft.objects.filter(claim=claim).update(
        answers={q: draft.answers[q] for q in began_with}, origins=dict.fromkeys(began_with, "earlier_claim")
    )
    if "eligibility" in draft.pages:
        filing.save_eligibility(claim, draft.eligibility)
    for page in claim.form.pages:
        if page.id in draft.pages:
            saved = {q.id: draft.answers[q.id] for q in page.questions if q.id in draft.answers}
            items = {q.id: q for q in page.questions if q.type is Type.GROUP and q.id in draft.entries}
            for name, question in items.items():
                for item in saved.pop(name):
                    filing.save_item(claim, question, item, item_id=str(uuid.uuid4()))
            filing.save_page(claim, page, saved, complete=True)


def act_out(claim, happened, waiting, requests, outcomes, seeded):
    office, reviewer = happened["office"], make.user("iryna")
    match happened["kind"]:
        case entries.AMENDED.name:
            before = claim.versions.get(number=claim.version)
            filing.reopen(claim, by=claim.filed_by)
            version = waiting.pop(0)
            say(claim, version)
            attach(claim, json.loads(version.evidence)[len(json.loads(before.evidence)) :])
            declare(lifecycle.amend, claim, json.loads(version.core))
        case entries.WITHDRAWN.name:
            lifecycle.withdraw(claim, by=claim.filed_by)
        case entries.REVIEW_STARTED.name:
            lifecycle.start_review(claim, by=reviewer, office=Role(office))
        case entries.FIXING_REQUESTED.name:
            files = list(files_of(claim))[:1]
            lifecycle.ask_to_replace_file(claim, by=reviewer.actor, office=office, files=files)
        case entries.INFORMATION_REQUESTED.name:
            asked = requests.pop(0)
            lifecycle.request_information(
                claim, by=reviewer, office=Role(office), text=asked.text, due_on=asked.due_on
            )
        case entries.INFORMATION_ANSWERED.name:
            request = InformationRequest.objects.get(claim=claim, answered_at=None)
            before, version = claim.versions.get(number=claim.version), waiting.pop(0)
            for file in json.loads(version.evidence)[len(json.loads(before.evidence)) :]:
                attachment = moving.add_to_reply(request, content_of(file), name=file["name"])
                Attachment.objects.filter(pk=attachment.pk).update(type=file["type"])
            reply = json.loads(version.account)[REPLIES]["answer"][-1]["reply"]
            lifecycle.answer_request(request, by=claim.filed_by, reply=reply)
        case entries.REVIEW_FINISHED.name:
            to = State.INELIGIBLE if "rejected" in seeded.state else State.ELIGIBLE
            to = State(seeded.state) if seeded.state in lifecycle.AWAITING else to
            lifecycle.finish_review(claim, to=to, by=reviewer, office=Role(office))
        case entries.RETURNED.name:
            lifecycle.return_to_review(claim, by=reviewer, office=Role(office))
        case entries.DECIDED.name:
            outcome, decision = outcomes.pop(0), uuid.uuid4()
            lifecycle.bind([claim], decision=decision)
            lifecycle.decide(
                claim,
                decision=decision,
                outcome=State(outcome.outcome),
                version=claim.versions.get(number=claim.version),
                rule=outcome.rule,
                reason=outcome.reason,
                decided_on=outcome.decided_on,
                by=make.user("board").actor,
            )


def say(claim, version, **more):
    """Let the draft say what this version says: page by page it would take a minute."""
    said = versions.said(version)
    own_account = said.pop(OWN_ACCOUNT, {"answer": ""})["answer"]
    Draft.objects.filter(claim=claim).update(
        answers={question: a["answer"] for question, a in said.items()},
        origins={question: a["origin"] for question, a in said.items()},
        own_account=own_account,
        **more,
    )


def attach(claim, files):
    for file in files:
        make.evidence(claim, content_of(file), name=file["name"], type=file["type"])


def content_of(file):
    """What a piece of evidence in a frozen version holds."""
    blob = Blob.objects.get(sha256=file["sha256"])
    reader = storage.read(blob.stored_name, wrapped_key=blob.wrapped_key, sha256=blob.sha256)
    with contextlib.closing(reader):
        return b"".join(reader.frames())


def declare(act, claim, core):
    name, language = core["signature"]["typed_name"], core["declaration"]["language"]
    declaration = versions.Declaration.of_current_texts(name, language=language)
    act(claim, by=claim.filed_by, declaration=declaration)


# --- Proofs ---


def test_every_text_is_canonical_and_every_digest_can_be_recomputed(seeded):
    for claim in seeded():
        digests = [body(entry)["version"] for entry in entries_of(claim) if body(entry)["version"]]
        for version in claim.versions.order_by("number"):
            manifest = json.loads(version.manifest)
            assert rfc8785.dumps(manifest).decode() == version.manifest
            for name in SECTIONS:
                text, salt = getattr(version, name), bytes(getattr(version, f"{name}_salt"))
                assert rfc8785.dumps(json.loads(text)).decode() == text
                assert manifest["sections"][name] == log.salted_digest(salt, text.encode())
            assert version.digest in digests
        for told_in in (*claim.requests.all(), *claim.outcomes.all()):
            text = getattr(told_in, "text", None) or told_in.reason
            assert told_in.digest == log.salted_digest(bytes(told_in.salt), text.encode())


def test_every_entry_is_one_that_log_append_would_write(seeded):
    kinds = {kind.name: kind for kind in vars(entries).values() if isinstance(kind, log.Kind)}
    for claim in seeded():
        for entry in entries_of(claim):
            said, kind = body(entry), kinds[entry.kind]
            assert log._canonical(kind, said) == entry.body
            assert log._fitting(kind, said["facts"]) == said["facts"]
            assert said["open"] == kind.is_open


def test_everything_is_sealed(seeded):
    claims = seeded()
    assert not Pending.objects.exists()
    entered = Entry.objects.filter(claim__in=[claim.public_id for claim in claims])
    assert Leaf.objects.filter(entry__in=entered).count() == entered.count() > len(claims)


def test_the_entries_of_a_claim_lead_to_where_it_stands_by_moves_that_exist(seeded):
    acts = {entries.AMENDED.name, entries.WITHDRAWN.name}
    for claim in seeded(300):
        standing = {"category": claim.category.code, "region": None, "state": State.DRAFT.value}
        earliest = ""
        for said in map(body, entries_of(claim)):
            assert said["before"] == standing
            assert said["at"] > earliest
            standing, earliest = said["after"], said["at"]
            moved = said["before"]["state"] != standing["state"]
            assert moved or said["kind"] in acts
        assert standing == claim.standing.__dict__
        assert earliest == (versions._instant(claim.changed_at) if claim.changed_at else "")


# --- What there is ---


def test_claims_stand_in_every_state_in_plausible_shares(seeded):
    states = Counter(claim.state for claim in seeded(600))
    assert set(states) == set(State)
    assert 400 < states[State.SUBMITTED] < 480
    assert 25 < states[State.RECORDED] < 80
    assert 18 < states[State.DRAFT] < 60


def test_categories_come_in_plausible_shares(seeded):
    codes = Counter(claim.category.code for claim in seeded(600))
    assert codes.most_common(1)[0][0] == "A3.1"
    assert codes["A1.1"] > codes["A2.1"] > codes["A2.4"]
    assert sum(codes[code] for code in codes if code.startswith(("B", "C"))) < 60


def test_the_answers_of_every_version_are_answers_to_its_category(seeded):
    for claim in seeded(400):
        for version in claim.versions.all():
            said = versions.answers(version)
            said.pop(OWN_ACCOUNT, None)
            assert checking.problems(claim.form, said) == []


def test_a_claim_is_filed_again_after_one_that_allows_it(seeded):
    again = [claim for claim in seeded(800) if claim.refiles]
    assert again
    for claim in again:
        before = claim.refiles
        assert before.state in lifecycle.REFILED
        assert (before.filed_by, before.category, before.claimant_kind) == (
            claim.filed_by,
            claim.category,
            claim.claimant_kind,
        )
        assert before.changed_at < claim.created_at


def test_a_further_claim_begins_with_what_the_person_said_of_themselves(seeded):
    for claim in seeded(300):
        filed = [c for c in claim.filed_by.claims_filed.order_by("pk") if c.version]
        for before, after in itertools.pairwise(filed):
            said = versions.said(after.versions.get(number=1))
            from_before = {q for q, answer in said.items() if answer["origin"] == filing.EARLIER_CLAIM}
            if not after.refiles and from_before:
                last = versions.answers(before.versions.get(number=before.version))
                assert from_before == set(filing._known(after, by=claim.filed_by)) & from_before
                assert all(last[q] == said[q]["answer"] for q in from_before)


@pytest.mark.django_db
def test_every_open_category_is_answered():
    forms = seeding._forms()
    assert {form.code for form in forms} == set(Category.objects.values_list("code", flat=True))
    for form in forms:
        asked_somewhere = set()
        for number in range(25):
            asked_somewhere |= answered(form, mandates.current(), number)
        rare = {q.id for q in form.definition.form(form.kind).questions} - asked_somewhere
        assert len(rare) < 15, form.code


def test_categories_of_any_mandate_are_answered(monkeypatch):
    folder = mandates.load_folder(SAMPLE)
    monkeypatch.setattr(mandates, "current", lambda: folder.mandate)
    for definition, _raw in folder.categories.values():
        for kind in definition.claimants:
            form = Form(1, 1, definition.code, False, definition, kind)
            for number in range(40):
                answered(form, folder.mandate, number)


def answered(form, mandate, number):
    """Tells once and checks it; the questions asked."""
    answers = told(someone(Random(number), mandate, form), Random(-number))  # noqa: S311
    asked = form.definition.form(form.kind)
    assert checking.problems(asked, answers) == [], form.code
    return {question.id for question in checking.asked(asked, answers)}


def someone(random, mandate, form):
    day, kyiv = mandate.first_day, Settlement("UA80000000000093317", "Київ", "UA-30")
    return Teller(
        random=random,
        mandate=mandate,
        form=form,
        person=somebody(random),
        home=kyiv,
        happened_on=day,
        told_on=day.replace(year=day.year + 2),
        language="uk",
        shelters=[kyiv],
    )


def test_events_are_not_before_the_first_day_and_nothing_is_in_the_future(seeded):
    first = mandates.current().first_day
    for claim in seeded():
        if claim.event_first_day:
            assert (claim.event_on + "-99-99")[:10] >= first.isoformat()
        assert claim.filed_by.joined_at < claim.created_at
        if claim.version:
            assert claim.created_at < claim.submitted_at <= claim.changed_at
            assert claim.changed_at.date() < checking.today()


def test_names_have_their_official_spelling_in_latin_letters():
    spelled = {
        "Згурський": "Zghurskyi",
        "Юлія": "Yuliia",
        "Щербак": "Shcherbak",
        "Євген": "Yevhen",
        "Ґава": "Gava",
    }
    assert {name: words.latin(name) for name in spelled} == spelled


# --- The same again ---


def fingerprint():
    """What is the same whenever the seed is: all that was said, in digests."""
    found = Claim.objects.filter(filed_by__email__endswith=notices.NOBODY)
    rows = found.values_list(
        "public_id", "number", "state", "filed_by__email", "claimant__public_id", "versions__digest"
    )
    return sorted(map(str, rows))


def once(*counts):
    """The claims after one run for each of these counts, and how many each run wrote; then all is undone."""
    before = transaction.savepoint()
    written = [seeding.seed(count, SEED, processes=1) for count in counts]
    found = fingerprint()
    transaction.savepoint_rollback(before)
    return found, written


@pytest.mark.django_db
def test_the_same_seed_makes_the_same_claims():
    first, _written = once(40)
    assert once(40)[0] == first
    assert len(first) >= 40


@pytest.mark.django_db
def test_a_run_that_was_cut_short_is_continued_and_one_that_was_finished_does_nothing():
    in_one_go, _written = once(60)
    in_three, written = once(21, 60, 60)  # 21 cuts a household in two
    assert in_three == in_one_go
    assert written == [21, 39, 0]


@pytest.mark.django_db
def test_batches_that_a_crash_left_out_are_filled_in(monkeypatch):
    in_one_go, _written = once(60)
    seeding.Writer(seeding._ground(SEED)).write(20, 40)
    monkeypatch.setattr(seeding, "BATCH", 20)
    assert seeding.seed(60, SEED, processes=1) == 40
    assert fingerprint() == in_one_go


@pytest.mark.django_db
def test_another_seed_makes_other_claims_beside_them():
    seeding.seed(20, 1, processes=1)
    seeding.seed(20, 2, processes=1)
    assert Claim.objects.count() == 40


def test_a_number_comes_once_and_reads_back():
    drawn = seeding.Numbers("UA", SEED)
    found = [drawn.number(index) for index in range(3000)]
    assert len(set(found)) == 3000
    assert all(numbers.read(number, prefix="UA") == number for number in found)
    assert not set(found) & {drawn.number(index, attempt) for index in range(300) for attempt in (1, 2)}


@pytest.mark.django_db
def test_a_number_that_a_claim_has_is_not_given_again(monkeypatch):
    drawn = seeding.Numbers("UA", SEED)
    monkeypatch.setattr(numbers, "draw", lambda prefix: drawn.number(2))
    taken = make.claim()
    seeding.seed(4, SEED, processes=1)
    assert Claim.objects.filter(number=taken.number).count() == 1
    assert Claim.objects.filter(number=drawn.number(2, attempt=1)).exists()


# --- Among real ones ---


def test_nobody_made_up_is_written_to(seeded):
    seeded(20)
    make.claim()
    seeding.sealing.seal()
    while notices.follow():
        pass
    assert following.lag(notices.FOLLOWER) == 0
    assert [notice.recipient.email for notice in Notice.objects.all()] == ["olena@example.org"]


def test_made_up_people_cannot_sign_in_and_hold_no_office(seeded):
    seeded(20)
    people = User.objects.filter(email__endswith=notices.NOBODY)
    assert not any(person.has_usable_password() or person.is_staff for person in people)


def test_their_pages_show_their_claims(seeded):
    client = Client(headers={"accept-language": "en"})
    shown = set()
    for claim in seeded():
        if claim.state in shown or claim.is_draft:
            continue
        shown.add(claim.state)
        client.force_login(claim.filed_by)
        assert claim.number in client.get("/claims/").content.decode()
        assert claim.number in client.get(f"/claims/{claim.public_id}/").content.decode()
        assert client.get(f"/claims/{claim.public_id}/filed/").status_code == 200
    assert len(shown) >= 7


def test_their_evidence_can_be_opened(seeded):
    client = Client(headers={"accept-language": "en"})
    seeded(30)
    attachments = Attachment.objects.select_related("claim__filed_by", "evidence_file__blob")
    for attachment in {a.evidence_file.blob.sha256: a for a in attachments}.values():
        client.force_login(attachment.claim.filed_by)
        answer = client.get(
            f"/claims/{attachment.claim.public_id}/files/{attachment.evidence_file.public_id}/"
        )
        content = b"".join(answer)
        assert hashlib.sha256(content).hexdigest() == attachment.evidence_file.blob.sha256


# --- The command ---


def foreign_keys():
    """Each foreign key of the database, and whether every row refers to one that is there."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT conrelid::regclass, conname, confrelid::regclass, a.attname, b.attname FROM pg_constraint
            JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
            JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = confkey[1]
            WHERE contype = 'f' AND conparentid = 0
        """)
        for table, name, other, column, key in cursor.fetchall():
            cursor.execute(
                f"SELECT NOT EXISTS (SELECT FROM {table} AS a WHERE {column} IS NOT NULL"  # noqa: S608
                f" AND NOT EXISTS (SELECT FROM {other} AS b WHERE b.{key} = a.{column}))"
            )
            yield name, cursor.fetchone()[0]


@pytest.mark.committing
def test_the_command_writes_with_several_processes_and_leaves_the_database_sound(own_database, clones):
    urls = database_urls(own_database, clones.facts)
    said = run_manage("seed_claims", "--count", "2100", "--seed", "3", "--processes", "2", env=urls)
    assert said.splitlines()[-1] == "2100 claims written, 0 were there already."
    assert "2100 of 2100" in said
    assert (Claim.objects.count(), Pending.objects.count()) == (2100, 0)
    assert [name for name, holds in foreign_keys() if not holds] == []
    said = run_manage("seed_claims", "--count", "2100", "--seed", "3", env=urls)
    assert said.splitlines()[-1] == "0 claims written, 2100 were there already."


def test_the_command_refuses_on_a_database_that_may_hold_real_claims(settings):
    settings.LOCAL = False
    with pytest.raises(CommandError, match="never among claims of real people"):
        call_command("seed_claims", "--count", "1")


def test_shares_of_all_lives_make_a_hundred():
    assert sum(share for share, _acts, _end in lives.LIVES) == pytest.approx(100)
