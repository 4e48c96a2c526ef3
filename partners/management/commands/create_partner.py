from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from django.db import transaction

from ledger.log import SYSTEM
from partners import agreements, scopes
from partners.models import Partner


class Command(BaseCommand):
    help = (
        "Create a partner and its credentials, and print them: this once, since the secret is kept hashed. "
        f"Scopes: {', '.join(scopes.SENTENCES)}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the organisation")
        parser.add_argument("--scopes", default="", help='separated by spaces or commas, like "claims:read"')
        parser.add_argument(
            "--agreement",
            type=Path,
            help="a TOML file with the terms (docs/api.md); without it, the demo agreement: recorded claims",
        )
        parser.add_argument(
            "--add", action="store_true", help="further credentials for a partner that exists; nothing else"
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["scopes"].replace(",", " ").split()
        try:
            with transaction.atomic():
                partner = self._known(options) if options["add"] else self._new(options)
                client_id, client_secret = agreements.add_application(partner, scopes=wanted, by=SYSTEM)
        except agreements.Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"client_id: {client_id}")
        self.stdout.write(f"client_secret: {client_secret}")

    def _new(self, options: dict[str, Any]) -> Partner:
        if agreements.named(options["name"]).exists():
            raise CommandError(
                f"There is a partner of the name “{options['name']}” already. Give it further credentials "
                "with --add, or change its terms with `manage.py change_agreement`."
            )
        path = options["agreement"]
        terms = agreements.of_file(path) if path else agreements.DEMO_TERMS
        return agreements.create(options["name"], terms=terms, by=SYSTEM)

    def _known(self, options: dict[str, Any]) -> Partner:
        if options["agreement"]:
            raise CommandError(
                "--add gives credentials only. Change terms with `manage.py change_agreement`."
            )
        return agreements.get(options["name"])
