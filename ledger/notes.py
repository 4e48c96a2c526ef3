"""Signed notes of C2SP, and what is written in them here: checkpoints, cosignatures, proofs and promises.

Standard library and `cryptography` only, and nothing of ours: whoever checks the register can take this file
as it is. Everything is read strictly, so that there is one spelling of each thing and nothing hides in it.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 1
COSIGNATURE = 4  # Ed25519 with the time of signing: what witnesses use
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
MAX_HASHES = 63  # the longest path in a tree of 2^63 entries

_PROOF = "c2sp.org/tlog-proof@v1"
_PROMISE = "registry-promise/1"
_DASH = "— "
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_MAX_NUMBER = 2**63 - 1


class NoteWrong(ValueError):
    """This is not what it must be, or not signed as it must be. A sentence that echoes names at most."""


class SignedByStrangers(NoteWrong):
    """Well written, and none of its signatures is by a known key."""


# --- Keys ---


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name: of a log (type 1) or of a witness (type 4)."""

    name: str
    key_id: bytes
    type: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.type not in (ED25519, COSIGNATURE):
            raise NoteWrong(f"The key of {self.name} is of type {self.type}; only 1 and 4 are known here.")
        if len(self.public) != 32 or self.key_id != _key_id(self.name, self.type, self.public):
            raise NoteWrong(f"The key of {self.name} does not agree with its own key id.")

    @classmethod
    def of(cls, name: str, type: int, public: bytes) -> "VerifierKey":
        return cls(name, _key_id(name, type, public), type, public)

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        name, key_id, material = _key_parts(vkey.split("+", 2), "A verifier key")
        return cls(name, key_id, material[0], material[1:])

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.type]) + self.public)}"


@dataclass(frozen=True)
class SigningKey:
    """A private key in the form that Go's `note.GenerateKey` writes. `text` is the secret itself."""

    verifier: VerifierKey
    _seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str, type: int = ED25519) -> "SigningKey":
        return cls._of(name, type, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        if not text.startswith("PRIVATE+KEY+"):
            raise NoteWrong("A private key begins with PRIVATE+KEY+.")
        name, key_id, material = _key_parts(text.removeprefix("PRIVATE+KEY+").split("+", 2), "A private key")
        if len(material) != 33:
            raise NoteWrong(f"The private key of {name} does not have 32 bytes.")
        key = cls._of(name, material[0], material[1:])
        if key.verifier.key_id != key_id:
            raise NoteWrong(f"The private key of {name} does not agree with its own key id.")
        return key

    @classmethod
    def _of(cls, name: str, type: int, seed: bytes) -> "SigningKey":
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return cls(VerifierKey.of(name, type, public), seed)

    @property
    def text(self) -> str:
        material = _base64(bytes([self.verifier.type]) + self._seed)
        return f"PRIVATE+KEY+{self.verifier.name}+{self.verifier.key_id.hex()}+{material}"

    def _line(self, message: str, before: bytes = b"") -> str:
        signature = Ed25519PrivateKey.from_private_bytes(self._seed).sign(message.encode())
        return f"{_DASH}{self.verifier.name} {_base64(self.verifier.key_id + before + signature)}\n"


def _key_parts(parts: list[str], what: str) -> tuple[str, bytes, bytes]:
    """Name, key id, and the byte of the type with the key behind it."""
    if len(parts) != 3:
        raise NoteWrong(f"{what} has three parts, joined by +: name, key id and key.")
    name, key_id, material = parts
    _check_name(name)
    if not re.fullmatch("[0-9a-f]{8}", key_id):
        raise NoteWrong(f"The key id of {name} is not 8 lower-case hex digits.")
    decoded = _unbase64(material, f"The key of {name}")
    if not decoded:
        raise NoteWrong(f"The key of {name} is empty.")
    return name, bytes.fromhex(key_id), decoded


def _key_id(name: str, type: int, public: bytes) -> bytes:
    return sha256(_utf8(name) + b"\n" + bytes([type]) + public).digest()[:4]


def _check_name(name: str) -> None:
    _utf8(name)
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise NoteWrong("The name of a key is not empty and has no spaces, no + and no control characters.")


# --- Notes ---


@dataclass(frozen=True)
class Signature:
    """One line below a note: `bytes` is what follows the key id."""

    name: str
    key_id: bytes
    bytes: bytes


@dataclass(frozen=True)
class Opened:
    """A note whose signatures by known keys are good: by these keys of type 1, and by these of type 4 at
    these unix times. A note of a log that only witnesses signed has an empty `by`."""

    text: str
    by: list[VerifierKey]
    cosigned: dict[VerifierKey, int]


def sign(text: str, *keys: SigningKey) -> str:
    """The whole note: the text and a line for each key."""
    _check_text(text)
    if not keys or any(key.verifier.type != ED25519 for key in keys):
        raise NoteWrong("A text is signed by at least one key, and by keys of type 1 only.")
    return text + "\n" + "".join(key._line(text) for key in keys)


def cosign(text: str, key: SigningKey, at: int) -> str:
    """A witness's line for the text of a checkpoint (not for the whole note), signed at this unix time."""
    Checkpoint.parse(text)
    if key.verifier.type != COSIGNATURE or not 0 <= at <= _MAX_NUMBER:
        raise NoteWrong("A checkpoint is cosigned by a key of type 4 and at a time since 1970.")
    return key._line(_cosigned(text, at), at.to_bytes(8, "big"))


def text_of(note: str) -> str:
    return _split(note)[0]


def signatures(note: str) -> list[Signature]:
    return _split(note)[1]


def open_note(note: str, keys: Iterable[VerifierKey]) -> Opened:
    """Check the signatures of all known keys, and ignore the others.

    Raises NoteWrong for a bad one and for two by one key, SignedByStrangers if there is none."""
    text, lines = _split(note)
    known = {(key.name, key.key_id): key for key in keys}
    opened = Opened(text, [], {})
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if key in opened.by or key in opened.cosigned:
            raise NoteWrong(f"There are two signatures by {key.name}.")
        if key.type == COSIGNATURE:
            opened.cosigned[key] = _check_cosignature(text, key, line.bytes)
        else:
            _check_signature(text, key, line.bytes)
            opened.by.append(key)
    if not opened.by and not opened.cosigned:
        raise SignedByStrangers("No signature is by a known key.")
    return opened


def _split(note: str) -> tuple[str, list[Signature]]:
    if len(_utf8(note)) > MAX_NOTE_BYTES:
        raise NoteWrong("The note is too long.")
    head, empty_line, below = note.rpartition("\n\n")
    if not empty_line or not below.endswith("\n"):
        raise NoteWrong("A note is a text, an empty line and signatures, and each line ends with a newline.")
    text = head + "\n"
    _check_text(text)
    lines = below[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteWrong(f"The note has more than {MAX_SIGNATURES} signatures.")
    if len(set(lines)) != len(lines):
        raise NoteWrong("A signature stands below the note twice.")
    return text, [_signature(line) for line in lines]


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteWrong("A signature is a line of a dash (U+2014), a key name and base64.")
    _check_name(name)
    decoded = _unbase64(encoded, f"The signature of {name}")
    if len(decoded) < 5:
        raise NoteWrong(f"The signature of {name} is too short.")
    return Signature(name, decoded[:4], decoded[4:])


def _check_text(text: str) -> None:
    _utf8(text)
    if not text.endswith("\n"):
        raise NoteWrong("The text of a note ends with a newline.")
    if any(c < " " and c != "\n" for c in text):
        raise NoteWrong("A note has no control characters.")


def _check_signature(message: str, key: VerifierKey, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message.encode())
    except (InvalidSignature, ValueError):
        raise NoteWrong(f"The signature of {key.name} does not fit the text.") from None


def _check_cosignature(text: str, key: VerifierKey, signature: bytes) -> int:
    at = int.from_bytes(signature[:8], "big")
    if len(signature) != 72 or at > _MAX_NUMBER:
        raise NoteWrong(f"The cosignature of {key.name} is not a time and an Ed25519 signature.")
    Checkpoint.parse(text)
    _check_signature(_cosigned(text, at), key, signature[8:])
    return at


def _cosigned(text: str, at: int) -> str:
    return f"cosignature/v1\ntime {at}\n{text}"


# --- What stands in them ---


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: at this size, this was the root of its tree."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        lines = (self.origin, str(self.size), _base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        _check_text(text)
        lines = text[:-1].split("\n")
        if len(lines) < 3 or not all(lines):
            raise NoteWrong("A checkpoint has three lines, origin, size and root, and none is empty.")
        origin, size, root, *extensions = lines
        return cls(origin, read_number(size, "The size"), read_hash(root, "The root"), tuple(extensions))


@dataclass(frozen=True)
class Proof:
    """That an entry stands in the log (C2SP tlog-proof). `checkpoint` is the whole note; who opens the proof
    checks it: nothing here is checked yet."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashes", tuple(self.hashes))

    @property
    def text(self) -> str:
        extra = [] if self.extra is None else [f"extra {_base64(self.extra)}"]
        lines = [_PROOF, *extra, f"index {self.index}", *map(_base64, self.hashes)]
        return "".join(f"{line}\n" for line in lines) + "\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> "Proof":
        head, empty_line, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not empty_line or lines.pop(0) != _PROOF:
            raise NoteWrong(
                f"A proof begins with the line {_PROOF} and has an empty line before its checkpoint."
            )
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _unbase64(lines.pop(0).removeprefix("extra "), "The extra data of the proof")
        if not lines or not lines[0].startswith("index "):
            raise NoteWrong("The proof does not say the index of its entry.")
        index = read_number(lines.pop(0).removeprefix("index "), "The index")
        if len(lines) > MAX_HASHES:
            raise NoteWrong(f"A proof has at most {MAX_HASHES} hashes.")
        hashes = tuple(read_hash(line, "A hash of the proof") for line in lines)
        Checkpoint.parse(text_of(checkpoint))
        return cls(index, hashes, checkpoint, extra)


@dataclass(frozen=True)
class Promise:
    """That the entry with this leaf hash will be in the log by this unix time."""

    origin: str
    leaf_hash: bytes
    by: int

    @property
    def text(self) -> str:
        return f"{_PROMISE}\n{self.origin}\n{_base64(self.leaf_hash)}\n{self.by}\n"

    @classmethod
    def parse(cls, text: str) -> "Promise":
        _check_text(text)
        lines = text[:-1].split("\n")
        if len(lines) != 4 or lines[0] != _PROMISE or not lines[1]:
            raise NoteWrong(f"A promise has four lines: {_PROMISE}, origin, leaf hash and time.")
        return cls(lines[1], read_hash(lines[2], "The leaf hash"), read_number(lines[3], "The time"))


def read_number(text: str, what: str) -> int:
    """A decimal number as these formats write it. `what` begins the sentence of a refusal."""
    if not _DECIMAL.fullmatch(text) or int(text) > _MAX_NUMBER:
        raise NoteWrong(f"{what} is not a decimal number from 0 to {_MAX_NUMBER} without leading zeros.")
    return int(text)


def read_hash(text: str, what: str) -> bytes:
    """32 bytes in base64. `what` begins the sentence of a refusal."""
    decoded = _unbase64(text, what)
    if len(decoded) != 32:
        raise NoteWrong(f"{what} does not have 32 bytes.")
    return decoded


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str, what: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteWrong(f"{what} is not base64.") from None
    if _base64(decoded) != text:  # bits left over at the end
        raise NoteWrong(f"{what} is not base64.")
    return decoded


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NoteWrong("The text cannot be written in UTF-8.") from None
