"""Let another key sign: the old one says so in the log first, under its own last checkpoints."""

import time
from collections.abc import Collection

from django.db import transaction

from ledger import log, rotation_note
from ledger.log import Actor, Kind
from ledger.models import Entry
from ledger.notes import NoteWrong, SigningKey, VerifierKey
from ledger.rotation_note import KeyChange

ANNOUNCED = Kind(
    rotation_note.KIND,
    is_open=True,
    facts={"old": str, "new": str, "from": int, "signed_by_old": str, "signed_by_new": str},
)


class RotationRefused(Exception):
    """The key cannot be changed like this. Says what to do."""


@transaction.atomic(durable=True)
def announce(
    old: SigningKey, new: SigningKey, *, by: Actor, office: str, signs_from: int | None = None
) -> Entry:
    """Enter what `old` says of `new`. The same twice is entered once. Raises RotationRefused."""
    at = int(time.time()) if signs_from is None else signs_from
    try:
        facts = rotation_note.announce(old, new, at)
    except NoteWrong as wrong:
        raise RotationRefused(str(wrong)) from None
    if any(len(key.verifier.vkey) > log.MAX_TEXT for key in (old, new)):
        raise RotationRefused("The name of the log is too long for an entry that holds its keys.")
    for entry, change in _announcements(new.verifier):
        if change.old == old.verifier:
            return entry
    return log.append(ANNOUNCED, by=by, office=office, facts=facts)


def check(new: VerifierKey, *, after: Collection[VerifierKey], signed: int) -> None:
    """Whether `new` may sign from now on, where the keys `after` have signed the first `signed` entries.
    Raises RotationRefused."""
    # Only entries that stand under the old key's own signature count: of the others it may know nothing.
    covered = [
        change
        for entry, change in _announcements(new)
        if change.old in after and Entry.objects.filter(pk=entry.pk, leaf__index__lt=signed).exists()
    ]
    if not covered:
        raise RotationRefused(
            "LEDGER_KEY was changed, and the old key has not announced the new one under a checkpoint of its "
            "own. Set LEDGER_KEY to the old key again and run: manage.py rotate_ledger_key --new FILE"
        )
    if (wait := min(change.at for change in covered) - time.time()) > 0:
        raise RotationRefused(
            f"The new key was announced to sign {wait / 3600:.1f} hours from now. Set LEDGER_KEY to the old "
            "key until then."
        )


def _announcements(new: VerifierKey) -> list[tuple[Entry, KeyChange]]:
    """Reads the whole ledger: it is asked when a key changes, and never else."""
    found = []
    for entry in Entry.objects.filter(kind=ANNOUNCED.name).order_by("id"):
        try:
            change = rotation_note.read(entry.body)
        except NoteWrong:
            continue
        if change is not None and change.new == new:
            found.append((entry, change))
    return found
