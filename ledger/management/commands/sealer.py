from django.conf import settings
from django.core.management.base import BaseCommand

from ledger import sealing
from ledger.running import Turns


class Command(BaseCommand):
    help = "Seal ledger entries as they are committed, until SIGTERM or Ctrl-C."

    def handle(self, **options: object) -> None:
        sealing.run(Turns(settings.HEARTBEAT_FILE))
