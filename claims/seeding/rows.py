"""The rows of a batch, and the COPY that writes them: into the tables that the real acts write to."""

from collections.abc import Iterator, Sequence
from typing import Any

from allauth.account.models import EmailAddress
from django.db import connection, models
from psycopg import Cursor, sql

from accounts.models import User
from claims.mandates import SECTIONS
from claims.models import (
    AidItem,
    Attachment,
    Claim,
    Claimant,
    ClaimVersion,
    Consent,
    InformationRequest,
    Outcome,
    PersonCovered,
)
from evidence.models import CustodyEvent, EvidenceFile
from ledger.models import Entry

Row = Sequence[Any]
IDS_AT_ONCE = 1000


class Table:
    """Rows of one model, each with a value for these columns. Where the id is not among them the database
    gives one, in the order of the rows; a column that is left out is NULL."""

    def __init__(self, model: type[models.Model], *columns: str) -> None:
        self.name = model._meta.db_table
        self.columns = columns
        self.rows: list[Row] = []
        self.ids = _ids(self.name)


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
            *("id", "public_id", "email", "password", "language", "is_active", "is_superuser"),
            *("joined_at", "last_login"),
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
            *("claimant_kind", "claimant_id", "filed_by_id", "language", "discreet", "state", "version"),
            *("bound_by", "reviewed_before", "region", "place_id", "event_on", "event_first_day", "amount"),
            *("currency", "created_at", "submitted_at", "recorded_at", "changed_at"),
        )
        self.files = Table(
            EvidenceFile,
            *("id", "public_id", "blob_id", "name", "received_at", "received_by_kind", "received_by_id"),
            *("scan_state", "scanned_at"),
        )
        self.custody = Table(
            CustodyEvent, *("evidence_public_id", "kind", "actor_kind", "actor_id", "at", "sha256")
        )
        self.versions = Table(
            ClaimVersion,
            *("id", "claim_id", "number", "category_version_id", "made_at", "assurance", "signature"),
            *("manifest", "digest"),
            *(column for section in SECTIONS for column in (section, f"{section}_salt")),
        )
        self.requests = Table(
            InformationRequest,
            *("id", "public_id", "claim_id", "text", "salt", "digest", "asked_by_id", "asked_at", "due_on"),
            *("reply", "answered_at", "answered_in_id", "closed_at"),
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
        self.entries = Table(Entry, "salt", "body")

    def forget(self) -> None:
        for table in vars(self).values():
            table.rows = []

    def copy(self) -> None:
        """Write what was gathered, and forget it. Django's debug cursor cannot copy, so without it."""
        with connection.connection.cursor() as cursor:
            self._copy(cursor)

    def _copy(self, cursor: Cursor[Any]) -> None:
        for table in vars(self).values():
            names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
            rows, table.rows = table.rows, []
            with cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row(row)
