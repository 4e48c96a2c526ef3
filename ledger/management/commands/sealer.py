import signal

from django.core.management.base import BaseCommand

from ledger import sealing


class Command(BaseCommand):
    help = "Seal ledger entries as they are committed, until SIGTERM or Ctrl-C."

    def handle(self, **options: object) -> None:
        self.stopped = False
        for signalled in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signalled, self.stop)
        sealing.run(lambda: self.stopped)

    def stop(self, *_: object) -> None:
        self.stopped = True
