"""What happened, provably. Entries and leaves are written once and never changed (docs/ledger.md)."""

import hashlib
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ledger.covering import Checked, Cover

SALT_BYTES = 16
HASH_BYTES = 32
TILE_BYTES = 256 * HASH_BYTES
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

    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("salt", "body", "kind")  # codes and opaque ids alone

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
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
    covered_by: ClassVar[Cover] = Checked(beside=("since",))
    personal_data: ClassVar[tuple[str, ...]] = ()

    class Meta:
        verbose_name_plural = "pending"

    def __str__(self) -> str:
        return f"entry {self.entry_id}"


class Leaf(AppendOnly):
    """A sealed entry's place in the log: 0, 1, 2 ... without gap, in the order of sealing.

    `entry` is None where a loss took the entry and its published hash alone is left (ledger.recovery).
    """

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, models.PROTECT, null=True, related_name="leaf")
    hash = models.BinaryField()

    app_rights: ClassVar[tuple[str, ...]] = ("SELECT",)
    app_functions: ClassVar[tuple[str, ...]] = ("ledger_seal(integer)",)
    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("hash",)

    class Meta:
        verbose_name_plural = "leaves"
        constraints = [
            models.CheckConstraint(
                name="ledger_leaf_hash_has_32_bytes", condition=Exact(_bytes_in("hash"), HASH_BYTES)
            ),
        ]

    def __str__(self) -> str:
        return f"leaf {self.index}"


class Tile(AppendOnly):
    """256 hashes of the tree side by side, once there are so many: of leaves on level 0, of tiles of the
    level below on the others. `root` is the RFC 6962 hash of them all, and so one hash of the tile above.

    Written by ledger_grow alone. What is no full tile yet is read from the leaves, or from the roots of the
    tiles below (ledger.proofs).
    """

    pk = models.CompositePrimaryKey("level", "n")
    level = models.SmallIntegerField()
    n = models.BigIntegerField()
    root = models.BinaryField()
    hashes = models.BinaryField()

    app_rights: ClassVar[tuple[str, ...]] = ("SELECT",)
    app_functions: ClassVar[tuple[str, ...]] = ("ledger_grow(integer)",)
    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("root", "hashes")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="ledger_tile_is_full",
                condition=Exact(_bytes_in("hashes"), TILE_BYTES) & Exact(_bytes_in("root"), HASH_BYTES),
            ),
        ]

    def __str__(self) -> str:
        return f"tile {self.n} on level {self.level}"


class Checkpoint(AppendOnly):
    """What the log said of itself: at this size, this was its root. Others hold it against us.

    `note` is the whole signed note, with the cosignatures that witnesses gave. A row is there once the
    signature is remembered outside the database too (ledger.checkpoints), and what it says is public from
    then on. The database refuses another root at a size, and sizes that go back.
    """

    size = models.BigIntegerField()
    root = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField(default=timezone.now)

    covered_by: ClassVar[Cover] = Checked(beside=("signed_at",))
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("root", "note")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="ledger_checkpoint_root_has_32_bytes", condition=Exact(_bytes_in("root"), HASH_BYTES)
            ),
        ]
        indexes = [models.Index(name="ledger_checkpoint_by_size", fields=["size", "id"])]

    def __str__(self) -> str:
        return f"checkpoint at {self.size}"


class Follower(models.Model):
    """A reader of the sealed entries, and how far it has come."""

    name = models.CharField(max_length=64, primary_key=True)
    next_index = models.BigIntegerField(default=0)

    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("name",)

    def __str__(self) -> str:
        return self.name


class Timestamp(AppendOnly):
    """What an outside authority says of the text of a checkpoint: it was there at `stamped_at` (RFC 3161).

    Place 0 stamps the text, each later place the text with all tokens before it, so that a stamp whose
    certificate or algorithm ages is carried on (ledger.timestamps). Only what was verified is kept; the other
    columns are what the token said then.
    """

    checkpoint = models.ForeignKey(Checkpoint, models.PROTECT, related_name="timestamps")
    place = models.SmallIntegerField()
    algorithm = models.CharField(max_length=32)  # the hash under which it stamps: "sha256"
    token = models.BinaryField()
    stamped_at = models.DateTimeField()
    good_until = models.DateTimeField()
    algorithms = ArrayField(models.CharField(max_length=32))  # all that it rests on, keys too: "rsa-2048"

    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("algorithm", "token", "algorithms")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="ledger_timestamp_place_once", fields=["checkpoint", "place"]),
            models.CheckConstraint(name="ledger_timestamp_place", condition=models.Q(place__gte=0)),
        ]

    def __str__(self) -> str:
        return f"stamp {self.place} of {self.checkpoint_id}"
