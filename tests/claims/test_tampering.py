"""Somebody holds the database as its superuser, with every trigger off, or the disk, and changes one thing:
a cell, a row, a byte. The verifiers find it and name it.

TAMPERS says how many changes are tried (make soak: 500); TAMPER_SEED which (make soak: others each time).
"""

import hashlib
import json
import os
import uuid
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import ForeignKey
from psycopg import sql

from claims import receipts, verifying
from claims.models import Attachment, Claim, Claimant
from claims.verifying import Wanted
from evidence.models import Blob, EvidenceFile
from ledger import checkpoints, export, verify
from ledger.covering import A_MINUTE, Told, Untold
from ledger.models import Checkpoint, Entry, Leaf, Pending
from registry.embedded_postgres import SUPERUSER
from tests.claims import lived

TAMPERS = int(os.environ.get("TAMPERS", "40"))
SEED = int(os.environ.get("TAMPER_SEED", "7"))
COVERED = [
    model for model in apps.get_models() if not isinstance(getattr(model, "covered_by", Untold("")), Untold)
]
NOT_SEEN = {
    ("insert", Entry): "it goes into the log as an act that says the same again, for everybody to see",
    ("insert", Claimant): "who has no claim is nobody of whom the ledger tells",
    ("delete", Checkpoint): "of all but the newest, the proof is with those who hold them",
    ("insert", Checkpoint): "the same again says nothing new; another one needs the signing key",
}
ALSO_NAMED = {Leaf: Entry, Pending: Entry, EvidenceFile: Attachment}
"""What is named when a row of this table is changed: of two that disagree, one."""


class NothingToChange(Exception):
    """This change cannot be made here: a constraint is in the way, or there is no such row."""


class Tamperer:
    def __init__(self, chance):
        self.chance = chance

    def change(self):
        """Make one change; what it was, and the model."""
        model = self.chance.choice(COVERED)
        how = self.chance.choice(["cell", "cell", "cell", "delete", "insert", "swap"])
        if (how, model) in NOT_SEEN:
            raise NothingToChange
        return f"{how} {getattr(self, f'_{how}')(model)}", model

    def _columns(self, model):
        keys = (
            {"index"} if model is Leaf else {"level", "n"} if model._meta.db_table == "ledger_tile" else set()
        )
        return [
            field
            for field in model._meta.concrete_fields
            if field.column
            and not field.generated
            and (not field.primary_key or field.name in keys)
            and field.name not in model.covered_by.beside
        ]

    def _row(self, model, **where):
        """A row by chance, by its physical place: keys may be what is changed."""
        table = sql.Identifier(model._meta.db_table)
        columns = [f for f in model._meta.concrete_fields if f.column]
        names = sql.SQL(", ").join(sql.Identifier(f.column) for f in columns)
        statement = sql.SQL("SELECT ctid::text, {} FROM {} ORDER BY ctid").format(names, table)
        rows = self._ask(statement)
        if not rows:
            raise NothingToChange
        ctid, *values = self.chance.choice(rows)
        return ctid, {f: self._plain(value) for f, value in zip(columns, values, strict=True)}

    @staticmethod
    def _plain(value):
        return bytes(value) if isinstance(value, memoryview) else value

    def _ask(self, statement, *values):
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def _set(self, model, field, ctid, value):
        statement = sql.SQL("UPDATE {} SET {} = %s WHERE ctid = %s::tid").format(
            sql.Identifier(model._meta.db_table), sql.Identifier(field.column)
        )
        assert self._ask(statement, value, ctid) == 1

    def _cell(self, model):
        ctid, row = self._row(model)
        if model is Claim and row[Claim._meta.get_field("state")] == "draft":
            raise NothingToChange  # nobody's record yet
        field = self.chance.choice(self._columns(model))
        value = self._other(field, row[field])
        self._set(model, field, ctid, value)
        return f"{model.__name__}.{field.name} of {row[model._meta.concrete_fields[0]]}"

    def _delete(self, model):
        ctid, row = self._row(model)
        if model is Claim and row[Claim._meta.get_field("state")] == "draft":
            raise NothingToChange
        if model is Claimant and not Claim.objects.filter(claimant=row[Claimant._meta.pk]).exists():
            raise NothingToChange
        table = sql.Identifier(model._meta.db_table)
        self._ask(sql.SQL("DELETE FROM {} WHERE ctid = %s::tid").format(table), ctid)
        return f"{model.__name__} {row[model._meta.concrete_fields[0]]}"

    def _insert(self, model):
        """A row like another one, under keys of its own."""
        _ctid, row = self._row(model)
        if model is Claim and row[Claim._meta.get_field("state")] == "draft":
            raise NothingToChange
        fresh = {f: value for f, value in row.items() if not f.generated}
        unique = [f for f in fresh if f.unique and not f.primary_key]
        for constraint in model._meta.constraints:
            names = [name for name in getattr(constraint, "fields", ()) if name != "claim"]
            unique += [model._meta.get_field(name) for name in names[-1:]]
        for field in dict.fromkeys(unique):
            fresh[field] = self._other(field, fresh[field])
        for field in fresh:
            if field.primary_key and field.get_internal_type() in ("BigAutoField", "BigIntegerField"):
                table = sql.Identifier(model._meta.db_table)
                statement = sql.SQL("SELECT max({}) + 1 FROM {}").format(sql.Identifier(field.column), table)
                [(fresh[field],)] = self._ask(statement)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(model._meta.db_table),
            sql.SQL(", ").join(sql.Identifier(f.column) for f in fresh),
            sql.SQL(", ").join([sql.Placeholder()] * len(fresh)),
        )
        self._ask(statement, *fresh.values())
        return f"{model.__name__} like {row[model._meta.concrete_fields[0]]}"

    def _swap(self, model):
        """One column of two rows."""
        (first, one), (second, other) = self._row(model), self._row(model)
        field = self.chance.choice(self._columns(model))
        if one[field] == other[field] or self._is_about(model, field, one[field], other[field]):
            raise NothingToChange
        if all(
            one[f] == other[f] or self._is_about(model, f, one[f], other[f])
            for f in self._columns(model)
            if f is not field
        ):
            raise NothingToChange  # the same two rows, in another order
        if model is Claim and "draft" in (row[Claim._meta.get_field("state")] for row in (one, other)):
            raise NothingToChange
        table, column = sql.Identifier(model._meta.db_table), sql.Identifier(field.column)
        statement = sql.SQL(
            "UPDATE {} SET {} = CASE WHEN ctid = %s::tid THEN %s ELSE %s END WHERE ctid IN (%s::tid, %s::tid)"
        ).format(table, column)
        cast = f"::{field.db_type(connection)}"
        statement = sql.SQL(
            statement.as_string(None).replace("THEN %s ELSE %s", f"THEN %s{cast} ELSE %s{cast}")
        )
        assert self._ask(statement, first, other[field], one[field], first, second) == 2
        return f"{model.__name__}.{field.name} of {one[model._meta.concrete_fields[0]]} and another"

    @staticmethod
    def _is_about(model, field, one, other):
        """Some times are told to within a minute."""
        if not isinstance(one, datetime) or not isinstance(other, datetime):
            return False
        return isinstance(model.covered_by, Told) and abs((one - other).total_seconds()) < A_MINUTE

    def _other(self, field, value):
        """Another value that the column could hold."""
        chance = self.chance
        if isinstance(field, ForeignKey):
            keys = [
                k for k in field.related_model._base_manager.values_list("pk", flat=True)[:50] if k != value
            ]
            return chance.choice(keys) if keys and chance.random() < 0.8 else self._away(value)
        if value is not None and field.null and chance.random() < 0.2:
            return None
        if field.choices:
            return chance.choice([choice for choice, _label in field.choices if choice != value])
        match value:
            case bool():
                return not value
            case int() | Decimal():
                return value + 1
            case datetime() | date():
                return value + timedelta(days=chance.choice([-30, -1, 1, 30]))
            case uuid.UUID():
                return uuid.uuid4()
            case bytes():
                at = chance.randrange(len(value))
                return value[:at] + bytes([value[at] ^ 1 << chance.randrange(8)]) + value[at + 1 :]
            case list():
                return value[:-1] or [*value, "core"]
            case str() if value:
                at = chance.randrange(len(value))
                return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        return {
            "CharField": "x",
            "TextField": "x",
            "DateTimeField": datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
            "DateField": date(2026, 1, 1),
            "BinaryField": b"x" * 16,
            "UUIDField": uuid.uuid4(),
            "DecimalField": Decimal("1.00"),
        }.get(field.get_internal_type(), 1)

    @staticmethod
    def _away(value):
        return "UA00000000000000000" if isinstance(value, str) else (value or 0) + 1_000_000


@pytest.fixture
def memory(tmp_path, settings):
    settings.LEDGER_MEMORY = tmp_path / "ledger" / "last-checkpoint"
    return settings.LEDGER_MEMORY


@contextmanager
def as_superuser(clones):
    address = connections["default"].settings_dict
    before = {key: address[key] for key in ("USER", "PASSWORD")}
    connection.close()
    address.update(USER=SUPERUSER, PASSWORD=clones.facts["passwords"][SUPERUSER])
    try:
        yield
    finally:
        connection.close()
        address.update(before)


def named():
    return [finding for step in verifying.verify(Wanted(files=None)) for finding in step.findings]


@pytest.mark.committing
def test_one_changed_cell_or_row_is_found_and_named(clones, memory):
    lived.register()
    lived.signed(memory)
    tamperer = Tamperer(Random(SEED))  # noqa: S311
    with as_superuser(clones):
        assert named() == []
        done, unseen = 0, []
        while done < TAMPERS:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL session_replication_role = replica")
                try:
                    with transaction.atomic():
                        what, model = tamperer.change()
                except (NothingToChange, DatabaseError, LookupError):
                    pass
                else:
                    done += 1
                    found = [str(finding) for finding in named()]
                    tables = {model._meta.db_table, ALSO_NAMED.get(model, model)._meta.db_table}
                    if not any(table in finding for finding in found for table in tables):
                        unseen.append(f"{what}: {found or 'nothing'}")
                transaction.set_rollback(True)
        assert named() == []
    assert not unseen, f"TAMPER_SEED={SEED}: " + "\n".join(unseen)


def flipped(whole, chance):
    at = chance.randrange(len(whole))
    return at, whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :]


@pytest.mark.django_db
def test_one_changed_byte_of_what_was_given_out_is_found(memory, tmp_path, settings, capsys):
    """Checkpoint, tiles and entries of an export, a receipt, and the files that it names."""
    lived.register()
    lived.signed(memory)
    chance = Random(SEED)  # noqa: S311
    keys = tmp_path / "keys"
    keys.write_text("".join(f"{vkey}\n" for vkey in checkpoints.vkeys()))
    folder = tmp_path / "export"
    export.export(folder)
    entry = Entry.objects.filter(kind="claim.submitted").order_by("pk").first()
    receipt, file = tmp_path / "receipt.json", tmp_path / "deed.pdf"
    receipt.write_text(json.dumps(receipts.build(entry), ensure_ascii=False))
    file.write_bytes(lived.CHECKS[0])
    asked = {
        "export": ["export", str(folder)],
        "receipt": ["receipt", str(receipt), "--evidence", str(file)],
    }
    for arguments in asked.values():
        assert verify.main([*arguments, "--keys", str(keys)]) == 0, capsys.readouterr().out
    exported = [
        path for path in folder.rglob("*") if path.is_file() and path.name != "vkeys" and path.stat().st_size
    ]
    unseen = []
    for _ in range(TAMPERS):
        path = chance.choice([receipt, file, chance.choice(exported)])
        whole = path.read_bytes()
        at, changed = flipped(whole, chance)
        if path == receipt and _says_the_same(whole, changed):
            continue
        path.write_bytes(changed)
        arguments = asked["export" if path in exported else "receipt"]
        if verify.main([*arguments, "--keys", str(keys)]) == 0:
            unseen.append(f"{path.relative_to(tmp_path)} at {at}: {changed[max(0, at - 40) : at + 40]!r}")
        path.write_bytes(whole)
    capsys.readouterr()
    assert not unseen, f"TAMPER_SEED={SEED}: " + "\n".join(unseen)


def _says_the_same(whole, changed):
    """The keys in a receipt are for those who have none of their own, and names of nothing say nothing."""
    try:
        was, now = json.loads(whole), json.loads(changed)
    except ValueError:
        return False
    return {**was, "vkeys": []} == {**now, "vkeys": []} if isinstance(now, dict) else False


@pytest.mark.django_db
def test_one_changed_byte_of_a_stored_file_is_found_and_named(memory, settings):
    lived.register()
    lived.signed(memory)
    chance = Random(SEED)  # noqa: S311
    for blob in Blob.objects.all():
        path = Path(settings.EVIDENCE_DIR) / "stored" / blob.stored_name
        path.chmod(0o600)
        whole = path.read_bytes()
        for _ in range(max(TAMPERS // 10, 4)):
            at, changed = flipped(whole, chance)
            path.write_bytes(changed)
            found = [f for step in verifying.verify(Wanted(files=None)) for f in step.findings]
            assert [(f.table, f.key) for f in found] == [("evidence_blob", str(blob.pk))], f"byte {at}"
        path.write_bytes(whole)
    assert hashlib.sha256(lived.CHECKS[0]).hexdigest() in set(Blob.objects.values_list("sha256", flat=True))
