"""A witness as somebody outside runs it: a process of its own, which can be killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from ledger import notes


class WitnessProcess:
    def __init__(self, folder: Path, *vkeys: str, name: str = "witness.example/w1") -> None:
        folder.mkdir()
        self.folder, self.vkeys = folder, vkeys
        self.key = notes.SigningKey.generate(name, notes.COSIGNATURE)
        (folder / "key").touch(mode=0o600)
        (folder / "key").write_text(f"{self.key.text}\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __enter__(self) -> "WitnessProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        serve = [sys.executable, "-m", "ledger.witness", "serve", "--key", "key", "--state", "state"]
        with (self.folder / "said").open("a") as said:
            self.process = subprocess.Popen(
                [*serve, "--listen", f"127.0.0.1:{self.port}", "--log", *self.vkeys],
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(settings.BASE_DIR)},
                stdout=said,
                stderr=said,
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError(f"The witness does not start:\n{self.said()}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        return (self.folder / "said").read_text()

    @property
    def line(self) -> str:
        return f"{self.key.verifier.vkey} http://127.0.0.1:{self.port}"
