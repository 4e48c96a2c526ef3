"""`manage.py verify_register`: does everything that we keep fit what the ledger tells and what was signed?"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from claims import verifying
from claims.verifying import Wanted
from ledger import verify
from ledger.verifying import Progress

TELL_EVERY = 5.0  # seconds


class Command(BaseCommand):
    help = (
        "Hold every table that the ledger covers against the ledger, the ledger against its tree, the tree "
        "against what was signed. Names each row that disagrees, one a line; progress goes to stderr. Exit "
        "status 0: everything agrees, 1: something does not, 2: it could not be looked at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        evidence = parser.add_mutually_exclusive_group()
        evidence.add_argument("--evidence", action="store_true", help="read every stored file too")
        evidence.add_argument(
            "--sample", type=int, metavar="N", default=0, help="read N files taken by chance"
        )
        parser.add_argument("--promise", type=Path, nargs="+", default=[], metavar="FILE", help="handed in")
        parser.add_argument("--keys", type=Path, metavar="FILE", help="of former witnesses, one a line")
        parser.add_argument(
            "--resume", type=Path, metavar="FILE", help="keep there how far it has come; go on"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["resume"]
        try:
            wanted = Wanted(
                files=None if options["evidence"] else options["sample"],
                promises=[(file.name, _promise(file)) for file in options["promise"]],
                former=verify.read_keys(options["keys"]) if options["keys"] else (),
            )
            progress = _read(path) if path else Progress()
        except verify.CannotTell as problem:
            raise CommandError(str(problem), returncode=2) from None
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}", returncode=2) from None
        told_at, stage = 0.0, ""
        for step in verifying.verify(wanted, progress):
            for finding in step.findings:
                self.stdout.write(str(finding))
            self.stdout.flush()
            if path:
                _keep(path, progress)
            if step.stage != stage or time.monotonic() - told_at > TELL_EVERY:
                told_at, stage = time.monotonic(), step.stage
                self.stderr.write(f"{step.stage}: {step.done} of {step.total}" if step.total else step.stage)
        if path:
            path.unlink(missing_ok=True)
        if not options["evidence"]:
            self.stderr.write(f"Stored files that were read: {options['sample']}. --evidence reads all.")
        if not settings.LEDGER_TSA_ROOTS:
            self.stderr.write("Stamps of time were not verified: LEDGER_TSA_ROOTS is not set.")
        if progress.findings:
            self.stderr.write(f"{progress.findings} rows disagree.")
            sys.exit(1)
        self.stderr.write("Everything agrees.")


def _promise(file: Path) -> str:
    """The note itself, or the one in a receipt."""
    text = verify.read_text(file)
    if text.lstrip().startswith("{"):
        return verify.Receipt.read(verify.parse_json(text, file.name)).promise or ""
    return text


def _read(path: Path) -> Progress:
    if not path.exists():
        return Progress()
    try:
        return Progress(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise verify.CannotTell(f"{path.name} does not say how far a verification has come.") from None


def _keep(path: Path, progress: Progress) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(progress.as_dict()))
    draft.replace(path)
