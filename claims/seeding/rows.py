"""The rows of a batch, and the COPY that writes them: into the tables that the real acts write to."""

from collections.abc import Iterator, Sequence
from struct import Struct, pack
from typing import Any

from allauth.account.models import EmailAddress
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from accounts.models import User
from claims.mandates import SECTIONS
from claims.models import (
    AidItem,
    Attachment,
    Claim,
    Claimant,
    ClaimVersion,
    Consent,
    Draft,
    InformationRequest,
    Outcome,
    PersonCovered,
)
from evidence.models import CustodyEvent, EvidenceFile
from ledger.models import Entry

Row = Sequence[Any]
IDS_AT_ONCE = 2000
COPY = """COPY {} ({}) FROM STDIN (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\x01', NULL 'None')"""
"""So that a row is what `str` makes of each value: JSON holds no raw tab, line break or other control
character, and nobody's text is None."""


COPY_BINARY = "COPY {} ({}) FROM STDIN (FORMAT binary)"
BINARY_START, BINARY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
LENGTH = Struct(">i").pack
"""Before each value of a binary row."""


class Table:
    """Rows of one model, each with a value for these columns. Where the id is not among them the database
    gives one, in the order of the rows; a column that is left out is NULL or has its default."""

    FORM = COPY

    def __init__(self, model: type[models.Model], *columns: str) -> None:
        self.name = model._meta.db_table
        self.rows: list[Row] = []
        self.ids = _ids(self.name)
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        self.copy = sql.SQL(self.FORM).format(sql.Identifier(self.name), names)

    def forget(self) -> None:
        self.rows = []

    def taken(self) -> bytes:
        """The rows as COPY reads them; the table is empty again."""
        rows, self.rows = self.rows, []
        return "".join(["\t".join(map(str, row)) + "\n" for row in rows]).encode()


class LongTable(Table):
    """Rows whose texts are long: binary, because PostgreSQL looks at every character of the other form."""

    FORM = COPY_BINARY

    def __init__(self, model: type[models.Model], *columns: str) -> None:
        super().__init__(model, *columns)
        self.head = pack(">h", len(columns))
        self.parts = [BINARY_START]

    def add(self, *columns: bytes) -> None:
        """One row: each column with its LENGTH before it."""
        self.parts += (self.head, *columns)

    def forget(self) -> None:
        self.parts = [BINARY_START]

    def taken(self) -> bytes:
        parts, self.parts = self.parts, [BINARY_START]
        return b"".join([*parts, BINARY_END]) if len(parts) > 1 else b""


def _ids(table: str) -> Iterator[int]:
    """New ids from the table's own sequence, many at a time: nobody else gets these."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, IDS_AT_ONCE],
            )
            rows = cursor.fetchall()
        yield from (number for (number,) in rows)


class Tables:
    """What one process writes, in the order in which rows refer to others."""

    def __init__(self) -> None:
        self.users = Table(
            User,
            *("id", "public_id", "email", "password", "language", "is_active", "is_superuser", "joined_at"),
        )
        self.addresses = Table(EmailAddress, "user_id", "email", "verified", "primary")
        self.claimants = Table(
            Claimant,
            *("id", "public_id", "kind", "filed_by_id", "family_name", "given_name", "patronymic", "born"),
            *("legal_name", "registration_number", "country", "created_at"),
        )
        self.claims = Table(
            Claim,
            *("id", "public_id", "number", "category_id", "category_version_id", "sensitive"),
            *("claimant_kind", "claimant_id", "filed_by_id", "refiles_id", "language", "state", "version"),
            *("reviewed_before", "discreet", "region", "place_id", "place_kind", "event_on"),
            *("event_first_day", "amount", "currency", "created_at", "submitted_at", "recorded_at"),
            "changed_at",
        )
        self.drafts = Table(
            Draft,
            *("claim_id", "answers", "origins", "entries", "eligibility", "consents", "pages"),
            *("own_account", "saved_at"),
        )
        self.files = Table(
            EvidenceFile,
            *("id", "public_id", "blob_id", "name", "received_at", "received_by_kind", "received_by_id"),
            "scan_state",
        )
        self.custody = Table(
            CustodyEvent, *("evidence_public_id", "kind", "actor_kind", "actor_id", "at", "sha256")
        )
        self.versions = LongTable(
            ClaimVersion,
            *("id", "claim_id", "number", "category_version_id", "made_at", "assurance", "signature"),
            *("manifest", "digest"),
            *(column for section in SECTIONS for column in (section, f"{section}_salt")),
        )
        self.requests = Table(
            InformationRequest,
            *("id", "public_id", "claim_id", "text", "salt", "digest", "asked_by_id", "asked_at", "due_on"),
            *("reply", "answered_at", "answered_in_id"),
        )
        self.attachments = Table(
            Attachment, *("claim_id", "evidence_file_id", "type", "description", "request_id", "added_at")
        )
        self.consents = Table(
            Consent, *("claim_id", "purpose", "given", "notice_version", "chosen_at", "chosen_by_id")
        )
        self.persons = Table(
            PersonCovered, *("claim_id", "role", "family_name", "given_name", "patronymic", "born")
        )
        self.aid = Table(
            AidItem, *("claim_id", "payer", "kind", "status", "amount", "currency", "received_on", "number")
        )
        self.outcomes = Table(
            Outcome,
            *("claim_id", "version_id", "outcome", "rule", "reason", "salt", "digest", "decided_on"),
            "entered_at",
        )
        self.entries = LongTable(Entry, "salt", "body")

    def forget(self) -> None:
        for table in vars(self).values():
            table.forget()

    def copy(self, connection: BaseDatabaseWrapper) -> None:
        """Write what was gathered, and forget it. Django's debug cursor cannot copy, so without it."""
        with connection.connection.cursor() as cursor:
            for table in vars(self).values():
                if text := table.taken():
                    with cursor.copy(table.copy) as copy:
                        copy.write(text)
