import signal

from django.core.management.base import BaseCommand

from registry import working


class Command(BaseCommand):
    help = "Send notices, write the Board's decisions into claims, keep the house in order; until SIGTERM."

    def handle(self, **options: object) -> None:
        self.stopped = False
        for signalled in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signalled, self.stop)
        working.run(lambda: self.stopped)

    def stop(self, *_: object) -> None:
        self.stopped = True
