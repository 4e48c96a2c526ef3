"""One key gives way to another: who may say so, when the new one signs, and how a reader follows."""

import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ledger import checkpoints, notes, rotation, rotation_note
from ledger.log import SYSTEM
from ledger.models import Checkpoint, Entry
from ledger.notes import NoteWrong, SigningKey
from ledger.rotation_note import KeyChange, follow, read
from ledger.sealing import seal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory")]

ORIGIN = "registry.local/claims"
OLD, NEW, NEWER = (SigningKey.generate(ORIGIN) for _ in range(3))
PROMISES, NEW_PROMISES = (SigningKey.generate(f"{ORIGIN}/promises") for _ in range(2))

Note = Callable[..., Entry]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SIGNED_AT_MOST_EVERY", 0.0)


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.LEDGER_KEY, settings.LEDGER_VKEY = OLD.text, OLD.verifier.vkey
    settings.LEDGER_PROMISE_KEY = PROMISES.text


def announce(old: SigningKey = OLD, new: SigningKey = NEW, **given: Any) -> Entry:
    return rotation.announce(old, new, by=SYSTEM, office="system", **given)


def sign() -> None:
    seal()
    checkpoints.sign()


def use(settings: Any, new: SigningKey, *old: SigningKey) -> None:
    settings.LEDGER_KEY, settings.LEDGER_VKEY = new.text, new.verifier.vkey
    settings.LEDGER_OLD_VKEYS = [key.verifier.vkey for key in old]


def body_of(facts: dict[str, Any]) -> str:
    return json.dumps({"facts": facts, "kind": "ledger.key_announced"}, separators=(",", ":"))


def rotate(*arguments: str) -> str:
    said = StringIO()
    call_command("rotate_ledger_key", *arguments, stdout=said)
    return said.getvalue()


# --- What is announced ---


def test_the_entry_is_open_and_signed_by_both_keys(first: int):
    before = int(time.time())
    entry = announce()
    assert (entry.kind, entry.is_open) == ("ledger.key_announced", True)
    change = read(entry.body)
    assert change is not None
    assert (change.old, change.new) == (OLD.verifier, NEW.verifier)
    assert before <= change.at <= time.time()


def test_the_note_is_the_documented_one():
    change = KeyChange(OLD.verifier, NEW.verifier, 1_800_000_000)
    assert change.text == f"registry-key/1\n{OLD.verifier.vkey}\n{NEW.verifier.vkey}\n1800000000\n"


def test_the_same_announcement_is_entered_once(first: int):
    assert announce() == announce()
    assert Entry.objects.filter(kind="ledger.key_announced").count() == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD, OLD),
        (OLD, SigningKey.generate("elsewhere.example/log")),
        (PROMISES, NEW),
        (OLD, SigningKey.generate(ORIGIN, notes.COSIGNATURE)),
    ],
    ids=["the same", "of another log", "a promise key for the log", "a witness's"],
)
def test_a_key_speaks_only_for_keys_of_its_name(first: int, old: SigningKey, new: SigningKey):
    with pytest.raises(rotation.RotationRefused):
        announce(old, new)


def test_a_name_too_long_for_an_entry_is_refused(first: int):
    old, new = (SigningKey.generate("x" * 190) for _ in range(2))
    with pytest.raises(rotation.RotationRefused, match="too long"):
        announce(old, new)


# --- How a reader follows ---


def test_a_reader_follows_from_the_old_key_to_the_newest():
    bodies = [body_of(rotation_note.announce(*pair, 1)) for pair in ((OLD, NEW), (NEW, NEWER))]
    assert follow(bodies, [OLD.verifier]) == [OLD.verifier, NEW.verifier, NEWER.verifier]


def test_a_reader_follows_only_keys_that_they_trust():
    stranger = SigningKey.generate(ORIGIN)
    body = body_of(rotation_note.announce(stranger, NEW, 1))
    assert follow([body], [OLD.verifier]) == [OLD.verifier]


def test_the_key_of_the_log_speaks_for_a_promise_key_and_not_the_other_way_round():
    bodies = [body_of(rotation_note.announce(OLD, NEW_PROMISES, 1))]
    assert follow(bodies, [OLD.verifier]) == [OLD.verifier, NEW_PROMISES.verifier]
    with pytest.raises(NoteWrong, match="does not speak"):
        rotation_note.announce(PROMISES, NEW, 1)


def test_entries_of_other_kinds_are_passed_over(note: Note):
    assert read(note().body) is None
    assert read('{"facts":{"x":"\\"kind\\":\\"ledger.key_announced\\""},"kind":"claim.amended"}') is None


@pytest.mark.parametrize("fact", ["old", "new", "from", "signed_by_old", "signed_by_new"])
def test_an_announcement_with_one_fact_changed_is_refused(fact: str):
    facts, other = (
        rotation_note.announce(OLD, NEW, 1),
        rotation_note.announce(NEWER, SigningKey.generate(ORIGIN), 2),
    )
    with pytest.raises(NoteWrong):
        read(body_of(facts | {fact: other[fact]}))


@pytest.mark.parametrize("fact", ["old", "new", "from", "signed_by_old", "signed_by_new"])
@pytest.mark.parametrize("value", [None, 7.5, "", "x", [], True, "\n"])
def test_an_announcement_that_is_not_whole_is_refused(fact: str, value: Any):
    facts = rotation_note.announce(OLD, NEW, 1)
    with pytest.raises(NoteWrong):
        read(body_of(facts | {fact: value}))
    del facts[fact]
    with pytest.raises(NoteWrong):
        read(body_of(facts))


def test_a_reader_needs_no_django():
    blocked = "import sys; sys.modules['django'] = None; import ledger.rotation_note"
    subprocess.run([sys.executable, "-c", blocked], check=True, cwd=Path(__file__).parents[2])


# --- When the new key signs ---


def test_a_key_that_was_not_announced_does_not_sign(note: Note, settings: Any):
    note()
    sign()
    use(settings, NEW, OLD)
    with pytest.raises(checkpoints.Alarm, match="old key has not announced the new one"):
        checkpoints.sign()


def test_an_announcement_that_the_old_key_has_not_signed_over_does_not_count(note: Note, settings: Any):
    note()
    sign()
    announce()
    seal()
    use(settings, NEW, OLD)
    with pytest.raises(checkpoints.Alarm, match="under a checkpoint of its own"):
        checkpoints.sign()


def test_once_the_old_key_has_signed_over_it_the_new_key_signs(note: Note, settings: Any):
    note()
    announce()
    sign()
    use(settings, NEW, OLD)
    note()
    sign()
    assert checkpoints.vkeys()[:2] == [NEW.verifier.vkey, OLD.verifier.vkey]
    by = [notes.open_note(row.note, checkpoints.log_keys()).by for row in Checkpoint.objects.order_by("size")]
    assert by == [[OLD.verifier], [NEW.verifier]]


def test_a_key_that_was_announced_by_a_stranger_does_not_sign(note: Note, settings: Any):
    announce(NEWER, NEW)
    note()
    sign()
    use(settings, NEW, OLD)
    with pytest.raises(checkpoints.Alarm, match="has not announced"):
        checkpoints.sign()


def test_before_its_time_the_new_key_does_not_sign(note: Note, settings: Any):
    announce(signs_from=int(time.time()) + 7200)
    sign()
    use(settings, NEW, OLD)
    with pytest.raises(checkpoints.Alarm, match=r"announced to sign [12]\.\d hours from now"):
        checkpoints.sign()


# --- The command ---


@pytest.mark.committing
def test_the_command_makes_the_key_announces_it_and_says_what_to_do(
    note: Note, tmp_path: Path, settings: Any
):
    note()
    file = tmp_path / "new.key"
    said = rotate("--new", str(file))
    new = SigningKey.parse(file.read_text().strip())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert new.text not in said
    assert "Entry 1 announces the new key, and the checkpoint of 2 entries covers it." in said
    assert new.verifier.vkey in said
    assert f"add to LEDGER_OLD_VKEYS: {OLD.verifier.vkey}" in said
    use(settings, new, OLD)
    note()
    sign()
    assert checkpoints.published_size() == 3


@pytest.mark.committing
def test_the_command_can_be_run_again(first: int, tmp_path: Path):
    file = tmp_path / "new.key"
    assert rotate("--new", str(file)) == rotate("--new", str(file))


@pytest.mark.committing
@pytest.mark.parametrize("lost", [(), ("--lost",)])
def test_a_promise_key_is_announced_by_the_old_one_or_if_that_is_lost_by_the_log(
    first: int, tmp_path: Path, settings: Any, lost: tuple[str, ...]
):
    file = tmp_path / "new.key"
    said = rotate("--new", str(file), "--promises", *lost)
    new = SigningKey.parse(file.read_text().strip())
    assert f"set LEDGER_PROMISE_KEY to what {file} holds" in said
    assert f"add to LEDGER_OLD_VKEYS: {PROMISES.verifier.vkey}" in said
    bodies = Entry.objects.values_list("body", flat=True)
    assert follow(bodies, [OLD.verifier if lost else PROMISES.verifier])[-1] == new.verifier
    settings.LEDGER_PROMISE_KEY, settings.LEDGER_OLD_VKEYS = new.text, [PROMISES.verifier.vkey]
    assert checkpoints.vkeys()[-2:] == [new.verifier.vkey, PROMISES.verifier.vkey]
    assert checkpoints.log_keys() == [OLD.verifier]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--lost"], "End this log .*begin another"),
        (["--from", "2027-01-01"], "Write the time with its zone"),
        (["--from", "2027-13-41T00:00:00Z"], "Write the time with its zone"),
        (["--promises"], "is of registry.local/claims, and not of registry.local/claims/promises"),
    ],
)
def test_the_command_refuses_in_words(tmp_path: Path, arguments: list[str], sentence: str):
    file = tmp_path / "new.key"
    file.write_text(NEW.text)
    with pytest.raises(CommandError, match=sentence):
        rotate("--new", str(file), *arguments)


def test_the_command_needs_the_old_key(tmp_path: Path, settings: Any):
    settings.LEDGER_KEY = ""
    with pytest.raises(CommandError, match="LEDGER_KEY is not set, and the old key has to sign"):
        rotate("--new", str(tmp_path / "new.key"))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes):
    file = tmp_path / "new.key"
    file.write_bytes(content)
    with pytest.raises(CommandError, match="holds no key that signs|cannot be read"):
        rotate("--new", str(file))
