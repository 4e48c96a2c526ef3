"""Receipts of a made-up log with keys of its own, put together from ledger.tree and ledger.notes alone."""

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import rfc8785

from ledger import notes, tree

Receipt = dict[str, Any]

NOW = int(datetime.now(UTC).timestamp())
HOUR = 3600
DEED = b"%PDF-1.4 deed"
PHOTO = b"photo" * 1000
Files = Sequence[tuple[str, bytes]]
FILES: Files = (("deed.pdf", DEED), ("Фото.jpg", PHOTO))
CLAIM = "0b9f6c1e-3f7a-4f6b-8a51-2f4f0f7f9d10"


class Log:
    """A log in which the entry of a submission stands among others."""

    def __init__(
        self,
        origin: str = "registry.example/claims",
        key: notes.SigningKey | None = None,
        promise_key: notes.SigningKey | None = None,
    ) -> None:
        self.origin = origin
        self.key = key or notes.SigningKey.generate(origin)
        self.promise_key = promise_key or notes.SigningKey.generate(f"{origin}/promises")
        self.witness = notes.SigningKey.generate("witness.example/one", notes.COSIGNATURE)
        self.vkeys = [key.verifier.vkey for key in (self.key, self.witness, self.promise_key)]

    def copy_of_claim(self, evidence: Files = FILES) -> dict[str, Any]:
        """What a claimant downloads of a claim with these files."""
        files = [
            {
                "id": str(number),
                "name": name,
                "sha256": hashlib.sha256(data).hexdigest(),
                "size_bytes": len(data),
            }
            for number, (name, data) in enumerate(evidence)
        ]
        contents: dict[str, Any] = {
            "core": {"language": "uk"},
            "account": {"own_account": {"answer": "Ми були вдома."}},
            "evidence": files,
        }
        salts = {name: bytes([place] * 16) for place, name in enumerate(contents)}
        texts = {name: rfc8785.dumps(content) for name, content in contents.items()}
        digests = {name: hashlib.sha256(salts[name] + texts[name]).hexdigest() for name in contents}
        manifest = rfc8785.dumps(
            {
                "format": "registry-claim-version/1",
                "claim": CLAIM,
                "number": "UA-7K4M-2P9Q-F",
                "sections": digests,
            }
        )
        return {
            "digest": hashlib.sha256(manifest).hexdigest(),
            "manifest": manifest.decode(),
            "sections": {
                name: {"text": texts[name].decode(), "salt": salts[name].hex()} for name in contents
            },
        }

    def receipt(
        self,
        *,
        index: int = 5,
        size: int = 11,
        by: int = NOW + HOUR,
        proven: bool = True,
        witnessed: bool = True,
        of_version: bool = True,
        evidence: Files = FILES,
    ) -> Receipt:
        filed = self.copy_of_claim(evidence)
        body = rfc8785.dumps(
            {
                "format": "registry-entry/1",
                "kind": "claim.submitted" if of_version else "claim.withdrawn",
                "at": "2026-03-07T10:20:30.123456Z",
                "claim": CLAIM,
                "version": filed["digest"] if of_version else None,
                "facts": {"number": "UA-7K4M-2P9Q-F", "evidence": 2} if of_version else {},
            }
        )
        salt = bytes(range(16))
        leaf = tree.leaf_hash(salt + body)
        section = filed["sections"]["evidence"]
        names = ("name", "sha256", "size_bytes")
        return {
            "format": "registry-receipt/1",
            "origin": self.origin,
            "entry": {"body": body.decode(), "salt": salt.hex()},
            "version": {"manifest": filed["manifest"]} if of_version else None,
            "evidence": [{n: file[n] for n in names} for file in json.loads(section["text"])]
            if of_version
            else [],
            "evidence_section": section if of_version else None,
            "promise": notes.sign(notes.Promise(self.origin, leaf, by).text, self.promise_key),
            "proof": self._proof(leaf, index, size, witnessed=witnessed) if proven else None,
            "vkeys": list(self.vkeys),
            "timestamp": None,
        }

    def _proof(self, leaf: bytes, index: int, size: int, *, witnessed: bool) -> str:
        leaves = [leaf if at == index else tree.leaf_hash(bytes([at % 256])) for at in range(size)]
        text = notes.Checkpoint(self.origin, size, tree.root_of(leaves)).text
        note = notes.sign(text, self.key)
        if witnessed:
            note += notes.cosign(text, self.witness, NOW)
        read = _reader(leaves)
        return notes.Proof(index, tuple(tree.inclusion_proof(index, size, read)), note).text


def _reader(leaves: list[bytes]) -> tree.Read:
    def read(tiles: Any) -> dict[tree.Tile, bytes]:
        assert all(tile.level == 0 for tile in tiles)
        return {t: b"".join(leaves[t.n * 256 : t.n * 256 + t.width]) for t in tiles}

    return read


def checkpoint_text(receipt: Receipt) -> str:
    return notes.text_of(notes.Proof.parse(receipt["proof"]).checkpoint)


# --- Altered ---


def alterations(receipt: Receipt) -> Iterator[tuple[str, Receipt]]:
    """The receipt with one thing in it changed at a time: every text, number and list at any depth, every
    member taken out, and every line of what is signed."""
    for path, value in _places(receipt):
        for what, changed in _changes(value):
            altered = copy.deepcopy(receipt)
            _put(altered, path, changed)
            yield f"{'.'.join(map(str, path))} {what}", altered
    for path, value in _places(receipt):
        if isinstance(value, str) and "\n" in value:
            lines = value.split("\n")
            for at, line in enumerate(lines[:-1]):
                if line:
                    altered = copy.deepcopy(receipt)
                    _put(altered, path, "\n".join([*lines[:at], _turned(line), *lines[at + 1 :]]))
                    yield f"{'.'.join(map(str, path))} line {at}", altered
    for member in receipt:
        yield f"without {member}", {name: value for name, value in receipt.items() if name != member}


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, member in inner:
        yield (*path, name), member
        if isinstance(member, dict | list):
            yield from _places(member, (*path, name))


def _changes(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str):
        yield "changed", _turned(value)
        yield "cut", value[:-1]
    elif isinstance(value, int):
        yield "changed", value + 1
    elif isinstance(value, list) and value:
        yield "shortened", value[:-1]
    if value is not None:
        yield "emptied", None


def _turned(text: str) -> str:
    """With one character in its middle changed into another of its kind."""
    at = len(text) // 2
    turned = {"a": "b", "0": "1", "A": "B"}.get(text[at], "a" if text[at] != "a" else "b")
    return text[:at] + turned + text[at + 1 :]


def _put(receipt: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        receipt = receipt[step]
    receipt[path[-1]] = value
