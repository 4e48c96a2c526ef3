"""`manage.py export_ledger DIR`: the whole log in files, for auditors."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger import export


class Command(BaseCommand):
    help = (
        "Write the log into a folder: checkpoint, tiles, and all entries with their salts (for auditors "
        "alone). Run again it goes on. Check it with: python -m ledger.verify export DIR --keys FILE"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        def report(done: int, of: int) -> None:
            self.stderr.write(f"{done} of {of} entries")

        try:
            checkpoint = export.export(options["folder"], report=report)
        except export.Refused as refusal:
            raise CommandError(str(refusal)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or options['folder']}: {error.strerror}") from None
        self.stdout.write(f"{checkpoint.size} entries of {checkpoint.origin} are in {options['folder']}.")
