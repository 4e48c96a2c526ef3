"""Made-up claims in any number: the rows and ledger entries that the real acts would have left, by COPY.

The same seed makes the same claims, salts and digests included. Each claim's public id follows from the seed
and its place in the row, so a run asks which are there and writes the others: one that was stopped goes on
where it was, and one that was finished does nothing. A batch is one transaction, whole or not there.
"""

import gc
import hashlib
import io
import multiprocessing
import os
import struct
import uuid
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

from allauth.account.models import EmailAddress
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from accounts import membership
from accounts.models import User
from accounts.roles import Role
from claims import mandates
from claims.models import Category, Claim, Claimant, Place
from claims.models.category import CategoryState, definition
from claims.notices import NOBODY
from claims.seeding import words
from claims.seeding.ground import Ground, Officer, Stored
from claims.seeding.lives import HOUSEHOLD, LASTS, Households
from claims.seeding.numbering import Numbers
from claims.seeding.rows import Tables
from claims.seeding.telling import Form, Settlement
from evidence import uploads
from evidence.kinds import KINDS
from evidence.models import Blob
from ledger import sealing
from ledger.log import SYSTEM

BATCH = 1000  # claims in a transaction; a multiple of HOUSEHOLD
SEALED = 4 * BATCH  # so many have about as many entries as are sealed at once
VILLAGES = 3000
TRIES = 3


class NothingToSeed(Exception):
    """No category takes claims, or there are no places: `load_mandate` brings both."""


def seed(
    count: int,
    seed: int,
    *,
    report: Callable[[int], None] | None = None,
    processes: int | None = None,
) -> int:
    """See to it that the first `count` claims of `seed` are there and sealed; answers how many were missing.

    `report` is told every now and then how many are there. Commits as it goes: not for within a transaction.
    """
    ground = _ground(seed)
    batches = [(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
    processes = min(processes or os.cpu_count() or 1, len(batches))
    written = done = 0
    for size, missing in _each(ground, batches, processes):
        written, done = written + missing, done + size
        if done % SEALED < size:
            sealing.seal()
        if report:
            report(done)
    while sealing.seal():
        pass
    return written


def _each(ground: Ground, batches: list[tuple[int, int]], processes: int) -> Iterator[tuple[int, int]]:
    """Write the batches; for each its size, and how many claims of it were missing."""
    if processes <= 1:
        _begin(ground)
        yield from map(_write, batches)
        return
    connections.close_all()  # a forked process must not share them
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_begin_process, initargs=(ground,)
    ) as pool:
        yield from pool.map(_write, batches)


_writer: "Writer"


def _begin(ground: Ground, using: str = "default") -> None:
    global _writer  # noqa: PLW0603 - one for the life of the process
    _writer = Writer(ground, using)


def _begin_process(ground: Ground) -> None:
    gc.disable()  # what a batch makes goes without it (Households.make), and the process ends with the run
    _begin(ground, "owner" if "owner" in connections else "default")


def _write(batch: tuple[int, int]) -> tuple[int, int]:
    start, stop = batch
    return stop - start, _writer.write(start, stop)


class Writer:
    """Writes batches in one process, through the connection `using`."""

    def __init__(self, ground: Ground, using: str = "default") -> None:
        self.connection = connections[using]
        with self.connection.cursor() as cursor:
            # What a crash would take, the next run writes again.
            cursor.execute("SET synchronous_commit TO off")
            cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
            if cursor.fetchone()[0]:  # what a row refers to is there, or is written in the same transaction
                cursor.execute("SET session_replication_role TO replica")
        self.ground = ground
        self.numbers = Numbers(ground.mandate.number_prefix, ground.seed)
        self.tables = Tables()
        self.households = Households(ground, self.tables)

    def write(self, start: int, stop: int) -> int:
        """The claims from `start` to before `stop` that are not there yet, in a transaction of their own."""
        for tries_left in reversed(range(TRIES)):
            try:
                with transaction.atomic(self.connection.alias, durable=True):
                    return self._write(start, stop)
            except IntegrityError:  # somebody submitted a claim just now and drew one of our numbers
                self.tables.forget()
                if not tries_left:
                    raise
        raise AssertionError("not reached")

    def _write(self, start: int, stop: int) -> int:
        ids = {self.ground.id_of("claim", index): index for index in range(start, stop)}
        there = self._found("SELECT public_id::text FROM claims_claim WHERE public_id = ANY(%s::uuid[])", ids)
        missing = sorted(set(ids.values()) - {ids[public_id] for public_id in there})
        if not missing:
            return 0
        numbers, known = self._numbers(missing), self._known(missing, len(ids))
        for household in sorted({index // HOUSEHOLD for index in missing}):
            self.households.make(household, numbers, known)
        self.tables.copy(self.connection)
        return len(missing)

    def _found(self, query: str, of: Iterable[str]) -> list[str]:
        """One array where the ORM would send a thousand parameters."""
        with self.connection.cursor() as cursor:
            cursor.execute(query, [list(of)])
            return [found for (found,) in cursor.fetchall()]

    def _numbers(self, indexes: list[int]) -> dict[int, str]:
        """A number for each that no claim has."""
        found: dict[int, str] = {}
        left, attempt = indexes, 0
        while left:
            drawn = {self.numbers.number(index, attempt): index for index in left}
            taken = self._found("SELECT number FROM claims_claim WHERE number = ANY(%s)", drawn)
            found |= {index: number for number, index in drawn.items() if number not in taken}
            left, attempt = [drawn[number] for number in taken], attempt + 1
        return found

    def _known(self, missing: list[int], asked: int) -> dict[str, int]:
        """Accounts, claimants and claims of those households of which a part was written before."""
        edges = {missing[0] // HOUSEHOLD, missing[-1] // HOUSEHOLD}
        households = edges if len(missing) == asked else {index // HOUSEHOLD for index in missing}
        indexes = [h * HOUSEHOLD + n for h in households for n in range(HOUSEHOLD)]
        known: dict[str, int] = {}
        for model, what in ((User, "account"), (Claimant, "claimant"), (Claim, "claim")):
            ids = [self.ground.id_of(what, index) for index in indexes]
            rows = model._default_manager.filter(public_id__in=ids).values_list("public_id", "pk")
            known |= {str(public_id): pk for public_id, pk in rows}
        return known


# --- What stands before the first claim ---


def _ground(seed: int) -> Ground:
    mandate = mandates.current()
    today = datetime.combine(timezone.now().astimezone(UTC), datetime.min.time())
    first_day = datetime.combine(mandate.first_day, datetime.min.time())
    places = _places()
    forms = _forms()
    if not forms or not places:
        raise NothingToSeed("No category is open, or no places are loaded. Run `manage.py load_mandate`.")
    return Ground(
        seed=seed,
        mandate=mandate,
        forms=forms,
        places=places,
        stored=_stored(),
        reviewers=[_officer(f"reviewer{n}", Role.REVIEWER, Role.SENIOR_REVIEWER) for n in range(1, 7)],
        board=[_officer(f"board{n}", Role.BOARD_MEMBER) for n in range(1, 4)],
        latest=min(first_day + LASTS, today),
    )


def _forms() -> list[Form]:
    return [
        Form(
            category.pk,
            category.newest_id,
            category.code,
            category.sensitive,
            definition(category.newest_id),
            kind,
        )
        for category in Category.objects.filter(state=CategoryState.OPEN).order_by("code")
        if category.newest_id
        for kind in definition(category.newest_id).claimants
    ]


def _places() -> dict[str, list[tuple[Settlement, float]]]:
    """Settlements by region with their weights: all towns, and some of the many villages."""
    found: dict[str, list[tuple[Settlement, float]]] = defaultdict(list)
    settlements = Place.objects.filter(kind__in=[*words.KINDS, "K"]).order_by("code")
    rows = settlements.values_list("code", "kind", "region", "name_uk", "parents_uk")
    villages = sum(kind == "C" for _code, kind, *_rest in rows)
    every = max(villages // VILLAGES, 1)
    for n, (code, kind, region, name, parents) in enumerate(rows):
        if kind == "C" and n % every:
            continue
        weight = words.KINDS.get(kind, 100.0) * (every if kind == "C" else 1)
        if kind in "MK":
            weight = words.TOWNS.get(name, weight)
        official_name = f"{name}, {parents}" if parents else name
        found[region].append((Settlement(code, official_name, region), weight))
    return dict(found)


def _officer(name: str, *roles: Role) -> Officer:
    """Somebody who did the work of these offices and holds none of them now: nobody waits for them."""
    email = f"{name}{NOBODY}"
    with transaction.atomic():
        user = User.objects.with_email(email).first()
        if user is None:
            user = User.objects.create_user(
                email, public_id=uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{email}")
            )
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
            for role in roles:
                membership.grant(user, role, by=SYSTEM)
                membership.revoke(user, role, by=SYSTEM)
    return Officer(user.pk, str(user.public_id))


COPIES = 4  # of each kind: a claim has the same bytes only once


def _stored() -> list[Stored]:
    """The few files that all evidence consists of, received once by the system."""
    accepted = mandates.current().evidence.media_types
    found = []
    for number in range(1, COPIES + 1):
        for media_type, make in (("application/pdf", _pdf), ("image/png", _png), ("text/plain", _text)):
            if media_type not in accepted:
                continue
            content = make(number)
            blob = Blob.objects.filter(sha256=hashlib.sha256(content).hexdigest()).first()
            if blob is None:
                name = f"made-up-{number}{KINDS[media_type].extensions[0]}"
                blob = uploads.receive_stream(io.BytesIO(content), name=name, by=SYSTEM).blob
            found.append(Stored(blob.pk, blob.sha256, blob.size_bytes, blob.media_type))
    return found


def _text(number: int) -> bytes:
    return f"Вигадане свідчення № {number}: лише для показу.\n".encode()


def _png(number: int, width: int = 96, height: int = 64) -> bytes:
    """A grey picture with a lighter frame, the wider the higher the number."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    frame = 4 * number
    edge = b"\0" + b"\xd8" * width
    inside = b"\0" + b"\xd8" * frame + b"\x90" * (width - 2 * frame) + b"\xd8" * frame
    rows = edge * frame + inside * (height - 2 * frame) + edge * frame
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _pdf(number: int) -> bytes:
    """One page that says what it is."""
    page = b"BT /F1 18 Tf 72 720 Td (Document %d: made up, for demonstration only.) Tj ET" % number
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(page), page),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    content, places = b"%PDF-1.4\n", []
    for n, body in enumerate(objects, 1):
        places.append(b"%010d 00000 n \n" % len(content))
        content += b"%d 0 obj%b\nendobj\n" % (n, body)
    table = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, b"".join(places))
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(content))
    return content + table + end
