"""The whole log in files, and the verifier over them."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ledger import checkpoints, verify
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(tmp_path: Path) -> str:
    path = tmp_path / "keys"
    path.write_text("".join(f"{vkey}\n" for vkey in checkpoints.vkeys()))
    return str(path)


def test_an_export_is_proven_by_the_verifier(note, tmp_path, keys, capsys):
    for number in range(300):
        note(number)
    make.checkpoint()
    call_command("export_ledger", str(tmp_path / "export"))
    assert verify.main(["export", str(tmp_path / "export"), "--keys", keys]) == 0
    assert "300 entries" in capsys.readouterr().out.splitlines()[-1]
    lines = (tmp_path / "export" / "entries.ndjson").read_text().splitlines()
    assert json.loads(lines[7])["body"]["facts"] == {"number": 7}


def test_run_again_it_goes_on_as_the_log_grows(note, tmp_path, keys, capsys):
    folder = tmp_path / "export"
    for count in (3, 260, 1):
        for number in range(count):
            note(number)
        make.checkpoint()
        call_command("export_ledger", str(folder))
    assert verify.main(["export", str(folder), "--keys", keys]) == 0
    assert "264 entries" in capsys.readouterr().out.splitlines()[-1]


def test_it_goes_on_where_a_crash_left_it(note, tmp_path, keys, monkeypatch, capsys):
    for number in range(300):
        note(number)
    make.checkpoint()
    folder = tmp_path / "export"
    call_command("export_ledger", str(folder))
    path = folder / "entries.ndjson"
    whole = path.read_bytes()
    (folder / "checkpoint").unlink()
    (folder / "tile/0/000").write_bytes(b"half")
    for left in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:left])
        call_command("export_ledger", str(folder))
        assert path.read_bytes() == whole
    assert verify.main(["export", str(folder), "--keys", keys]) == 0


def test_a_folder_without_a_checkpoint_is_not_finished(note, tmp_path, keys, capsys):
    note()
    make.checkpoint()
    folder = tmp_path / "export"
    call_command("export_ledger", str(folder))
    (folder / "checkpoint").unlink()
    assert verify.main(["export", str(folder), "--keys", keys]) == 2


def test_without_a_checkpoint_there_is_nothing_to_export(tmp_path):
    with pytest.raises(CommandError, match="no checkpoint yet"):
        call_command("export_ledger", str(tmp_path / "export"))


def test_the_folder_of_another_log_is_left_alone(note, tmp_path, settings):
    note()
    make.checkpoint()
    folder = tmp_path / "export"
    call_command("export_ledger", str(folder))
    said = (folder / "checkpoint").read_text()
    (folder / "checkpoint").write_text(said.replace("\n1\n", "\n2\n"))
    with pytest.raises(CommandError, match="Choose an empty folder"):
        call_command("export_ledger", str(folder))


def test_it_takes_few_statements_whatever_the_size(note, tmp_path, django_assert_max_num_queries):
    for number in range(600):
        note(number)
    make.checkpoint()
    with django_assert_max_num_queries(5):
        call_command("export_ledger", str(tmp_path / "export"))
    assert connection.connection is not None
