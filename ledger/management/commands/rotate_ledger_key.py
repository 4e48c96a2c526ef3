import os
from argparse import ArgumentParser
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ledger import checkpoints, rotation, settling
from ledger.log import SYSTEM, LogClosed
from ledger.notes import NoteWrong, SigningKey

SECONDS = 60.0


class Command(BaseCommand):
    help = "Announce in the log that another key signs from now on. Run with the old key in the settings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new", required=True, type=Path, metavar="FILE", help="the new key; made if it is not there"
        )
        parser.add_argument("--promises", action="store_true", help="the key that signs promises")
        parser.add_argument(
            "--lost",
            action="store_true",
            help="with --promises: the old one is lost, so the key of the log speaks",
        )
        parser.add_argument("--from", dest="signs_from", metavar="TIME", help="as 2027-01-01T00:00:00Z")

    def handle(
        self, *, new: Path, promises: bool, lost: bool, signs_from: str | None, **options: object
    ) -> None:
        setting = "LEDGER_PROMISE_KEY" if promises else "LEDGER_KEY"
        speaking = settings.LEDGER_PROMISE_KEY if promises and not lost else settings.LEDGER_KEY
        if lost and not promises:
            raise CommandError(
                "Nobody can speak for a lost key of the log: whoever could would be able to put another log "
                "in its place. End this log (manage.py close_log --reason key_lost --without-key), and begin "
                "another under another LEDGER_ORIGIN that names it: docs/ledger.md, “To change a key”."
            )
        if not speaking:
            raise CommandError(f"{setting} is not set, and the old key has to sign. Run this where it is.")
        old = SigningKey.parse(speaking)
        name = f"{settings.LEDGER_ORIGIN}/promises" if promises else settings.LEDGER_ORIGIN
        try:
            key = self._key(new, name)
            entry = rotation.announce(
                old, key, by=SYSTEM, office="system", signs_from=_seconds(signs_from) if signs_from else None
            )
            settled = settling.settle(entry, seconds=SECONDS)
        except (rotation.RotationRefused, LogClosed, checkpoints.Alarm) as refusal:
            raise CommandError(str(refusal)) from None
        if settled.checkpoint is None:
            raise CommandError(
                "It is announced, and no checkpoint covers the announcement yet. Start the sealer with the "
                "old key, and run this again."
            )
        replaced = SigningKey.parse(settings.LEDGER_PROMISE_KEY if promises else settings.LEDGER_KEY)
        public_half = "" if promises else ", and LEDGER_VKEY to the line above"
        witnesses = "" if promises else " Tell each witness the line above first: they know keys by name."
        self.stdout.write(
            f"Entry {settled.index} announces the new key, and the checkpoint of {settled.checkpoint.size} "
            f"entries covers it.\n\n{key.verifier.vkey}\n\nNow, everywhere:\n"
            f"  set {setting} to what {new} holds{public_half},\n"
            f"  add to LEDGER_OLD_VKEYS: {replaced.verifier.vkey}\n"
            f"and start sealer, web servers and workers again.{witnesses}"
        )

    def _key(self, file: Path, name: str) -> SigningKey:
        try:
            if not file.exists():
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "w", encoding="ascii") as made:
                    made.write(f"{SigningKey.generate(name).text}\n")
                    made.flush()
                    os.fsync(made.fileno())
            key = SigningKey.parse(file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"{file} cannot be read or written: {problem}") from None
        except NoteWrong as wrong:
            raise CommandError(f"{file} holds no key that signs: {wrong}") from None
        if key.verifier.name != name:
            raise CommandError(f"The key in {file} is of {key.verifier.name}, and not of {name}.")
        return key


def _seconds(written: str) -> int:
    at: datetime | None = None
    with suppress(ValueError):  # of a date that does not exist
        at = parse_datetime(written)
    if at is None or timezone.is_naive(at):
        raise CommandError("Write the time with its zone, as 2027-01-01T00:00:00Z.")
    return int(at.timestamp())
