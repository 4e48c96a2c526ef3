from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from ledger.log import SYSTEM
from partners import agreements


class Command(BaseCommand):
    help = "Replace the terms of a partner's agreement by those of a TOML file (docs/api.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the organisation")
        parser.add_argument("agreement", type=Path, help="the file")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            partner = agreements.get(options["name"])
            version = agreements.change(partner, agreements.of_file(options["agreement"]), by=SYSTEM)
        except agreements.Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{partner.name}: version {version.number} of the agreement is in force.")
