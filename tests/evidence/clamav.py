"""Debian's clamd with the settings that we deploy, and one tiny signature of our own in place of millions."""

import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from django.conf import settings

from evidence import clamd
from registry.children import spawn

CLAMD = "/usr/sbin/clamd"
# In two parts, so that no scanner takes this file for what it is about.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = f"Test.Eicar:0:*:{EICAR.hex()}\n"
WITH_EICAR = b"%PDF-1.7\n% " + EICAR + b"\n"


class Daemon:
    def __init__(self, folder: Path, **changes: str) -> None:
        """`changes` are settings other than those in deploy/."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "signatures").mkdir(parents=True)
        (folder / "signatures" / "test.ndb").write_text(SIGNATURE)
        self.url = f"unix://{folder}/s"
        text = (settings.BASE_DIR / "deploy" / "clamav" / "clamd.conf").read_text()
        changes = {"DatabaseDirectory": f"{folder}/signatures", "TemporaryDirectory": str(folder)} | changes
        text = text.replace("TCPSocket 3310", f"LocalSocket {folder}/s")
        for name, value in changes.items():  # each stands there once
            text, once = re.subn(rf"^{name} .*$", f"{name} {value}", text, flags=re.M)
            assert once == 1, name
        (folder / "clamd.conf").write_text(text)

    def start(self) -> Self:
        with (self._folder / "log").open("ab") as said:
            command = [CLAMD, "--config-file", self._folder / "clamd.conf"]
            self._process = spawn(command, output=said, when_orphaned=signal.SIGKILL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                clamd.ping(self.url)
            except clamd.Away:
                time.sleep(0.02)
            else:
                return self
        raise AssertionError((self._folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None
