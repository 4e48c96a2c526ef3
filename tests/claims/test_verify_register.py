"""`manage.py verify_register`: a register in which everything is as the ledger tells, and what it names if
not. tests/claims/test_tampering.py changes everything that can be changed."""

import json
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models

from claims import verifying
from claims.models import Claim, ClaimVersion
from claims.verifying import Wanted
from evidence.models import Blob
from ledger import checkpoints
from ledger.covering import Checked, Told, Untold
from ledger.models import AppendOnly
from ledger.verifying import Progress
from tests import make
from tests.claims import lived

OURS = [
    model
    for app in ("ledger", "evidence", "accounts", "claims", "review", "partners")
    for model in apps.get_app_config(app).get_models()
]


def findings(**wanted):
    return [str(finding) for step in verifying.verify(Wanted(**wanted)) for finding in step.findings]


@pytest.fixture
def memory(tmp_path, settings):
    settings.LEDGER_MEMORY = tmp_path / "ledger" / "last-checkpoint"
    return settings.LEDGER_MEMORY


# --- What each model says of itself ---


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_append_only_models_and_those_about_claims_say_how_the_ledger_covers_them(model):
    about_a_claim = any(
        isinstance(field, models.ForeignKey) and field.related_model in (Claim, ClaimVersion)
        for field in model._meta.concrete_fields
    )
    if issubclass(model, AppendOnly) or about_a_claim or model is Claim:
        assert isinstance(getattr(model, "covered_by", None), Told | Checked | Untold)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_each_column_of_a_covered_table_is_told_or_said_to_be_beside(model):
    cover = getattr(model, "covered_by", None)
    fields = {f.name: f for f in model._meta.concrete_fields if not f.primary_key}
    if isinstance(cover, Checked):
        assert set(cover.beside) <= set(fields)
    if isinstance(cover, Told):
        told = {column.partition("__")[0] for column in cover.columns}
        told = {
            next((name for name, f in fields.items() if name in (t, t.removesuffix("_id"))), t) for t in told
        }
        assert set(fields) <= told | set(cover.beside)
        assert told.isdisjoint(cover.beside)


# --- A register in order ---


@pytest.mark.django_db
def test_a_register_in_which_much_happened_agrees(memory):
    lived.register()
    lived.signed(memory)
    assert findings(files=None) == []


@pytest.mark.django_db
def test_an_empty_register_agrees(memory):
    lived.signed(memory)
    assert findings() == []


@pytest.mark.django_db
def test_made_up_claims_agree(memory):
    call_command("seed_claims", "--count", "30", "--processes", "1")
    lived.signed(memory)
    assert findings() == []


@pytest.mark.django_db
def test_what_waits_to_be_sealed_is_no_disagreement_until_its_promise_is_over(memory, settings):
    lived.signed(memory)
    make.claim()
    assert findings() == []
    settings.LEDGER_PROMISE_SECONDS = 0
    assert [f for f in findings() if "not sealed" in f]


# --- In pieces ---


@pytest.mark.django_db
@pytest.mark.parametrize("stop_after", [1, 2, 5, 8])
def test_it_is_taken_up_where_it_was_left(memory, monkeypatch, stop_after):
    for _ in range(3):
        make.claim()
    lived.signed(memory)
    monkeypatch.setattr("ledger.verifying.BATCH", 16)
    monkeypatch.setattr("claims.verifying.CLAIMS", 1)
    whole = [(step.stage, step.done) for step in verifying.verify(Wanted())]
    progress, steps = Progress(), []
    for step in verifying.verify(Wanted(), progress):
        steps.append((step.stage, step.done))
        if len(steps) == stop_after:
            break
    progress = Progress(**json.loads(json.dumps(progress.as_dict())))
    for step in verifying.verify(Wanted(), progress):
        assert step.findings == []
        steps.append((step.stage, step.done))
    assert set(steps) == set(whole)


@pytest.mark.django_db
def test_as_many_queries_for_one_claim_as_for_ten(memory, django_assert_max_num_queries):
    make.claim()
    with django_assert_max_num_queries(130) as few:
        findings()
    for _ in range(9):
        make.claim()
    with django_assert_max_num_queries(len(few) + 5):
        findings()


# --- Promises and files ---


@pytest.mark.django_db
def test_a_promise_whose_entry_is_not_in_the_log_is_named(memory, settings):
    claim = make.claim()
    entry = claim_entry(claim)
    kept, wrong = checkpoints.promise(entry), checkpoints.promise(entry).replace("AAAA", "BBBB")
    entry.salt = b"x" * 16
    lost = checkpoints.promise(entry)
    lived.signed(memory)
    [one] = findings(promises=[("kept", kept), ("lost", lost)])
    assert one == "promise lost: the entry is not in this log: its time is not over yet"
    [other] = findings(promises=[("torn", kept[:-20])])
    assert other.startswith("promise torn: is none of ours")
    assert wrong


def claim_entry(claim):
    return apps.get_model("ledger", "Entry").objects.filter(claim=claim.public_id).latest("id")


@pytest.mark.django_db
@pytest.mark.parametrize("files", [None, 50])
def test_a_stored_file_that_was_changed_is_named(memory, settings, files):
    make.claim(files=lived.CHECKS)
    lived.signed(memory)
    blob = Blob.objects.latest("id")
    path = Path(settings.EVIDENCE_DIR) / "stored" / blob.stored_name
    path.chmod(0o600)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    [one] = findings(files=files)
    assert one.startswith(f"evidence_blob {blob.pk}: its file is damaged")
    path.unlink()
    [one] = findings(files=files)
    assert one == f"evidence_blob {blob.pk}: its file cannot be read: No such file or directory"
    assert findings() == []


# --- The command ---


@pytest.mark.django_db
def test_the_command_says_that_all_agrees(memory, tmp_path, capsys):
    claim = make.claim()
    lived.signed(memory)
    promise = tmp_path / "promise"
    promise.write_text(checkpoints.promise(claim_entry(claim)))
    resume = tmp_path / "resume.json"
    call_command("verify_register", "--resume", str(resume), "--promise", str(promise))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("Everything agrees.\n")
    assert not resume.exists()


@pytest.mark.django_db
def test_the_command_names_what_disagrees_and_fails(memory, capsys):
    claim = make.claim()
    lived.signed(memory)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE claims_claim SET language = 'xx', version = 2 WHERE id = %s", [claim.pk])
    with pytest.raises(SystemExit) as end:
        call_command("verify_register")
    told = capsys.readouterr()
    assert end.value.code == 1
    assert told.out == f"claims_claim {claim.pk}: language, version: not as the ledger tells\n"
    assert "1 rows disagree." in told.err


@pytest.mark.django_db
def test_the_command_refuses_what_it_cannot_read(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("[")
    for arguments in (["--resume", str(broken)], ["--promise", "/nowhere"], ["--keys", str(broken)]):
        with pytest.raises(CommandError) as error:
            call_command("verify_register", *arguments)
        assert error.value.returncode == 2
