"""What the long-lived commands (sealer, worker) have in common: when they stop, and that they can be seen to
go on."""

import signal
from pathlib import Path


class Turns:
    """Asked at each turn whether to stop: yes after SIGTERM or Ctrl-C. Notes each turn in the file's time, by
    which a health check tells a process that hangs from one that works."""

    def __init__(self, heartbeat: Path | None = None) -> None:
        self.stopped = False
        self._heartbeat = heartbeat
        for signalled in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signalled, self._stop)

    def __call__(self) -> bool:
        if self._heartbeat is not None:
            self._heartbeat.touch()
        return self.stopped

    def _stop(self, *_: object) -> None:
        self.stopped = True
