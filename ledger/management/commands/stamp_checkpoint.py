from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ledger import stamping


class Command(BaseCommand):
    help = (
        "Have the newest checkpoint stamped now, to try LEDGER_TSA_URL. Otherwise the worker does it daily."
    )

    def handle(self, **options: object) -> None:
        if not settings.LEDGER_TSA_URL:
            raise CommandError(
                "LEDGER_TSA_URL is not set: checkpoints get no outside time. docs/operations.md."
            )
        try:
            stamp = stamping.stamp_newest()
        except stamping.NotStamped as problem:
            raise CommandError(str(problem)) from None
        if stamp is None:
            self.stdout.write("All that is published is stamped already.")
            return
        self.stdout.write(
            f"The checkpoint of {stamp.checkpoint.size} entries is stamped: "
            f"{stamp.stamped_at:%Y-%m-%d %H:%M:%S} UTC, good until {stamp.good_until:%Y-%m-%d}."
        )
