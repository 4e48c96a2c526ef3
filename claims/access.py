"""Writing down who looked at what."""

import uuid

from django.db import connection
from django.utils import timezone

from claims.models import Access, Claim
from ledger.log import Actor


def record(
    claim: Claim | None, *, by: Actor, office: str, purpose: str, file: uuid.UUID | None = None
) -> None:
    """One look at a claim or, with `file`, at one of its pieces of evidence; None for many claims at once, as
    in a partner's pull. `purpose` is a code."""
    Access.objects.create(
        claim=claim.public_id if claim else None,
        file=file,
        actor_kind=by.kind,
        actor_id=by.id,
        office=office,
        purpose=purpose,
        at=timezone.now(),
    )


def make_partitions(months: int = 3) -> None:
    """Room for the coming months: the table is partitioned, and the app role may not create tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT claims_access_month((now() + make_interval(months => n))::date) "
            "FROM generate_series(0, %s) AS n",
            [months],
        )
