"""Sign what the log is, have witnesses sign it too, and publish it: never two roots at one size.

What was signed last is remembered in a file outside the database (settings.LEDGER_MEMORY). Before anything is
sealed, and again before each signature, the tree must be one that grew out of it. If it is not (a restored
backup, a standby that lacks the last entries, a changed table), or if a witness says that it has seen another
tree, that is an Alarm: nothing is sealed or signed any more until the two agree again.

The order of one signature: lock the memory; root and consistency from the tiles; write the memory; ask the
witnesses; only then the row that makes it public. Killed anywhere in between, the next turn goes on from what
is remembered.
"""

import base64
import fcntl
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ledger import notes, proofs, rotation, tree
from ledger.models import Checkpoint, Entry

SIGNED_AT_MOST_EVERY = 1.0  # seconds
PUBLISHED_AT_LEAST_EVERY = 3600.0
LOOK_EVERY = 0.2
WITNESS_SECONDS = 2.0
FIRST_REST, LONGEST_REST = 2.0, 60.0  # seconds in which a witness that did not answer is not asked
ALARM_LOOKED_AT_EVERY = 5.0
ALARM_KEPT = 60  # seconds without a sealer that raises it again
WITNESSES_AWAITED = 10.0  # seconds after the start: after a restore it may be they alone who remember more
FORGED_AT_MOST = 100  # rows that are passed over in looking for one of ours
ANSWER_BYTES = 64 * 1024

_ALARM = "ledger.alarm"

logger = logging.getLogger(__name__)


class Alarm(Exception):
    """The database, or a witness, disagrees with what was signed. Says what to do."""


class Busy(Exception):
    """Another sealer on this machine signs just now."""


# --- Whose log this is, and what is public of it ---


@dataclass
class Witness:
    """Somebody outside who signs our checkpoints. `seen` is the size that they signed last, as far as we
    know."""

    key: notes.VerifierKey
    url: str
    seen: int = 0
    asked_again_at: float = 0.0
    rest: float = field(default_factory=lambda: FIRST_REST)
    is_away: bool = False


def log_keys() -> list[notes.VerifierKey]:
    """The key that signs, then those that signed before it."""
    return [notes.VerifierKey.parse(settings.LEDGER_VKEY), *_old_keys(settings.LEDGER_ORIGIN)]


def promise_key() -> notes.VerifierKey:
    return _signing_key(settings.LEDGER_PROMISE_KEY).verifier


def promise_keys() -> list[notes.VerifierKey]:
    """The key that signs promises, then those that signed before it."""
    return [promise_key(), *_old_keys(f"{settings.LEDGER_ORIGIN}/promises")]


def _old_keys(name: str) -> list[notes.VerifierKey]:
    keys = (notes.VerifierKey.parse(vkey) for vkey in settings.LEDGER_OLD_VKEYS)
    return [key for key in keys if key.name == name]


def witnesses() -> list[Witness]:
    pairs = (line.split(" ") for line in settings.LEDGER_WITNESSES)
    return [Witness(notes.VerifierKey.parse(vkey), url.rstrip("/")) for vkey, url in pairs]


def vkeys() -> list[str]:
    """As published: the log's, the witnesses', and those of the promises."""
    keys = [*log_keys(), *(witness.key for witness in witnesses()), *promise_keys()]
    return [key.vkey for key in keys]


def newest() -> Checkpoint | None:
    """The newest that is public. Proofs are given for sizes up to it."""
    return _newest_of_ours(Checkpoint.objects.all())


def newest_at(size: int) -> Checkpoint | None:
    """Of this size: the last one has all signatures, also those that witnesses gave later."""
    return _newest_of_ours(Checkpoint.objects.filter(size=size))


def published_size() -> int:
    published = newest()
    return published.size if published else 0


def _newest_of_ours(rows: QuerySet[Checkpoint]) -> Checkpoint | None:
    """Rows that this log did not sign are passed over: the web server's role could write some."""
    rows = rows.order_by("-size", "-id")
    row = rows.first()
    if row is None or is_ours(row):
        return row
    return next((row for row in rows[1:FORGED_AT_MOST] if is_ours(row)), None)


def _last_row() -> Checkpoint | None:
    """Whoever wrote it: one that this log did not sign keeps the next from being written."""
    return Checkpoint.objects.order_by("-size", "-id").first()


def is_ours(row: Checkpoint) -> bool:
    return _signed(row.note, tuple(log_keys())) == (settings.LEDGER_ORIGIN, row.size, bytes(row.root))


@lru_cache(maxsize=256)
def _signed(note: str, keys: tuple[notes.VerifierKey, ...]) -> tuple[str, int, bytes] | None:
    """What the log signed with this note: its origin, a size and a root. None if it did not sign it."""
    try:
        opened = notes.open_note(note, keys)
        said = notes.Checkpoint.parse(opened.text)
    except notes.NoteWrong:
        return None
    return (said.origin, said.size, said.root) if opened.by else None


def promise(entry: Entry) -> str:
    """A signed note: this entry will be in the log by then. The same each time it is asked for."""
    by = math.ceil(entry.at.timestamp()) + settings.LEDGER_PROMISE_SECONDS
    promised = notes.Promise(settings.LEDGER_ORIGIN, entry.leaf_hash, by)
    return notes.sign(promised.text, _signing_key(settings.LEDGER_PROMISE_KEY))


def alarm() -> str:
    """What the sealer's alarm says; empty if there is none."""
    return str(cache.get(_ALARM) or "")


def missing_cosignatures(checkpoint: Checkpoint) -> int:
    """How many of our witnesses did not sign it."""
    keys = [witness.key for witness in witnesses()]
    try:
        return len(keys) - len(notes.open_note(checkpoint.note, keys).cosigned)
    except notes.NoteWrong:
        return len(keys)


def sign() -> None:
    """Sign and publish what is sealed now, where no sealer runs beside."""
    signer = Signer()
    with Memory(settings.LEDGER_MEMORY).locked():
        signer.begin()
        signer.sign_when_due()


@lru_cache(maxsize=8)
def _signing_key(text: str) -> notes.SigningKey:
    return notes.SigningKey.parse(text)


# --- What is remembered outside the database ---


@dataclass(frozen=True)
class Signed:
    """A note that carries our signature, and what it says."""

    note: str
    checkpoint: notes.Checkpoint

    @classmethod
    def read(cls, note: str, where: str) -> "Signed":
        """Raises Alarm unless it is a checkpoint of this log, signed by one of its keys."""
        try:
            checkpoint = notes.Checkpoint.parse(notes.open_note(note, log_keys()).text)
        except notes.NoteWrong as wrong:
            raise Alarm(
                f"What {where} holds is no checkpoint that this log signed: {wrong} If the key was changed, "
                "name the old one in LEDGER_OLD_VKEYS."
            ) from None
        if checkpoint.origin != settings.LEDGER_ORIGIN:
            raise Alarm(f"What {where} holds is a checkpoint of another log, {checkpoint.origin}.")
        return cls(note, checkpoint)


class Memory:
    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises Busy while another process holds it."""
        self._make_folder()
        with self.path.with_name(f"{self.path.name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy from None
            yield

    def recall(self) -> Signed | None:
        try:
            note = self.path.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return None
        return Signed.read(note, str(self.path))

    def keep(self, signed: Signed) -> None:
        """On the disk when this returns; the file is the old one or the new one, never something between."""
        self._make_folder()
        draft = self.path.with_name(f"{self.path.name}.new")
        with draft.open("wb") as file:
            file.write(signed.note.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _make_folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def learn(self, note: str) -> Signed:
        """Remember a checkpoint that somebody else kept: a witness, a partner, a receipt. Raises Alarm if it
        is not ours, or older than what is remembered, and Busy."""
        with self.locked():
            known, learnt = self.recall(), Signed.read(note, "the file given")
            if known is not None and known.checkpoint.size > learnt.checkpoint.size:
                raise Alarm(
                    f"A checkpoint of {known.checkpoint.size} entries is remembered already, and the one "
                    f"given has {learnt.checkpoint.size}."
                )
            if known and known.checkpoint.size == learnt.checkpoint.size:
                if known.checkpoint.root != learnt.checkpoint.root:
                    raise Alarm("Another root was signed at this size. Keep both files: they prove a fork.")
                return known
            self.keep(learnt)
            return learnt


# --- The signer: a thread of the sealer, with a connection of its own ---


@contextmanager
def signing() -> Iterator["Signer"]:
    signer = Signer(awaits=WITNESSES_AWAITED)
    thread = threading.Thread(target=signer.run, name="signer", daemon=True)
    thread.start()
    try:
        yield signer
    finally:
        signer.stopped.set()
        thread.join(2 * WITNESS_SECONDS + 1)  # it may be killed too


class Signer:
    """Also the Watch of sealing: nothing is sealed before the tree was held against what was signed."""

    def __init__(self, awaits: float = 0.0) -> None:
        """`awaits` are the seconds that witnesses have to answer first, before anything is sealed."""
        self.stopped = threading.Event()
        self._awaits_until = time.monotonic() + awaits
        self._memory = Memory(settings.LEDGER_MEMORY)
        self._key = _signing_key(settings.LEDGER_KEY)
        self._witnesses = witnesses()
        self._agrees = False
        self._alarm = ""
        self._objecting: dict[str, Alarm] = {}  # by the witness's name, until they sign again
        self._last: Signed | None = None
        self._signed_at = self._published_at = float("-inf")

    def may_seal(self) -> bool:
        return self._agrees

    def database_was_away(self) -> None:
        self._agrees = False

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self.stopped.wait(self._turn())
        finally:
            connection.close()

    def _turn(self) -> float:
        """Seconds until the next."""
        try:
            with self._memory.locked():
                if not self._agrees:
                    self.begin()
                if self._agrees:
                    self.sign_when_due()
        except Busy:
            return SIGNED_AT_MOST_EVERY
        except Alarm as alarm:
            self._raise(str(alarm))
            return ALARM_LOOKED_AT_EVERY
        except (OperationalError, InterfaceError) as error:
            logger.warning("Signing waits for the database: %s", str(error).strip())
            connection.close()
            return SIGNED_AT_MOST_EVERY
        except OSError as error:  # what cannot be remembered is not signed
            logger.error("%s cannot be read or written: %s", self._memory.path, error.strerror)
            return ALARM_LOOKED_AT_EVERY
        except Exception:
            logger.exception("Signing failed")
            return ALARM_LOOKED_AT_EVERY
        return LOOK_EVERY

    def begin(self) -> None:
        """Hold the tree against what was signed, and what was signed against the witnesses: they may remember
        what database and memory, restored together, do not. Raises Alarm."""
        remembered, published = self._memory.recall(), _last_row()
        if published is not None:
            if remembered is None:
                raise Alarm(
                    f"Checkpoints were published, and {self._memory.path} is missing. Copy it from where the "
                    "sealer ran last. If it is lost: fetch the newest checkpoint that a witness or a partner "
                    "holds, and run: manage.py sealer --remember FILE"
                )
            if published.size > remembered.checkpoint.size:  # signed on another machine
                remembered = Signed.read(published.note, f"the row of checkpoint {published.size}")
                self._check(remembered)
                self._memory.keep(remembered)
        if remembered is not None:
            self._check(remembered)
            self._check_key(remembered)
            self._publish(remembered)
            if any(w.is_away for w in self._witnesses) and time.monotonic() < self._awaits_until:
                return
        self._last = remembered
        if self._alarm:
            logger.warning("The log agrees with what was signed. Sealing goes on.")
            self._alarm = ""
        cache.delete(_ALARM)
        self._agrees = True

    def sign_when_due(self) -> None:
        now = time.monotonic()
        if now - self._signed_at < SIGNED_AT_MOST_EVERY:
            return
        size, last = proofs.size(), self._memory.recall() or self._last
        if size == 0 and last is None:
            return
        if last is None or size != last.checkpoint.size:
            self._sign(size, last)
        elif now - self._published_at >= PUBLISHED_AT_LEAST_EVERY or self._missing(now):
            self._check(last)
            self._publish(last)

    def _sign(self, size: int, last: Signed | None) -> None:
        root = self._check(last, size) if last else self._root(size)
        checkpoint = notes.Checkpoint(settings.LEDGER_ORIGIN, size, root)
        signed = Signed(notes.sign(checkpoint.text, self._key), checkpoint)
        self._memory.keep(signed)
        self._last, self._signed_at = signed, time.monotonic()
        self._publish(signed)

    def _root(self, size: int) -> bytes:
        try:
            return proofs.root(size)
        except tree.TileWrong as wrong:
            raise Alarm(f"The tree in the database is not whole: {wrong} {_RECOVER}") from None

    def _check(self, signed: Signed, size: int | None = None) -> bytes:
        """The root of the tree as it is now. Raises Alarm if it did not grow out of what was signed."""
        before = signed.checkpoint
        size = proofs.size() if size is None else size
        if size < before.size:
            raise Alarm(
                f"The log in the database has {size} entries, and a checkpoint of {before.size} was signed. "
                f"It was cut back. {_RECOVER}"
            )
        root = self._root(size)
        try:
            hashes = proofs.consistency(before.size, size)
            tree.verify_consistency(before.size, size, hashes, before.root, root)
        except tree.TileWrong as wrong:
            raise Alarm(f"The tree in the database is not whole: {wrong} {_RECOVER}") from None
        except tree.ProofWrong:
            raise Alarm(
                f"The log in the database is not the one of which a checkpoint of {before.size} entries was "
                f"signed: some of those are others now. {_RECOVER}"
            ) from None
        return root

    def _check_key(self, last: Signed) -> None:
        """Raises Alarm if another key signed last that did not announce ours under its own signature."""
        signed_by = notes.open_note(last.note, log_keys()).by
        if self._key.verifier not in signed_by:
            try:
                rotation.check(self._key.verifier, after=signed_by, signed=last.checkpoint.size)
            except rotation.RotationRefused as refusal:
                raise Alarm(str(refusal)) from None

    def _publish(self, signed: Signed) -> None:
        """Ask the witnesses, then write the row, unless it would say nothing new. Raises Alarm."""
        lines = self._cosignatures(signed)
        for (
            objection
        ) in self._objecting.values():  # who objected and is silent now has not changed their mind
            raise objection
        self._published_at = time.monotonic()
        size, root, before = signed.checkpoint.size, signed.checkpoint.root, _last_row()
        if before is not None and before.size > size:  # another sealer was quicker
            Signed.read(before.note, f"the row of checkpoint {before.size}")
            return
        if before is not None and before.size == size:
            if bytes(before.root) != root:
                raise self._not_ours(size)
            says_the_same = before.note.startswith(signed.note)
            age = abs((timezone.now() - before.signed_at).total_seconds())
            if not lines and says_the_same and age < PUBLISHED_AT_LEAST_EVERY:
                return
            if says_the_same:
                lines += _others(before.note.removeprefix(signed.note), lines)
        try:
            with transaction.atomic():
                Checkpoint.objects.create(size=size, root=root, note=signed.note + "".join(lines))
        except IntegrityError:
            if published_size() <= size:
                raise self._not_ours(size) from None

    def _not_ours(self, size: int) -> Alarm:
        return Alarm(
            f"The database does not take the checkpoint of {size} entries: it holds one with another root, "
            f"which this log did not sign. {_RECOVER}"
        )

    # --- Witnesses ---

    def _missing(self, now: float) -> bool:
        """Whether somebody has not signed this yet who can be asked now."""
        size = self._last.checkpoint.size if self._last else 0
        return any(w.seen != size and now >= w.asked_again_at for w in self._witnesses)

    def _cosignatures(self, signed: Signed) -> list[str]:
        now = time.monotonic()
        asked = [w for w in self._witnesses if now >= w.asked_again_at or w.key.name in self._objecting]
        lines: list[str] = []
        again: list[Witness] = []
        for witness, answer in self._ask(asked, signed):
            if answer.status == 409 and self._learnt(witness, signed, answer):
                again.append(witness)
            else:
                lines += self._line(witness, signed, answer)
        for witness, answer in self._ask(again, signed):
            lines += self._line(witness, signed, answer)
        return lines

    def _ask(self, asked: Sequence[Witness], signed: Signed) -> list[tuple[Witness, "Answer"]]:
        """All at once; each from the size that they signed last. They have two seconds."""
        size = signed.checkpoint.size
        calls = []
        for witness in asked:
            old = min(witness.seen, size)
            hashes = proofs.consistency(old, size) if old else []  # from nothing, nothing is to be proven
            proof = "".join(f"{base64.b64encode(hash_).decode()}\n" for hash_ in hashes)
            calls.append(_Call(f"{witness.url}/add-checkpoint", f"old {old}\n{proof}\n{signed.note}"))
        deadline = time.monotonic() + WITNESS_SECONDS
        for call in calls:
            call.start()
        for call in calls:
            call.join(max(0.0, deadline - time.monotonic()))
        return [(witness, call.answer) for witness, call in zip(asked, calls, strict=True)]

    def _learnt(self, witness: Witness, signed: Signed, answer: "Answer") -> bool:
        """Whether the witness tells another size than was thought, from which it can be asked once more.
        Raises Alarm if it has seen a larger tree than there is, or another one of this size."""
        size, told = signed.checkpoint.size, answer.size
        if told is None:
            return False
        if told > size and told > proofs.size():
            raise self._objects(
                witness,
                f"The witness {witness.key.name} has signed a checkpoint of {told} entries, and the log has "
                f"{size}. It was cut back. {_RECOVER} {_WITNESS}",
            )
        if told == witness.seen == size:
            raise self._refused(witness, signed)
        if told <= size:
            witness.seen = told
        return told <= size

    def _line(self, witness: Witness, signed: Signed, answer: "Answer") -> list[str]:
        """The cosignature, if it is one. Raises Alarm if the witness says that this is another tree."""
        size, text = signed.checkpoint.size, notes.text_of(signed.note)
        if answer.status == 200:
            for line in answer.text.splitlines(keepends=True):
                try:
                    notes.open_note(f"{text}\n{line}", [witness.key])
                except notes.NoteWrong:
                    continue
                witness.seen = size
                self._objecting.pop(witness.key.name, None)
                if witness.is_away:
                    logger.warning("The witness %s signs again.", witness.key.name)
                witness.is_away, witness.rest, witness.asked_again_at = False, FIRST_REST, 0.0
                return [line]
        if answer.status == 422 or (answer.status == 409 and answer.size == witness.seen == size):
            raise self._refused(witness, signed)
        if not witness.is_away:
            said = answer.problem or f"it answers {answer.status}"
            logger.warning("The witness %s does not sign: %s. We go on without.", witness.key.name, said)
        witness.is_away, witness.asked_again_at = True, time.monotonic() + witness.rest
        witness.rest = min(2 * witness.rest, LONGEST_REST)
        return []

    def _refused(self, witness: Witness, signed: Signed) -> Alarm:
        return self._objects(
            witness,
            f"The witness {witness.key.name} refuses the checkpoint of {signed.checkpoint.size} entries: "
            f"it has signed one of another tree. {_RECOVER} {_WITNESS}",
        )

    def _objects(self, witness: Witness, said: str) -> Alarm:
        self._objecting[witness.key.name] = Alarm(said)
        return self._objecting[witness.key.name]

    def _raise(self, said: str) -> None:
        self._agrees = False
        if said != self._alarm:
            self._alarm = said
            logger.critical("Nothing is sealed or signed any more. %s", said)
        try:
            cache.set(_ALARM, said, ALARM_KEPT)  # for /readyz and the metrics, which other processes answer
        except DatabaseError:
            connection.close()


@dataclass
class Answer:
    """`status` is 0 if there was none in time."""

    status: int = 0
    text: str = ""
    problem: str = "it does not answer"

    @property
    def size(self) -> int | None:
        """The size that a 409 tells."""
        told = self.text.strip()
        return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else None


class _Call(threading.Thread):
    """One request to a witness. Given up on when its time is over: it holds nothing that others wait for."""

    def __init__(self, url: str, body: str) -> None:
        super().__init__(daemon=True)
        self._url, self._body = url, body.encode()
        self.answer = Answer()

    def run(self) -> None:
        request = Request(self._url, data=self._body, method="POST")  # noqa: S310 -- http or https, as settings check
        request.add_header("Content-Type", "text/plain; charset=utf-8")
        try:
            with urlopen(request, timeout=WITNESS_SECONDS) as response:  # noqa: S310
                self.answer = Answer(response.status, _text(response.read))
        except HTTPError as refusal:
            with refusal:
                self.answer = Answer(refusal.code, _text(refusal.read), "")
        except (OSError, HTTPException, ValueError) as problem:
            self.answer = Answer(problem=f"it cannot be reached ({type(problem).__name__})")


def _others(earlier: str, fresh: Sequence[str]) -> list[str]:
    """The lines of witnesses who were not heard this time."""
    heard = {line.split(" ")[1] for line in fresh}
    return [line for line in earlier.splitlines(keepends=True) if line.split(" ")[1] not in heard]


def _text(read: Callable[[int], bytes]) -> str:
    return read(ANSWER_BYTES).decode(errors="replace")


_RECOVER = (
    "Nothing was changed. Restore a database that has all that was signed, or put back what is missing "
    "(manage.py recover_ledger): docs/ledger.md, “When the log does not fit what was signed”."
)
_WITNESS = "If the witness is wrong, take it out of LEDGER_WITNESSES and start the sealer again."
