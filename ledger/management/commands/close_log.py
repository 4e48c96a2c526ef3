from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from ledger import checkpoints, closing, sealing, settling
from ledger.log import SYSTEM, FactsRefused

SECONDS = 60.0


class Command(BaseCommand):
    help = "End the log for good: one last entry, one last checkpoint. Nothing is taken in after that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, choices=closing.REASONS)
        parser.add_argument("--successor", metavar="ORIGIN", help="the log that goes on in place of this one")
        parser.add_argument(
            "--without-key",
            action="store_true",
            help="the key is lost: end the log although nobody can sign its last entries",
        )
        parser.add_argument(
            "--for-good", action="store_true", help="really do it; otherwise only say what would be done"
        )

    def handle(
        self, *, reason: str, successor: str | None, without_key: bool, for_good: bool, **options: object
    ) -> None:
        if closing.OWNER not in connections:
            raise CommandError("Set DATABASE_OWNER_URL: the role that owns the tables ends the log.")
        if not (settings.LEDGER_KEY or without_key or closing.is_closed()):
            self.stderr.write("LEDGER_KEY is not set here: the sealer has to be running, to sign the end.")
        if not for_good:
            self.stdout.write(
                f"The log {settings.LEDGER_ORIGIN} would end. No claim could be filed, changed or decided "
                "ever again; reading would go on. Say --for-good if that is what you want."
            )
            return
        if closing.is_closed():
            entry = closing.last_entry()
            if entry is None:
                raise CommandError("The log is closed, and its last entry is missing. Run verify_register.")
            self.stdout.write("The log was closed before.")
        else:
            try:
                entry = closing.close(by=SYSTEM, office="system", reason=reason, successor=successor)
            except (closing.NotClosed, FactsRefused) as refusal:
                raise CommandError(str(refusal)) from None
            self.stdout.write("The log is closed: it takes no entry any more.")
        if without_key:
            while sealing.seal():
                pass
            settled = settling.how_far(entry)
        else:
            try:
                settled = settling.settle(entry, seconds=SECONDS)
            except checkpoints.Alarm as alarm:
                raise CommandError(f"Its last checkpoint is not signed: {alarm}") from None
        if settled.checkpoint is not None:
            self.stdout.write(
                f"Its last checkpoint, which covers all {settled.checkpoint.size} entries. Give it to "
                f"everybody who may ever ask:\n\n{settled.checkpoint.note}"
            )
            return
        if not without_key:
            raise CommandError(
                "Its last checkpoint is not signed yet. Start the sealer and run this again; if the key is "
                "lost, run this again with --without-key."
            )
        signed = checkpoints.published_size()
        self.stdout.write(
            f"Nobody has signed its end: the newest checkpoint covers {signed} entries, and of those after "
            f"it, {signed} to {settled.index}, there is no proof but the promises that were given."
        )
