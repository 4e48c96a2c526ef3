"""A key gives way to another: what the old one signs, and how to follow from it by the log alone.

Standard library and `cryptography` only, and of ours only the notes: whoever checks the register can take
this file with that one.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger import notes
from ledger.notes import NoteWrong, SigningKey, VerifierKey

KIND = "ledger.key_announced"
_FORMAT = "registry-key/1"
_PROMISES = "/promises"


@dataclass(frozen=True)
class KeyChange:
    """From this unix time on, `new` signs in its name: checkpoints, or promises where the name ends so.

    `old` says it: the key whose place is taken, or for a promise key that is lost the key of the log."""

    old: VerifierKey
    new: VerifierKey
    at: int

    def __post_init__(self) -> None:
        named = {self.old.name, self.old.name + _PROMISES}
        if self.old.type != notes.ED25519 or self.new.type != notes.ED25519 or self.new.name not in named:
            raise NoteWrong(f"A key of {self.old.name} does not speak for a key of {self.new.name}.")
        if self.old == self.new:
            raise NoteWrong("The new key is the old one.")

    @property
    def text(self) -> str:
        return f"{_FORMAT}\n{self.old.vkey}\n{self.new.vkey}\n{self.at}\n"

    @property
    def origin(self) -> str:
        return self.old.name.removesuffix(_PROMISES)


def announce(old: SigningKey, new: SigningKey, at: int) -> dict[str, Any]:
    """The facts of the entry: the keys, the time, and both signatures over the text. The new key signs too,
    so that nobody announces a key that is not theirs."""
    change = KeyChange(old.verifier, new.verifier, at)
    by_old, by_new = (notes.signatures(notes.sign(change.text, key))[0] for key in (old, new))
    return {
        "old": old.verifier.vkey,
        "new": new.verifier.vkey,
        "from": at,
        "signed_by_old": base64.b64encode(by_old.key_id + by_old.bytes).decode(),
        "signed_by_new": base64.b64encode(by_new.key_id + by_new.bytes).decode(),
    }


def read(body: str) -> KeyChange | None:
    """What the body of an entry announces; None if it is of another kind. Raises NoteWrong unless both keys
    have signed it. Whether the old one is to be believed is for the reader: `follow`."""
    if f'"kind":"{KIND}"' not in body:
        return None
    try:
        entry = json.loads(body)
        if entry["kind"] != KIND:
            return None
        facts = entry["facts"]
        old, new = VerifierKey.parse(facts["old"]), VerifierKey.parse(facts["new"])
        at, lines = facts["from"], [(old, facts["signed_by_old"]), (new, facts["signed_by_new"])]
        if not isinstance(at, int) or isinstance(at, bool) or at < 0:
            raise NoteWrong("The time from which the new key signs is no number of seconds.")
        for _key, signature in lines:
            base64.b64decode(signature, validate=True)
    except NoteWrong:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise NoteWrong("The announcement of a key is not whole.") from None
    change = KeyChange(old, new, at)
    note = change.text + "\n" + "".join(f"— {key.name} {signature}\n" for key, signature in lines)
    if set(notes.open_note(note, [old, new]).by) != {old, new}:
        raise NoteWrong("The announcement of a key is not signed by both keys.")
    return change


def follow(bodies: Iterable[str], keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """From keys that the reader trusts to all that took their place, by the entries in the order of the log.

    An announcement by a key that is not among them, or that its keys did not sign, proves nothing and is
    passed over: whoever can write an entry could else keep everybody from following."""
    known = list(keys)
    for body in bodies:
        try:
            change = read(body)
        except NoteWrong:
            continue
        if change is not None and change.old in known and change.new not in known:
            known.append(change.new)
    return known
