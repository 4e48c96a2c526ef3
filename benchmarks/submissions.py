"""Durable submissions: `lifecycle.submit` beside the same rows written by plain psycopg, one commit each.

Each client is a process with a connection of its own. Every claim has two files and the answers of a usual
A3.1 claim. Both sides write the same rows: claimant, claim, frozen version, consents, aid, ledger entry
(and, by its trigger, the pending row), and delete the draft.
"""

import multiprocessing
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

from django.db import connection, connections

from benchmarks import ground

CLIENTS = (1, 8, 32)
CLAIMS = 640  # for each measurement
ROUNDS = 3
LEAST = 0.20

ANSWERS = {
    "submitting_as": "self",
    "full_name": {
        "family_name": "Ткаченко",
        "given_name": "Оксана",
        "patronymic": "Іванівна",
        "born": "1980-03-07",
    },
    "citizenships": ["ukraine"],
    "phone": "+380 44 123 45 67",
    "property_type": "flat",
    "katottg": {"code": "UA14020010010059145", "name": "Бахмут"},
    "property_address": {"street": "вулиця Миру", "building": "12", "unit": "7"},
    "damage_date": "2022-08",
    "claim_amount": {"amount": "1250000.00", "currency": "UAH"},
    "calculation": "За ціною схожої квартири в нашому будинку до війни. " * 10,
}
STORY = "Снаряд влучив у будинок уночі. Стіна між кухнею і кімнатою впала, дах згорів. " * 20


def main() -> list[str]:
    """Lines for results.md."""
    with ground.database():
        lines = ["| clients | lifecycle.submit /s | plain psycopg /s | ratio |", "|---|---|---|---|"]
        ratios = []
        for clients in CLIENTS:
            ours, plain = [], []
            for _round in range(ROUNDS):
                ours.append(_rate(_submit, drafts(CLAIMS + clients), clients))
                plain.append(_rate(_write_plainly, drafts(CLAIMS + clients), clients))
            ratio = statistics.median(o / p for o, p in zip(ours, plain, strict=True))
            ratios.append(ratio)
            medians = f"{statistics.median(ours):.0f} | {statistics.median(plain):.0f}"
            lines.append(f"| {clients} | {medians} | {ratio:.2f} |")
    verdict = "holds" if min(ratios) >= LEAST else "does NOT hold"
    return [*lines, "", f"At least {LEAST:.0%} of plain psycopg: {verdict} (lowest {min(ratios):.0%})."]


def drafts(count: int) -> list[int]:
    """Claims ready to be submitted, made without going through the pages."""
    from accounts.models import User  # noqa: PLC0415 - Django is set up by main
    from claims.answers import checking  # noqa: PLC0415
    from claims.models import Attachment, Category, Claim, Draft  # noqa: PLC0415
    from evidence.models import Blob, EvidenceFile  # noqa: PLC0415

    category = Category.objects.get(code="A3.1")
    people = User.objects.bulk_create(
        User(email=f"bench{time.time_ns()}.{n}@example.org", language="uk") for n in range(count)
    )
    blob, _new = Blob.objects.get_or_create(
        sha256="0" * 64,
        defaults={
            "size_bytes": 1,
            "media_type": "image/jpeg",
            "stored_name": "bench",
            "wrapped_key": b"bench",
        },
    )
    claims = Claim.objects.bulk_create(
        Claim(
            category=category,
            category_version=category.newest,
            claimant_kind="individual",
            filed_by=person,
            language="uk",
        )
        for person in people
    )
    questions = {q.id: q for q in claims[0].form.questions}
    account = next(q.id for q in questions.values() if q.section == "account")
    answers = {k: v for k, v in ANSWERS.items() if k in questions} | {account: STORY}
    assert not checking.problems(claims[0].form, answers)
    Draft.objects.bulk_create(Draft(claim=c, answers=answers) for c in claims)
    files = EvidenceFile.objects.bulk_create(
        EvidenceFile(blob=blob, name="фото.jpg", received_by_kind="person", received_by_id="bench")
        for _ in range(2 * count)
    )
    Attachment.objects.bulk_create(
        Attachment(claim=claims[n // 2], evidence_file=file, type="photo", description="Кухня")
        for n, file in enumerate(files)
    )
    return [c.pk for c in claims]


Work = Callable[[Sequence[int], "Barrier"], None]


def _rate(work: Work, claims: list[int], clients: int) -> float:
    """Claims per second from when every client has done its first one until the last client is done."""
    connections.close_all()
    barrier = multiprocessing.Barrier(clients + 1)
    shares = [claims[n::clients] for n in range(clients)]
    workers = [multiprocessing.Process(target=work, args=(share, barrier)) for share in shares]
    for worker in workers:
        worker.start()
    barrier.wait(timeout=60)
    start = time.perf_counter()
    for worker in workers:
        worker.join()
    took = time.perf_counter() - start
    assert all(worker.exitcode == 0 for worker in workers)
    return (len(claims) - clients) / took


def _submit(claims: Sequence[int], barrier: Barrier) -> None:
    found = drafted(claims)
    for n, claim in enumerate(found):
        if n == 1:  # the first one is a server's first: it reads the mandate and its caches
            barrier.wait(timeout=60)
        submit(claim)


def drafted(claims: Sequence[int]) -> list[Any]:
    from claims.models import Claim  # noqa: PLC0415

    return list(Claim.objects.filter(pk__in=claims).select_related("filed_by"))


def submit(claim: Any) -> None:
    from claims import lifecycle  # noqa: PLC0415
    from claims.versions import Declaration  # noqa: PLC0415

    declaration = Declaration.of_current_texts("Оксана Ткаченко", language="uk")
    lifecycle.submit(claim, by=claim.filed_by, declaration=declaration)


TABLES = ("claims_claimant", "claims_claimversion", "claims_consent", "claims_aiditem", "ledger_entry")
CHANGED = [
    "state",
    "version",
    "submitted_at",
    "changed_at",
    "region",
    "place_id",
    "place_kind",
    "event_on",
    "event_first_day",
    "amount",
    "currency",
    "sensitive",
    "discreet",
]


def _write_plainly(claims: Sequence[int], barrier: Barrier) -> None:
    """What `submit` writes, as read from a claim that was submitted, by INSERT, UPDATE, DELETE, COMMIT."""
    from claims import numbers  # noqa: PLC0415

    connection.ensure_connection()
    plain = connection.connection
    with plain.cursor() as cursor:
        rows, changed = _written_by_submit(cursor)
    plain.autocommit = False
    update = f"UPDATE claims_claim SET number = %s, claimant_id = %s, {', '.join(f'{c} = %s' for c in CHANGED)} WHERE id = %s"  # noqa: S608, E501 - own names
    with plain.cursor() as cursor:
        for n, claim in enumerate(claims):
            if n == 1:
                barrier.wait(timeout=60)
            claimant = None
            for table, columns, several in rows:
                own = {"public_id": uuid.uuid4(), "claim_id": claim}
                values = [own.get(c, v) for row in several for c, v in zip(columns, row, strict=True)]
                marks = ", ".join(["(" + ", ".join(["%s"] * len(columns)) + ")"] * len(several))
                cursor.execute(
                    f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks} RETURNING id",  # noqa: S608
                    values,
                )
                if table == "claims_claimant":
                    (claimant,) = cursor.fetchone()
            cursor.execute(update, [numbers.draw("UA"), claimant, *changed, claim])
            cursor.execute("DELETE FROM claims_draft WHERE claim_id = %s", [claim])
            plain.commit()


def _written_by_submit(cursor: Any) -> tuple[list[tuple[str, list[str], list[Any]]], list[Any]]:
    """(table, columns, rows) of one claim, and the values of its changed columns."""
    cursor.execute(
        f"SELECT id, claimant_id, public_id, {', '.join(CHANGED)} FROM claims_claim "  # noqa: S608
        "WHERE state = 'submitted' ORDER BY id LIMIT 1"
    )
    claim, claimant, public_id, *changed = cursor.fetchone()
    where = {"claims_claimant": ("id", claimant), "ledger_entry": ("claim", public_id)}
    written = []
    for table in TABLES:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped AND attgenerated = '' AND attname <> 'id' ORDER BY attnum",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
        key, value = where.get(table, ("claim_id", claim))
        one = " LIMIT 1" if table == "ledger_entry" else ""  # plain copies name the same claim
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = %s ORDER BY id{one}", [value])  # noqa: S608
        if rows := cursor.fetchall():
            written.append((table, columns, rows))
    return written, changed


if __name__ == "__main__":
    print("\n".join(main()))
