from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from claims import catalogue, mandates


class Command(BaseCommand):
    help = "Load the categories and places of the mandate folder (MANDATE). Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            folder = mandates.load_folder(settings.MANDATE_DIR)
            news = catalogue.load(folder)
            regions = {r.code for r in folder.mandate.regions}
            places = catalogue.load_places(settings.MANDATE_DIR / "places.csv", regions)
        except mandates.MandateError as error:
            raise CommandError(f"The mandate folder {settings.MANDATE_DIR} has a mistake. {error}") from None
        for line in news:
            self.stdout.write(f"Loaded category {line}")
        self.stdout.write(
            f"Mandate {folder.mandate.id}: {len(folder.categories)} categories, {places} places changed"
        )
