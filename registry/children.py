"""Child processes that never outlive their parent, not even when it is killed with -9."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    output: IO[bytes] | None = None,
    when_orphaned: signal.Signals | None = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """A child in a session of its own: Ctrl-C reaches the parent alone, which ends its children in order.

    `when_orphaned` is the signal that the kernel sends it when the parent dies (on Linux); None for none.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if when_orphaned is not None:
            die_with_parent(when_orphaned)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return subprocess.Popen(  # noqa: S603 -- commands are composed by this project, never from input
        [str(word) for word in command],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
        preexec_fn=before_exec,  # noqa: PLW1509 -- the parent runs one thread when it starts children
    )


def die_with_parent(how: signal.Signals) -> None:
    """Asks the kernel to send this process a signal when its parent dies. Only Linux can."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(how))


def command_line(pid: int) -> str:
    """Empty if there is no such process."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(  # noqa: S603
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.strip()
