import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from ledger import checkpoints, recovery
from ledger.log import SYSTEM

SECONDS = 10.0  # for a sealer that raises its alarm just now


class Command(BaseCommand):
    help = (
        "Put back entries that were signed and are lost, after a restore from an older backup. Everything or "
        "nothing: the log then has exactly the root that was signed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--checkpoint", required=True, type=Path, metavar="FILE", help="the newest that was signed"
        )
        parser.add_argument(
            "--tiles",
            required=True,
            type=Path,
            metavar="DIR",
            help="the folder in which tile/ lies: of an export, or fetched from whoever kept them",
        )
        parser.add_argument(
            "--entries",
            nargs="*",
            default=[],
            type=Path,
            metavar="FILE",
            help="entries.ndjson of an export, receipts, answers of /api/v1/ledger/entries",
        )
        parser.add_argument(
            "--leave-gaps",
            action="store_true",
            help="keep the hash alone of each entry that nobody has: nobody can ever read it again",
        )
        parser.add_argument(
            "--with-promised",
            action="store_true",
            help="enter also what we promised and never signed: look at each of them first",
        )

    def handle(
        self,
        *,
        checkpoint: Path,
        tiles: Path,
        entries: list[Path],
        leave_gaps: bool,
        with_promised: bool,
        **options: object,
    ) -> None:
        if recovery.OWNER not in connections:
            raise CommandError("Set DATABASE_OWNER_URL: the role that owns the tables puts entries back.")
        try:
            note = checkpoint.read_bytes().decode(errors="replace")
            report = self._recover(
                note, tiles=tiles, sources=entries, leave_gaps=leave_gaps, with_promised=with_promised
            )
        except (recovery.NotRecovered, checkpoints.Alarm) as refusal:
            raise CommandError(str(refusal)) from None
        except OSError as problem:
            raise CommandError(f"{problem.filename} cannot be read or written: {problem.strerror}.") from None
        if report.first == report.size and not (report.put_back or report.still_there or report.promised):
            self.stdout.write(f"Nothing was put back: all {report.size} hashes of the checkpoint are here.")
            return
        self._tell(report, with_promised)

    def _recover(self, note: str, **given: Any) -> recovery.Report:
        memory, deadline = checkpoints.Memory(settings.LEDGER_MEMORY), time.monotonic() + SECONDS
        while True:
            try:
                with memory.locked():  # so that nobody signs meanwhile
                    report = recovery.recover(note, **given, by=SYSTEM, office="system")
                    remembered = memory.recall()
                    if remembered is None or remembered.checkpoint.size < report.size:
                        memory.keep(checkpoints.Signed.read(note, "the file given"))
                    return report
            except checkpoints.Busy:
                if time.monotonic() > deadline:
                    raise CommandError("A sealer is signing. Stop it, and run this again.") from None
                time.sleep(0.1)

    def _tell(self, report: recovery.Report, with_promised: bool) -> None:
        said = [
            f"The log is again the one of which a checkpoint of {report.size} entries was signed.",
            f"From {report.first} on: {len(report.put_back)} entries were put back, {report.still_there} "
            f"were still here, {len(report.lost)} are lost.",
        ]
        if report.lost:
            said.append(f"Lost, with their hashes known: {recovery.ranges(report.lost)}.")
        if report.moved:
            said.append(
                f"{report.moved} entries of after the restore stood at indexes of others. They are kept, and "
                "sealed after all these; partners who pulled since then must pull again."
            )
        if report.promised and with_promised:
            said.append(
                f"{len(report.promised)} entries that we promised and never signed are sealed now too."
            )
        elif report.promised:
            said.append(
                f"{len(report.promised)} entries that we promised and never signed were not entered. Whoever "
                "had the key of promises could make such ones up: ask the people whose claims these are, "
                "then run this again with --with-promised."
            )
            said += [f"  {found.leaf_hash.hex()} {found.body}" for found in report.promised]
        if report.is_closed:
            said.append("The log was closed, and is.")
        if report.claims:
            said.append(
                "The log knows of these acts again. What they did to the claims did not come back with them: "
                "compare each claim with its story, and file anew what its people can show by their receipts."
            )
            said += [
                f"  {report.numbers.get(claim, 'claim')} {claim}: entries {recovery.ranges(indexes)}"
                for claim, indexes in sorted(report.claims.items())
            ]
        self.stdout.write("\n".join(said))
