from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from claims import figures, statistics


class Command(BaseCommand):
    help = "Publish this week's figures now, instead of waiting for the worker to do it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--again", action="store_true", help="in a demonstration: although this week's figures stand"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["again"] and not settings.LOCAL:
            raise CommandError(
                "Figures change once a week, so that nobody can tell single claims from the difference: "
                "--again is for demonstrations alone (the embedded database, or REGISTRY_DEMO=1)."
            )
        statistics.catch_up()
        try:
            made = figures.publish(again=options["again"])
        except figures.AlreadyPublished as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"Published, as of entry {made.ledger_index} of the ledger.")
