"""`manage.py sweep_evidence`: stored files that no row of the database names. It destroys nothing."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from evidence import uploads


class Command(BaseCommand):
    help = "Counts the files in the evidence storage, older than 24 hours, that this database does not know."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--delete",
            action="store_true",
            help="move them to set-aside/<today>/ in the evidence folder, for you to look at and remove",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = uploads.sweep_orphans(set_aside=options["delete"])
        except uploads.ForeignStorage as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"Stored files that this database does not know: {found}")
        if found and options["delete"]:
            self.stdout.write(f"They were moved to {settings.EVIDENCE_DIR / 'set-aside'}")
