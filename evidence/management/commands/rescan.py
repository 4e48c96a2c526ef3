"""`manage.py rescan`: what was received since a day is scanned for malware once more, by newer signatures."""

from datetime import UTC, datetime
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from evidence import scanning


class Command(BaseCommand):
    help = "Puts files into the queue of the scanner once more, behind those that it has not met yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", required=True, metavar="DAY", help="the day (2026-03-07, UTC) since they were received"
        )
        parser.add_argument("--at-most", type=int, default=100_000, metavar="N", help="so many at one time")
        parser.add_argument("--below", type=int, metavar="KEY", help="go on where an earlier run says")

    def handle(self, *args: Any, **options: Any) -> None:
        if not scanning.is_on():
            raise CommandError("CLAMD_URL is not set: nothing is scanned here.")
        if options["at_most"] < 1:
            raise CommandError("--at-most must be at least 1.")
        try:
            since = datetime.fromisoformat(options["since"])
        except ValueError:
            raise CommandError("--since is a day, like 2026-03-07.") from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        queued, below = scanning.rescan(since=since, at_most=options["at_most"], below=options["below"])
        self.stdout.write(f"Files that wait to be scanned again: {queued}")
        if below is not None:
            self.stdout.write(
                f"There may be older ones. When these are done: --since {options['since']} --below {below}"
            )
