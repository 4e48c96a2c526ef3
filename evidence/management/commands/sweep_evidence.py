"""`manage.py sweep_evidence`: remove what crashes left in the evidence storage. To be run once a day."""

from typing import Any

from django.core.management import BaseCommand

from evidence import uploads


class Command(BaseCommand):
    help = "Removes half-received and unreferenced files from the evidence storage, older than 24 hours."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{uploads.sweep()} left-over files removed")
