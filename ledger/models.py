"""What happened, provably. Entries and leaves are written once and never changed (docs/ledger.md)."""

import hashlib
from typing import ClassVar

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, LessThanOrEqual

SALT_BYTES = 16
BODY_BYTES = 60_000  # with its salt an entry must fit the 65,535 bytes that tlog-tiles gives a leaf


class AppendOnly(models.Model):
    """Rows that nobody may change or remove.

    `migrate` gives the app role SELECT and INSERT alone, and the migration of each table adds the
    triggers that refuse UPDATE, DELETE and TRUNCATE to everyone (as in ledger 0001).
    """

    append_only: ClassVar[bool] = True

    class Meta:
        abstract = True


def _written(key: str) -> models.Func:
    """json, searched as it stands, costs less than jsonb, which is built first."""
    return models.Func("body", models.Value(key), template="(%(expressions)s)", arg_joiner="::json ->> ")


def _bytes_in(column: str) -> models.Func:
    return models.Func(column, function="octet_length", output_field=models.IntegerField())


class Entry(AppendOnly):
    """One act. `body` holds exactly the hashed bytes, so it is text: jsonb would rewrite them.

    The other columns are generated from the body by the database and cannot disagree with it.
    Written by log.append alone; others read an entry once it is sealed
    (following.sealed); a claimant's page alone shows their own acts at once.
    """

    salt = models.BinaryField()
    body = models.TextField()
    kind = models.GeneratedField(
        expression=KeyTextTransform("kind", Cast("body", models.JSONField())),  # refuses what json lets pass
        output_field=models.TextField(),
        db_persist=True,
    )
    is_open = models.GeneratedField(
        expression=Cast(_written("open"), models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    at = models.GeneratedField(
        expression=models.Func(_written("at"), function="ledger_instant"),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    claim = models.GeneratedField(
        expression=Cast(_written("claim"), models.UUIDField()),
        output_field=models.UUIDField(),
        db_persist=True,
        null=True,
    )

    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("salt", "body", "kind")  # codes and opaque ids alone

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(
                name="ledger_entry_salt_has_16_bytes", condition=Exact(_bytes_in("salt"), SALT_BYTES)
            ),
            models.CheckConstraint(
                name="ledger_entry_body_fits_a_leaf",
                condition=LessThanOrEqual(_bytes_in("body"), BODY_BYTES),
            ),
            models.CheckConstraint(
                name="ledger_entry_says_kind_open_and_time",
                condition=models.Q(kind__isnull=False, is_open__isnull=False, at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="ledger_entry_story_of_a_claim",
                fields=["claim", "id"],
                condition=models.Q(claim__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def leaf_hash(self) -> bytes:
        """SHA-256(0x00 || salt || body), the RFC 6962 leaf hash that sealing writes into the leaf."""
        return hashlib.sha256(b"\0" + bytes(self.salt) + self.body.encode()).digest()


class Pending(models.Model):
    """An entry without an index yet. The database adds the row with the entry; sealing removes it."""

    entry = models.OneToOneField(
        Entry, models.PROTECT, primary_key=True, related_name="pending", db_constraint=False
    )
    since = models.DateTimeField()

    app_rights: ClassVar[tuple[str, ...]] = ("SELECT",)
    personal_data: ClassVar[tuple[str, ...]] = ()

    class Meta:
        verbose_name_plural = "pending"

    def __str__(self) -> str:
        return f"entry {self.entry_id}"


class Leaf(AppendOnly):
    """A sealed entry's place in the log: 0, 1, 2 ... without gap, in the order of sealing."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="leaf")
    hash = models.BinaryField()

    app_rights: ClassVar[tuple[str, ...]] = ("SELECT",)
    app_functions: ClassVar[tuple[str, ...]] = ("ledger_seal(integer)",)
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("hash",)

    class Meta:
        verbose_name_plural = "leaves"
        constraints = [
            models.CheckConstraint(
                name="ledger_leaf_hash_has_32_bytes", condition=Exact(_bytes_in("hash"), 32)
            ),
        ]

    def __str__(self) -> str:
        return f"leaf {self.index}"


class Follower(models.Model):
    """A reader of the sealed entries, and how far it has come."""

    name = models.CharField(max_length=64, primary_key=True)
    next_index = models.BigIntegerField(default=0)

    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("name",)

    def __str__(self) -> str:
        return self.name
