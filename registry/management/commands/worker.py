from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ledger.running import Turns
from registry import metrics, working


class Command(BaseCommand):
    help = "Send notices, write the Board's decisions into claims, keep the house in order; until SIGTERM."

    def handle(self, **options: object) -> None:
        turns = Turns(settings.HEARTBEAT_FILE)
        if settings.METRICS_PORT:
            try:
                metrics.serve(settings.METRICS_HOST, settings.METRICS_PORT)
            except OSError as problem:
                raise CommandError(
                    f"METRICS_PORT {settings.METRICS_PORT} cannot be used on {settings.METRICS_HOST} "
                    f"({problem.strerror}). Choose another one, or stop what uses it."
                ) from None
        working.run(turns)
