"""A witness: it watches logs and countersigns their checkpoints, on the machine of an outside party.

It remembers the last checkpoint of each log that it signed, in one file, and signs another only if the whole
tree of that one is the beginning of the new one. So nobody who trusts the witness can be shown another past.

    python -m ledger.witness new-key witness.example/w1 > witness.key
    python -m ledger.witness serve --key witness.key --state witness.state --log VKEY

It needs the standard library, `cryptography`, and of ours `ledger.tree` and `ledger.notes` only. Its protocol
is C2SP tlog-witness. Never put back an old copy of the state: start again with a new key instead.
"""

import argparse
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from ledger import tree
from ledger.notes import (
    COSIGNATURE,
    ED25519,
    MAX_HASHES,
    Checkpoint,
    NoteWrong,
    SigningKey,
    VerifierKey,
    cosign,
    open_note,
    read_hash,
    read_number,
    signatures,
    text_of,
)

FORMAT = "registry-witness/1"
MAX_BODY_BYTES = 200_000  # 63 hashes, and a checkpoint with more signatures than there will ever be
MAX_EVIDENCE = 100  # files of each kind: anybody can send a true checkpoint with hashes that prove nothing
MAX_CONNECTIONS = 64
IDLE_SECONDS = 10
CONNECTION_SECONDS = 60

_PLAIN = "text/plain; charset=utf-8"
_SIZE = "text/x.tlog.size"


class Refused(Exception):
    """Why a checkpoint is not signed, and how HTTP says so."""

    def __init__(self, status: HTTPStatus, message: str, content_type: str = _PLAIN) -> None:
        super().__init__(message)
        self.status = status
        self.content_type = content_type


class Unusable(Exception):
    """Why this witness cannot start, in a sentence."""


class State:
    """The last checkpoint signed of each log, by origin: a file that one process at a time may hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_file = _locked(path.with_name(path.name + ".lock"))
        self._notes = self._read()

    def seen(self, origin: str) -> Checkpoint | None:
        note = self.note(origin)
        return None if note is None else Checkpoint.parse(text_of(note))

    def note(self, origin: str) -> str | None:
        return self._notes.get(origin)

    def keep(self, origin: str, note: str) -> None:
        """On the disk when this returns."""
        notes = self._notes | {origin: note}
        _write(self.path, json.dumps({"format": FORMAT, "notes": notes}, ensure_ascii=False, indent=1) + "\n")
        self._notes = notes

    def _read(self) -> dict[str, str]:
        try:
            content = json.loads(self.path.read_text("utf-8"))
            notes = content["notes"]
            if content["format"] != FORMAT:
                raise NoteWrong("The format is another.")
            if any(Checkpoint.parse(text_of(note)).origin != origin for origin, note in notes.items()):
                raise NoteWrong("A checkpoint stands under the name of another log.")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            # To begin anew by itself would be to sign whatever past comes next.
            raise Unusable(
                f"The state in {self.path} cannot be read ({error}). Do not remove it and do not put back an "
                "older copy: if it is lost, start again with a new key."
            ) from None
        return dict(notes)


class Witness:
    def __init__(self, key: SigningKey, logs: Iterable[VerifierKey], state: State) -> None:
        self.key = key
        self.state = state
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> str:
        """The cosignature of the checkpoint in this request. Raises Refused."""
        old, hashes, note = _parse(body)
        checkpoint = self._open(note)
        if old > checkpoint.size:
            raise Refused(HTTPStatus.BAD_REQUEST, "The old size is larger than the size of the checkpoint.")
        with self._lock:  # from looking at what was signed last until the next is on the disk
            known = self.state.seen(checkpoint.origin)
            self._judge(known or _nothing_of(checkpoint.origin), old, hashes, checkpoint, body)
            if known is None or known.size != checkpoint.size:
                self._keep(checkpoint.origin, note)
            return cosign(checkpoint.text, self.key, int(time.time()))

    def _open(self, note: str) -> Checkpoint:
        try:
            checkpoint = Checkpoint.parse(text_of(note))
        except NoteWrong as wrong:
            raise Refused(HTTPStatus.BAD_REQUEST, str(wrong)) from None
        if checkpoint.origin not in self._logs:
            raise Refused(HTTPStatus.NOT_FOUND, "This witness does not watch that log.")
        try:
            open_note(note, self._logs[checkpoint.origin])
        except NoteWrong as wrong:
            raise Refused(HTTPStatus.FORBIDDEN, str(wrong)) from None
        return checkpoint

    def _judge(
        self, seen: Checkpoint, old: int, hashes: Sequence[bytes], checkpoint: Checkpoint, body: bytes
    ) -> None:
        """Raises Refused unless the checkpoint continues what was seen."""
        if checkpoint.size == seen.size and checkpoint.root != seen.root:
            # Whatever else the request says, the log has signed two roots for one size. tlog-witness v1.0.0
            # (2025-11) answers 409, its main branch (2026-07) 422.
            self._alarm("fork", "two roots for one size", seen, checkpoint, body)
            raise Refused(HTTPStatus.CONFLICT, f"{seen.size}\n", _SIZE)
        if old != seen.size:
            if checkpoint.size < seen.size:
                _say(f"Not signed: {checkpoint.origin} shows {checkpoint.size} entries after {seen.size}.")
            raise Refused(HTTPStatus.CONFLICT, f"{seen.size}\n", _SIZE)
        if old in (0, checkpoint.size):
            # RFC 6962 has no proof from an empty tree, since everything follows from it: here it is empty.
            if hashes:
                raise Refused(
                    HTTPStatus.UNPROCESSABLE_ENTITY, f"From {old} to {checkpoint.size}, the proof is empty."
                )
            return
        try:
            tree.verify_consistency(seen.size, checkpoint.size, hashes, seen.root, checkpoint.root)
        except tree.ProofWrong as wrong:
            self._alarm("unproven", "not proven to continue what was signed", seen, checkpoint, body)
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(wrong)) from None

    def _keep(self, origin: str, note: str) -> None:
        try:
            self.state.keep(origin, _signed_by(self._logs[origin], note))
        except OSError as error:
            _say(f"ALARM: NOTHING SIGNED, the state cannot be written: {error}")
            raise Refused(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "This witness cannot write down what it signs, so it does not sign.",
            ) from None

    def _alarm(self, kind: str, what: str, seen: Checkpoint, checkpoint: Checkpoint, body: bytes) -> None:
        """Say it on stderr, and keep both signed checkpoints beside the state: they are evidence."""
        log = sha256(checkpoint.origin.encode()).hexdigest()[:8]
        name = f"{self.state.path.name}.{kind}-{checkpoint.size}-{checkpoint.root.hex()[:16]}-{log}.txt"
        path = self.state.path.with_name(name)
        _say(
            f"ALARM: REFUSED, {what}: {checkpoint.origin}, "
            f"signed here: size {seen.size} root {seen.root.hex()}, "
            f"shown now: size {checkpoint.size} root {checkpoint.root.hex()}, kept in {path}"
        )
        kept = self._evidence(kind)
        if path in kept or len(kept) >= MAX_EVIDENCE:
            return
        before = self.state.note(checkpoint.origin) or "Nothing.\n"
        request = body.decode()  # it was read as text already
        try:
            _write(path, f"{what}.\n\nSigned before:\n\n{before}\nThe request of {_now()}:\n\n{request}")
        except OSError as error:
            _say(f"ALARM: the evidence cannot be written: {error}")

    def _evidence(self, kind: str) -> list[Path]:
        names = re.compile(re.escape(f"{self.state.path.name}.{kind}-") + r"[0-9a-f-]+\.txt")
        return sorted(path for path in self.state.path.parent.iterdir() if names.fullmatch(path.name))

    def page(self) -> str:
        """What it is, for whoever opens its address in a browser."""
        parts = [
            f"This is the witness {self.key.verifier.name}.\n\n"
            "It watches the logs below for someone who does not run them. It signs a checkpoint of a log\n"
            "only if everything that the log had before is still there, unchanged. Its signature below a\n"
            "checkpoint says that you are shown the same record as everybody else.\n\n"
            f"Its key:\n{self.key.verifier.vkey}\n"
        ]
        if forks := self._evidence("fork"):
            parts.append(f"\nALARM: a log has signed two pasts. Kept as evidence: {len(forks)}.\n")
        if unproven := self._evidence("unproven"):
            parts.append(f"\nRefused, since nothing proved that they continue the log: {len(unproven)}.\n")
        for origin, keys in self._logs.items():
            note = self.state.note(origin)
            parts.append(f"\nThe log {origin}, by the key\n" + "".join(f"{key.vkey}\n" for key in keys))
            parts.append(
                f"Last checkpoint signed here:\n\n{note}" if note else "Nothing of it was signed yet.\n"
            )
        return "".join(parts)


def _nothing_of(origin: str) -> Checkpoint:
    return Checkpoint(origin, 0, tree.root_of([]))


def _signed_by(keys: Iterable[VerifierKey], note: str) -> str:
    """The note without the lines of strangers: anybody can add some."""
    text = text_of(note)
    lines = note.removeprefix(text + "\n").split("\n")[:-1]
    known = {(key.name, key.key_id) for key in keys}
    signed = zip(lines, signatures(note), strict=True)
    return text + "\n" + "".join(f"{line}\n" for line, by in signed if (by.name, by.key_id) in known)


def _parse(body: bytes) -> tuple[int, list[bytes], str]:
    """Old size, consistency proof, and the checkpoint as a note."""
    try:
        head, empty_line, note = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        if not empty_line or not first.startswith("old ") or len(lines) > MAX_HASHES:
            raise NoteWrong(
                f"A request is a line 'old SIZE', up to {MAX_HASHES} hashes, an empty line and a checkpoint."
            )
        old = read_number(first.removeprefix("old "), "The old size")
        return old, [read_hash(line, "A hash of the proof") for line in lines], note
    except UnicodeDecodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "A request is text in UTF-8.") from None
    except NoteWrong as wrong:
        raise Refused(HTTPStatus.BAD_REQUEST, str(wrong)) from None


# --- Files ---


def _locked(path: Path) -> IO[str]:
    """Held until this process ends, however it ends."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Unusable(f"Another witness is using the state ({path} is locked).") from None
    return file


def _write(path: Path, text: str) -> None:
    """All of it or nothing, and on the disk when this returns."""
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# --- HTTP ---


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.witness = witness
        self._free = threading.Semaphore(MAX_CONNECTIONS)
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(CONNECTION_SECONDS, _hang_up, [request])  # however slowly bytes drip in
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "witness"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(HTTPStatus.OK, self.server.witness.page())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "A witness has one page, / , and takes POST /add-checkpoint.")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        try:
            self._answer(HTTPStatus.OK, self.server.witness.add_checkpoint(self._body()))
        except Refused as refused:
            self._answer(refused.status, str(refused), refused.content_type)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        self.close_connection = True  # unless the body is read to its end
        if self.path != "/add-checkpoint":
            raise Refused(HTTPStatus.NOT_FOUND, "A witness takes POST /add-checkpoint only.")
        if not re.fullmatch("[0-9]{1,9}", length) or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Say the length of the request in Content-Length.")
        if int(length) > MAX_BODY_BYTES:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request has at most {MAX_BODY_BYTES} bytes."
            )
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise Refused(HTTPStatus.BAD_REQUEST, "The request ended too soon.")
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        return body

    def _answer(self, status: HTTPStatus, text: str, content_type: str = _PLAIN) -> None:
        body = (text if text.endswith("\n") else text + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody's address is written down; refusals that matter are said where they are made."""


# --- Command line ---


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "new-key":
            key = SigningKey.generate(options.name, COSIGNATURE)
            print(key.text, key.verifier.vkey, sep="\n")
            return 0
        _serve(options)
    except (Unusable, NoteWrong, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ledger.witness", description=(__doc__ or "").partition("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new_key = commands.add_parser("new-key", help="print a new private key, and below it the public one")
    new_key.add_argument("name", help="a name like an address, for instance witness.example/w1")
    serve = commands.add_parser("serve", help="countersign checkpoints over HTTP")
    serve.add_argument(
        "--key", type=Path, required=True, help="a file with the private key, as new-key prints it"
    )
    serve.add_argument("--state", type=Path, required=True, help="the file that remembers what was signed")
    serve.add_argument(
        "--log", nargs="+", required=True, metavar="VKEY", help="public keys of the logs to watch"
    )
    serve.add_argument("--listen", default="127.0.0.1:18490", metavar="HOST:PORT")
    return parser


def _serve(options: argparse.Namespace) -> None:
    key = _read_key(options.key)
    logs = [VerifierKey.parse(vkey) for vkey in options.log]
    if any(log.type != ED25519 for log in logs):
        raise Unusable("The key of a log is of type 1.")
    host, colon, port = options.listen.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port):
        raise Unusable("--listen is an address and a port, as in 127.0.0.1:18490.")
    witness = Witness(key, logs, State(options.state))
    server = Server((host.strip("[]"), int(port)), witness)
    for log in logs:
        if witness.state.seen(log.name) is None:
            _say(f"Nothing of {log.name} was signed yet: the first checkpoint shown will be taken as it is.")
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: sys.exit(0))
    print(f"The witness {key.verifier.name} listens on http://{host}:{server.server_address[1]}/", flush=True)
    server.serve_forever()


def _read_key(path: Path) -> SigningKey:
    if path.stat().st_mode & 0o077:
        _say(f"Others can read {path}: chmod 600 it.")
    private = [line for line in path.read_text("utf-8").splitlines() if line.startswith("PRIVATE+KEY+")]
    if len(private) != 1:
        raise Unusable(f"{path} must hold one private key, as new-key prints it.")
    key = SigningKey.parse(private[0])
    if key.verifier.type != COSIGNATURE:
        raise Unusable("The key of a witness is of type 4: make one with new-key.")
    return key


def _say(line: str) -> None:
    print(_now(), line, file=sys.stderr, flush=True)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


if __name__ == "__main__":
    sys.exit(main())
