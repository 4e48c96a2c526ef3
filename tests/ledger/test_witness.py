"""The witness as its operators run it: a process, spoken to over HTTP (C2SP tlog-witness)."""

import base64
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger import tree
from ledger.notes import COSIGNATURE, Checkpoint, SigningKey, open_note, sign, text_of
from ledger.tree import Tile

ORIGIN = "registry.example/claims"
SECONDS = 60  # for one answer: a disk may be slow to write down what is signed


@dataclass
class Log:
    """A log that shows whatever its owner wants to be shown."""

    leaves: list[bytes]
    key: SigningKey = field(default_factory=lambda: SigningKey.generate(ORIGIN))

    def checkpoint(self, size: int) -> str:
        return sign(Checkpoint(self.key.verifier.name, size, tree.root_of(self.leaves[:size])).text, self.key)

    def proof(self, first: int, second: int) -> list[bytes]:
        if first in (0, second):
            return []
        return tree.consistency_proof(first, second, self.read)

    def read(self, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        assert all(tile.level == 0 for tile in tiles)
        return {tile: b"".join(self.leaves[tile.n * 256 : tile.n * 256 + tile.width]) for tile in tiles}

    def request(self, old: int, size: int) -> str:
        return request(old, self.proof(old, size), self.checkpoint(size))

    def fork(self, at: int) -> "Log":
        """The same log with one entry replaced."""
        return Log([*self.leaves[:at], tree.leaf_hash(b"invented later"), *self.leaves[at + 1 :]], self.key)


def request(old: int, hashes: list[bytes], note: str) -> str:

    lines = "".join(f"{base64.b64encode(hash_).decode()}\n" for hash_ in hashes)
    return f"old {old}\n{lines}\n{note}"


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: str


class Witness:
    """A running witness. It can be killed and started again on the same state."""

    def __init__(self, folder: Path, *logs: Log) -> None:
        self.folder = folder
        self.vkeys = [log.key.verifier.vkey for log in logs]
        key = SigningKey.generate("witness.example/w1", COSIGNATURE)
        (folder / "witness.key").write_text(f"{key.text}\n{key.verifier.vkey}\n")
        (folder / "witness.key").chmod(0o600)
        self.key = key.verifier
        self.state = folder / "witness.state"
        self.heard = folder / "stderr"
        self.start()

    def start(self) -> None:
        with self.heard.open("a") as stderr:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "ledger.witness",
                    "serve",
                    "--listen",
                    "127.0.0.1:0",
                    "--key",
                    str(self.folder / "witness.key"),
                    "--state",
                    str(self.state),
                    "--log",
                    *self.vkeys,
                ],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        assert "listens on http://127.0.0.1:" in ready, self.stderr()
        self.port = int(ready.rstrip("/\n").rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def post(self, body: str | bytes, path: str = "/add-checkpoint") -> Answer:
        return self.ask("POST", path, body.encode() if isinstance(body, str) else body)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return Answer(response.status, response.headers["Content-Type"], response.read().decode())
        finally:
            connection.close()

    def stderr(self) -> str:
        return self.heard.read_text()

    def evidence(self, kind: str) -> list[str]:
        return [path.read_text() for path in sorted(self.folder.glob(f"witness.state.{kind}-*.txt"))]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ledger.witness", *arguments], capture_output=True, text=True, timeout=SECONDS
    )


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    return [tree.leaf_hash(str(number).encode()) for number in range(250)]


@pytest.fixture
def log(leaves: list[bytes]) -> Log:
    return Log(leaves)


@pytest.fixture
def witness(tmp_path: Path, log: Log) -> Iterator[Witness]:
    witness = Witness(tmp_path, log)
    yield witness
    witness.kill()


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, leaves: list[bytes]) -> Iterator[tuple[Witness, Log]]:
    """A witness that has signed size 8 of a log: for tests of requests that change nothing."""
    log = Log(leaves)
    witness = Witness(tmp_path_factory.mktemp("settled"), log)
    signed(witness, log, 0, 8)
    yield witness, log
    signed(witness, log, 8, 8)
    witness.kill()


def signed(witness: Witness, log: Log, old: int, size: int) -> int:
    """That the witness signs this; the time that it says."""
    answer = witness.post(log.request(old, size))
    assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8"), answer
    opened = open_note(log.checkpoint(size) + answer.body, [log.key.verifier, witness.key])
    assert opened.by == [log.key.verifier]
    return opened.cosigned[witness.key]


# --- What it signs ---


def test_a_growing_log_is_signed_with_the_time(witness: Witness, log: Log) -> None:
    before = int(time.time())
    assert before <= signed(witness, log, 0, 1) <= time.time()
    for old, size in [(1, 8), (8, 9), (9, 200), (200, 250)]:
        signed(witness, log, old, size)
    assert "ALARM" not in witness.stderr()


def test_the_same_checkpoint_is_signed_again(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 8)
    state = witness.state.read_bytes()
    signed(witness, log, 8, 8)
    assert witness.state.read_bytes() == state


def test_a_log_without_entries_is_signed_too(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 0)
    signed(witness, log, 0, 0)
    signed(witness, log, 0, 5)


def test_from_old_size_zero_the_proof_must_be_empty(witness: Witness, log: Log) -> None:
    answer = witness.post(request(0, [bytes(32)], log.checkpoint(8)))
    assert answer.status == 422
    signed(witness, log, 0, 8)


def test_signatures_of_others_below_the_checkpoint_do_not_matter_and_are_not_kept(
    witness: Witness, log: Log
) -> None:
    stranger = SigningKey.generate("you-are-hacked.example")
    text = text_of(log.checkpoint(8))
    answer = witness.post(request(0, [], sign(text, stranger, log.key)))
    assert answer.status == 200
    assert "hacked" not in witness.state.read_text()
    assert "hacked" not in witness.ask("GET", "/").body


def test_extension_lines_are_signed_as_they_are(witness: Witness, log: Log) -> None:
    text = text_of(log.checkpoint(8)) + "an extension\n"
    note = sign(text, log.key)
    answer = witness.post(request(0, [], note))
    assert open_note(note + answer.body, [witness.key]).text == text


def test_several_requests_pass_over_one_connection(witness: Witness, log: Log) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=SECONDS)
    for old, size, status in [(0, 8, 200), (8, 9, 200), (8, 9, 409), (9, 10, 200)]:
        connection.request("POST", "/add-checkpoint", log.request(old, size).encode())
        kept_open = connection.sock
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (status, True)
        assert connection.sock is kept_open
    connection.close()


def test_logs_are_watched_apart_and_under_several_keys(tmp_path: Path, leaves: list[bytes]) -> None:
    old_key = Log(leaves)
    new_key = Log(leaves)
    other = Log(leaves[::-1], SigningKey.generate("other.example"))
    witness = Witness(tmp_path, old_key, new_key, other)
    try:
        signed(witness, old_key, 0, 8)
        signed(witness, other, 0, 5)
        signed(witness, new_key, 8, 9)
        signed(witness, other, 5, 9)
    finally:
        witness.kill()


# --- What it refuses ---


def test_an_unknown_log_is_refused(witness: Witness, leaves: list[bytes]) -> None:
    unknown = Log(leaves, SigningKey.generate("unknown.example"))
    assert witness.post(unknown.request(0, 8)).status == 404


def test_a_checkpoint_that_the_log_did_not_sign_is_refused(witness: Witness, log: Log) -> None:
    namesake = Log(log.leaves)
    assert witness.post(namesake.request(0, 8)).status == 403
    forged = log.checkpoint(8).replace("\n8\n", "\n9\n")
    assert witness.post(request(0, [], forged)).status == 403
    mine = open_note(log.checkpoint(8), [log.key.verifier]).text
    assert witness.post(request(0, [], sign(mine, SigningKey.generate("other.example")))).status == 403
    assert not witness.state.exists()


def test_an_old_size_beyond_the_checkpoint_is_refused(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 8)
    answer = witness.post(request(9, [], log.checkpoint(8)))
    assert answer.status == 400
    assert answer.body == "The old size is larger than the size of the checkpoint.\n"


@pytest.mark.parametrize(("old", "size"), [(0, 9), (7, 9), (0, 8), (9, 9), (5, 5), (0, 5)])
def test_an_old_size_that_is_not_the_last_is_told_the_last(
    settled: tuple[Witness, Log], old: int, size: int
) -> None:
    witness, log = settled
    assert witness.post(log.request(old, size)) == Answer(409, "text/x.tlog.size", "8\n")


def test_an_old_size_before_anything_was_signed_is_told_zero(witness: Witness, log: Log) -> None:
    assert witness.post(log.request(5, 8)) == Answer(409, "text/x.tlog.size", "0\n")


def test_a_log_that_was_cut_back_is_refused(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 200)
    assert witness.post(log.request(150, 150)) == Answer(409, "text/x.tlog.size", "200\n")
    assert f"Not signed: {ORIGIN} shows 150 entries after 200." in witness.stderr()
    # It cannot even go on from there with the same number of entries.
    forked = log.fork(170)
    assert witness.post(forked.request(200, 210)).status == 422
    signed(witness, log, 200, 210)


@pytest.mark.parametrize("old", [0, 4, 8])
def test_a_second_root_for_one_size_is_refused_loudly_and_kept(witness: Witness, log: Log, old: int) -> None:
    signed(witness, log, 0, 8)
    forked = log.fork(3)
    shown = request(old, forked.proof(old, 8), forked.checkpoint(8))
    assert witness.post(shown) == Answer(409, "text/x.tlog.size", "8\n")
    [line] = [line for line in witness.stderr().splitlines() if "ALARM" in line]
    for expected in (
        "REFUSED, two roots for one size",
        ORIGIN,
        *(tree.root_of(past.leaves[:8]).hex() for past in (log, forked)),
    ):
        assert expected in line
    [evidence] = witness.evidence("fork")
    assert log.checkpoint(8) in evidence
    assert shown in evidence
    assert "ALARM: a log has signed two pasts. Kept as evidence: 1." in witness.ask("GET", "/").body
    signed(witness, log, 8, 9)


def test_a_tree_that_does_not_continue_the_last_is_refused_loudly_and_kept(
    witness: Witness, log: Log
) -> None:
    signed(witness, log, 0, 8)
    forked = log.fork(3)
    shown = forked.request(8, 20)
    answer = witness.post(shown)
    assert answer.status == 422
    assert answer.body == "The hashes do not prove that the tree of 20 begins with the tree of 8.\n"
    [line] = [line for line in witness.stderr().splitlines() if "ALARM" in line]
    assert tree.root_of(log.leaves[:8]).hex() in line
    assert tree.root_of(forked.leaves[:20]).hex() in line
    [evidence] = witness.evidence("unproven")
    assert log.checkpoint(8) in evidence
    assert shown in evidence
    signed(witness, log, 8, 20)


def test_hashes_where_none_belong_prove_nothing_and_are_no_fork(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 8)
    assert witness.post(request(8, [bytes(32)], log.checkpoint(8))).status == 422
    assert witness.evidence("fork") == witness.evidence("unproven") == []


def test_a_tree_of_nothing_has_one_root(witness: Witness, log: Log) -> None:
    wrong = sign(Checkpoint(ORIGIN, 0, bytes(32)).text, log.key)
    assert witness.post(request(0, [], wrong)) == Answer(409, "text/x.tlog.size", "0\n")
    assert not witness.state.exists()


def test_evidence_is_bounded_and_a_fork_is_kept_beside_many_unproven(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 8)
    forked = log.fork(3)
    for size in range(9, 9 + 120):
        assert witness.post(request(8, [], log.checkpoint(size))).status == 422
    assert len(witness.evidence("unproven")) == 100
    assert witness.post(forked.request(8, 8)).status == 409
    assert witness.post(forked.request(8, 8)).status == 409
    assert len(witness.evidence("fork")) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: "",
        lambda body: body.replace("old 8", "old 08"),
        lambda body: body.replace("old 8", "old -8"),
        lambda body: body.replace("old 8", "old  8"),
        lambda body: body.replace("old 8", "OLD 8"),
        lambda body: body.replace("old 8", "old 8 "),
        lambda body: body.replace("old 8", "old ٨"),
        lambda body: body.replace("old 8\n", ""),
        lambda body: body.replace("old 8\n", "old 8\n!\n"),
        lambda body: body.replace("old 8\n", "old 8\nYQ==\n"),
        lambda body: body.replace("old 8\n", "old 8\n" + ("A" * 43 + "=\n") * 64),
        lambda body: body.replace("\n", "\r\n"),
        lambda body: body.partition("\n\n")[0],
        lambda body: body.partition("\n\n")[0] + "\n\n",
        lambda body: body[:-1],
        lambda body: body + "\n",
        lambda body: body.replace("\n20\n", "\n020\n"),
        lambda body: body.encode()[:-70] + b"\xff" + body.encode()[-69:],
    ],
)
def test_a_request_that_is_not_one_is_refused(
    settled: tuple[Witness, Log], spoil: Callable[[str], str | bytes]
) -> None:
    witness, log = settled
    answer = witness.post(spoil(log.request(8, 20)))
    assert answer.status == 400
    assert answer.body.endswith(".\n")


def test_bodies_are_bounded(witness: Witness, log: Log) -> None:
    assert witness.post(b"a" * 200_001).status == 413
    with socket.create_connection(("127.0.0.1", witness.port), timeout=SECONDS) as connection:
        connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n")
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 411")
    with socket.create_connection(("127.0.0.1", witness.port), timeout=SECONDS) as connection:
        connection.sendall(
            b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 411")
    signed(witness, log, 0, 8)


def test_a_request_that_breaks_off_signs_nothing(witness: Witness, log: Log) -> None:
    body = log.request(0, 8).encode()
    head = f"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) + 1}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", witness.port), timeout=SECONDS) as connection:
        connection.sendall(head + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 400")
    assert not witness.state.exists()


def test_connections_that_say_nothing_do_not_stop_it(witness: Witness, log: Log) -> None:
    silent = [socket.create_connection(("127.0.0.1", witness.port), timeout=SECONDS) for _ in range(40)]
    signed(witness, log, 0, 8)
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("path", ["/", "/add-checkpoint/", "/other", "/add-checkpoint?x=1"])
def test_other_addresses_take_nothing(settled: tuple[Witness, Log], path: str) -> None:
    witness, log = settled
    assert witness.post(log.request(8, 20), path).status == 404


def test_its_page_says_what_it_is_and_what_it_saw(witness: Witness, log: Log) -> None:
    page = witness.ask("GET", "/")
    assert (page.status, page.content_type) == (200, "text/plain; charset=utf-8")
    assert "This is the witness witness.example/w1." in page.body
    assert "Nothing of it was signed yet." in page.body
    signed(witness, log, 0, 8)
    page = witness.ask("GET", "/")
    assert witness.key.vkey in page.body
    assert log.key.verifier.vkey in page.body
    assert log.checkpoint(8) in page.body
    assert "ALARM" not in page.body
    assert witness.ask("HEAD", "/").body == ""
    assert witness.ask("GET", "/other").status == 404
    assert witness.ask("PUT", "/", b"x").status == 501


# --- Never two roots, whatever happens ---


def test_of_many_requests_at_once_no_two_get_another_root_signed(witness: Witness, log: Log) -> None:
    """Thirty-two pasts that differ in entry 20 race from size 8 on, three times."""
    signed(witness, log, 0, 8)
    pasts = [
        Log([*log.leaves[:20], tree.leaf_hash(bytes([n])), *log.leaves[21:]], log.key) for n in range(32)
    ]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda past: witness.post(past.request(8, 40)), pasts))
        [won] = [past for past, answer in zip(pasts, answers, strict=True) if answer.status == 200]
        assert sorted({answer.status for answer in answers}) == [200, 409]
        assert {answer.body for answer in answers if answer.status == 409} == {"40\n"}
        # The losers go on from where they are told that it is: their own past.
        answers = list(pool.map(lambda past: witness.post(past.request(40, 41)), pasts))
        assert sorted({answer.status for answer in answers}) in ([200, 409], [200, 409, 422])
        assert [past for past, answer in zip(pasts, answers, strict=True) if answer.status == 200] == [won]
    signed(witness, won, 41, 42)


def test_of_many_sizes_at_once_none_is_rolled_back(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 8)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda size: witness.post(log.request(8, size)), range(9, 41)))
    [size] = [size for size, answer in zip(range(9, 41), answers, strict=True) if answer.status == 200]
    assert {answer.body for answer in answers if answer.status == 409} == {f"{size}\n"}
    signed(witness, log, size, 50)


def test_it_remembers_after_it_was_killed(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 8)
    witness.kill()
    witness.start()
    assert witness.post(log.fork(3).request(8, 8)).status == 409
    assert witness.post(log.request(0, 8)) == Answer(409, "text/x.tlog.size", "8\n")
    signed(witness, log, 8, 9)


def test_killed_at_any_moment_it_never_signs_two_roots_for_one_size(witness: Witness, log: Log) -> None:
    """The log and its fork take turns at every size, while the witness is killed again and again. What was
    signed must be one past, and the state must never be behind it."""
    fork = log.fork(100)
    got: dict[int, set[bytes]] = {}
    dice = random.Random(6)  # noqa: S311
    stop = threading.Event()

    def killer() -> None:
        for _ in range(15):
            time.sleep(dice.uniform(0.0, 0.15))
            witness.kill()
            witness.start()
        stop.set()

    thread = threading.Thread(target=killer)
    thread.start()
    size, size_at = 0, 0
    while not stop.is_set() and size_at < 249:
        for past in dice.sample([log, fork], 2):
            size_at = min(size + dice.choice([0, 1, 2]), 249)
            try:
                answer = witness.post(past.request(size, size_at))
            except (OSError, http.client.HTTPException):
                continue
            if answer.status == 200:
                got.setdefault(size_at, set()).add(tree.root_of(past.leaves[:size_at]))
                assert size_at >= size
                size = size_at
            elif answer.status == 409:
                assert int(answer.body) >= size, "the state went back"
                size = int(answer.body)
    thread.join()
    assert size > 0
    assert all(len(roots) == 1 for roots in got.values())


def test_nothing_is_signed_that_cannot_be_written_down(witness: Witness, log: Log) -> None:
    signed(witness, log, 0, 8)
    (witness.folder / "witness.state.new").mkdir()  # root writes anywhere, but not into a folder
    answer = witness.post(log.request(8, 9))
    assert (answer.status, "cannot write down" in answer.body) == (500, True)
    assert "ALARM: NOTHING SIGNED" in witness.stderr()
    assert witness.post(log.fork(3).request(8, 8)).status == 409, (
        "evidence that cannot be kept is refused anyway"
    )
    (witness.folder / "witness.state.new").rmdir()
    signed(witness, log, 8, 9)


# --- Starting ---


def test_a_new_key_is_printed_with_its_public_half() -> None:
    private, public = run("new-key", "witness.example/w1").stdout.splitlines()
    key = SigningKey.parse(private)
    assert (key.verifier.vkey, key.verifier.type) == (public, COSIGNATURE)
    assert run("new-key", "witness.example/w1").stdout.splitlines()[0] != private


def test_a_key_cannot_have_any_name() -> None:
    refused = run("new-key", "two words")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("The name of a key ")


def start_again(witness: Witness, **changed: str) -> "subprocess.CompletedProcess[str]":
    options = {
        "key": str(witness.folder / "witness.key"),
        "state": str(witness.state),
        "log": witness.vkeys[0],
        "listen": "127.0.0.1:0",
    } | changed
    return run("serve", *(part for name, value in options.items() for part in (f"--{name}", value)))


def test_two_witnesses_never_share_a_state(witness: Witness) -> None:
    refused = start_again(witness)
    assert refused.returncode == 2
    assert "Another witness is using the state" in refused.stderr


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": "registry-witness/1"}', None])
def test_it_does_not_begin_anew_on_a_state_that_it_cannot_read(
    witness: Witness, log: Log, content: str | None
) -> None:
    signed(witness, log, 0, 8)
    witness.kill()
    content = witness.state.read_text().replace("\\n8\\n", "\\n08\\n") if content is None else content
    witness.state.write_text(content)
    refused = start_again(witness)
    assert refused.returncode == 2
    assert "start again with a new key" in refused.stderr
    assert witness.state.read_text() == content


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"log": "nonsense"}, "three parts"),
        ({"log": SigningKey.generate("w.example", COSIGNATURE).verifier.vkey}, "type 1"),
        ({"key": os.devnull}, "one private key"),
        ({"key": "/does/not/exist"}, "No such file"),
        ({"listen": "18490"}, "address and a port"),
    ],
)
def test_it_says_what_it_cannot_start_with(witness: Witness, changed: dict[str, str], why: str) -> None:
    witness.kill()
    refused = start_again(witness, **changed)
    assert (refused.returncode, why in refused.stderr) == (2, True), refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_witness_signs_with_a_key_of_its_own_type_only(witness: Witness, log: Log) -> None:
    witness.kill()
    (witness.folder / "log.key").write_text(log.key.text)
    refused = start_again(witness, key=str(witness.folder / "log.key"))
    assert (refused.returncode, "of type 4" in refused.stderr) == (2, True)
    assert "chmod 600" in refused.stderr


def test_it_says_that_the_first_checkpoint_is_taken_on_trust(witness: Witness) -> None:
    assert f"Nothing of {ORIGIN} was signed yet: the first checkpoint shown will be taken" in witness.stderr()


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quietly_when_told_to(witness: Witness, signal_: signal.Signals) -> None:
    witness.process.send_signal(signal_)
    assert witness.process.wait(SECONDS) == 0
    assert "Traceback" not in witness.stderr()
