"""Run every benchmark, each in a process of its own, and write results.md: `make bench`."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

SUITE = {
    "submissions": "Durable submissions",
    "sealing": "Sealing, and the tree",
    "proofs": "Proofs",
    "pull": "A partner’s pull",
    "growth": "As the register grows",
}
RESULTS = Path(__file__).parent / "results.md"


def main() -> int:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    parts = [
        "# Measured\n",
        f"By `make bench` on {machine}. Figures drift from machine to machine; ratios of one table hold.\n",
    ]
    failed = 0
    for name, title in SUITE.items():
        print(f"{title} ...", flush=True)
        done = subprocess.run(  # noqa: S603 - our own modules
            [sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout, flush=True)
        failed += done.returncode != 0
        parts.append(f"## {title}\n\n{done.stdout.strip()}\n")
    RESULTS.write_text("\n".join(parts), encoding="utf-8")
    print(f"Written to {RESULTS}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
