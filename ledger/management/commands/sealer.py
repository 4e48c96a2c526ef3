from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ledger import checkpoints, sealing
from ledger.running import Turns


class Command(BaseCommand):
    help = "Seal ledger entries as they are committed, and sign checkpoints, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--remember",
            metavar="FILE",
            type=Path,
            help="only remember this checkpoint, which somebody else kept, as the last that was signed",
        )

    def handle(self, *, remember: Path | None, **options: object) -> None:
        if remember is not None:
            self._remember(remember)
            return
        if not settings.LEDGER_KEY:
            raise CommandError("LEDGER_KEY is not set, and the sealer signs with it: docs/operations.md.")
        turns = Turns(settings.HEARTBEAT_FILE)
        with checkpoints.signing() as signer:
            sealing.run(turns, signer)

    def _remember(self, file: Path) -> None:
        try:
            note = file.read_bytes().decode(errors="replace")
            signed = checkpoints.Memory(settings.LEDGER_MEMORY).learn(note)
        except checkpoints.Busy:
            raise CommandError("A sealer is running. Stop it first.") from None
        except checkpoints.Alarm as alarm:
            raise CommandError(str(alarm)) from None
        except OSError as problem:
            raise CommandError(f"{problem.filename} cannot be read or written: {problem.strerror}.") from None
        self.stdout.write(f"The checkpoint of {signed.checkpoint.size} entries is remembered now.")
