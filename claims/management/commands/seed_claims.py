from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from claims import seeding

BAR = 40


class Command(BaseCommand):
    help = (
        "Make up claims in every state, for demonstrations and measurements. The same seed makes the same "
        "claims; run again, it writes those that are missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, required=True, help="how many claims there shall be")
        parser.add_argument("--seed", type=int, default=1, help="another one makes other claims beside these")
        parser.add_argument(
            "--processes", type=int, help="how many write at a time (default: one more than cores)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        count = options["count"]
        if not settings.LOCAL:
            raise CommandError(
                "Made-up claims are written into the embedded database of `make run` alone, or with "
                "REGISTRY_DEMO=1: never among claims of real people."
            )
        if count < 1:
            raise CommandError("--count must be at least 1.")
        self._shown = -1

        def report(done: int) -> None:
            percent = 100 * done // count
            if not self.stdout.isatty():
                if percent // 10 > self._shown // 10:
                    self.stdout.write(f"{done} of {count}")
            elif percent > self._shown:
                filled = BAR * done // count
                end = "\n" if done >= count else ""
                self.stdout.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done} of {count}", ending=end)
                self.stdout.flush()
            self._shown = percent

        try:
            written = seeding.seed(count, options["seed"], report=report, processes=options["processes"])
        except seeding.NothingToSeed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{written} claims written, {count - written} were there already.")
