"""ClamAV's daemon, asked in its own protocol (clamd(8), INSTREAM): bytes go out, one line comes
back."""

import socket
import struct
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

CONNECTED = 5.0  # seconds until somebody takes the call
AWAKE = 10.0  # seconds for the answer to a ping
SILENT = 150.0  # seconds without a sign while it takes or looks; it gives up itself after 120 (MaxScanTime)
ANSWERED = 300.0  # seconds until it has said what it found
_REPLY_BYTES = 4096
_LENGTH = struct.Struct(">I")
_NOT_LOOKED_AT = ("Heuristics.Limits.Exceeded", "Heuristics.Encrypted")


class Away(Exception):
    """Nobody answers there, or not in time. No file is to blame."""


class Broken(Exception):
    """It had begun with the file and gave no verdict: it hangs, was ended, or reports an error."""


class NotLookedAt(Exception):
    """It cannot look at all of this file, however often it is asked: too large, too deep, encrypted."""


def ping(url: str) -> None:
    """Raises Away unless it is there and awake."""
    try:
        with _Call(url, AWAKE) as call:
            call.say(b"zPING\0")
            reply = call.hear()
    except Broken as trouble:
        raise Away(str(trouble)) from trouble
    if reply != "PONG":
        raise Away("what answers there is no clamd")


def scan(url: str, pieces: Iterable[bytes]) -> str:
    """The name of what it found in these bytes, "" for nothing. Raises Away, Broken, NotLookedAt, and what
    reading the pieces raises."""
    with _Call(url, ANSWERED) as call:
        going = call.say(b"zINSTREAM\0")
        for piece in pieces:
            if not (going and call.say(_LENGTH.pack(len(piece)) + piece)):
                break  # it hung up, and perhaps said why
        else:
            call.say(_LENGTH.pack(0))
        return _found(call.hear())


def _found(reply: str) -> str:
    said = reply.removeprefix("stream: ")
    if said == "OK":
        return ""
    if "size limit exceeded" in said:
        raise NotLookedAt(said)
    if not said.endswith(" FOUND"):
        raise Broken(said or "it hung up without a word")
    if said.startswith(_NOT_LOOKED_AT):
        raise NotLookedAt(said)
    return said.removesuffix(" FOUND")


class _Call:
    """One connection, that ends by a moment. Raises Away if nobody is there, Broken when they go silent."""

    def __init__(self, url: str, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        try:
            self._socket = _connected(url)
        except OSError as error:
            raise Away(f"it cannot be reached ({type(error).__name__})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def say(self, data: bytes) -> bool:
        """False if they have hung up."""
        self._allow_time()
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise Broken("it stopped listening") from error
        except OSError:
            return False
        return True

    def hear(self) -> str:
        """What they say until they pause with a NUL, or hang up."""
        heard = b""
        while b"\0" not in heard and len(heard) < _REPLY_BYTES:
            self._allow_time()
            try:
                more = self._socket.recv(_REPLY_BYTES)
            except TimeoutError as error:
                raise Broken("it does not answer") from error
            except OSError:
                break
            if not more:
                break
            heard += more
        return heard.partition(b"\0")[0].decode("ascii", "replace").strip()

    def _allow_time(self) -> None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise Broken("it took too long")
        self._socket.settimeout(min(left, SILENT))


def _connected(url: str) -> socket.socket:
    """`tcp://host:3310` or `unix:///run/clamav/clamd.ctl`; settings refuse anything else."""
    parts = urlsplit(url)
    if parts.scheme == "tcp":
        return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=CONNECTED)
    by_path = socket.socket(socket.AF_UNIX)
    try:
        by_path.settimeout(CONNECTED)
        by_path.connect(unquote(parts.path))
    except BaseException:
        by_path.close()
        raise
    return by_path
