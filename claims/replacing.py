"""Claimants are asked to replace a file in which malware was found: this follows what scanning finds."""

from uuid import UUID

from claims import lifecycle, story
from claims.models import Attachment, Claim, State
from evidence import scanning
from ledger.log import SYSTEM, LogClosed

OFFICE = "system"


def ask_for_replacements() -> int:
    """The worker's task. Answers how many files it was told of.

    A file that was not sent yet shows its state on the claimant's page, and is not taken when they submit. A
    claim under review or decided stays as it is: whoever works on it reads the state beside the file.
    """
    return scanning.tell(_ask)


def _ask(files: list[int]) -> None:
    holding = Claim.objects.filter(attachments__evidence_file__in=files).distinct()
    for claim in holding.order_by("pk"):
        # Looked at under the lock: they may be submitting it just now.
        locked = lifecycle.lock(claim)
        if locked.state not in (State.SUBMITTED, State.NEEDS_FIXING):
            continue
        sent = Attachment.objects.filter(claim=locked, evidence_file__in=files).filed()
        found = list(sent.order_by("pk").values_list("evidence_file__public_id", flat=True))
        if not found:
            continue
        asked = story.of(locked, []).files_to_replace if locked.state == State.NEEDS_FIXING else []
        all_of_them = dict.fromkeys([*map(UUID, asked), *found])
        try:
            lifecycle.ask_to_replace_file(locked, by=SYSTEM, office=OFFICE, files=list(all_of_them))
        except LogClosed:  # nothing can be asked any more; the state stands beside the file
            return
