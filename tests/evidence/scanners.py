"""Scanners that misbehave."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

Behaviour = Callable[[socket.socket], None]


class FakeScanner:
    """Answers pings, and does to each call that brings a file what `behaviour` says. `began` is set then."""

    def __init__(self, folder: Path, behaviour: Behaviour, *, pong: bytes = b"PONG\0") -> None:
        self.url = f"unix://{folder}/fake"
        self.began = threading.Event()
        self.calls = 0
        self._behaviour, self._pong = behaviour, pong
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(f"{folder}/fake")
        self._listening.listen()
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for open_socket in (self._listening, *self._taken):
            open_socket.close()

    def _serve(self) -> None:
        while True:
            try:
                call, _address = self._listening.accept()
            except OSError:
                return
            self._taken.append(call)
            try:
                if call.recv(10, socket.MSG_PEEK) == b"zPING\0":
                    call.sendall(self._pong)
                else:
                    self.calls += 1
                    self.began.set()
                    self._behaviour(call)
            except OSError:
                continue


def hang(_call: socket.socket) -> None:
    """Neither listens nor answers."""


def hang_up(call: socket.socket) -> None:
    call.shutdown(socket.SHUT_RDWR)


def answer(words: bytes) -> Behaviour:
    """Listens to the end, and says this."""

    def behaviour(call: socket.socket) -> None:
        heard = b""
        while not heard.endswith(b"\0\0\0\0"):
            more = call.recv(2**16)
            if not more:
                return
            heard += more
        call.sendall(words)

    return behaviour


def drip(call: socket.socket) -> None:
    """A sign of life now and then, and never an answer."""
    while True:
        call.sendall(b".")
        threading.Event().wait(0.02)
