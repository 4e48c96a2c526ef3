"""Taking files out of a claim again."""

from claims.models.attachment import AttachmentQuerySet
from evidence import uploads
from ledger.log import Actor


def remove(attachments: AttachmentQuerySet, *, by: Actor) -> None:
    """Take out what was never sent; the receipts go too. The caller has locked the claim.

    In the order of their bytes, so that two removals do not wait for each other's."""
    found = list(attachments.unsent().select_related("evidence_file").order_by("evidence_file__blob_id"))
    for attachment in found:
        attachment.delete()
        uploads.remove(attachment.evidence_file, by=by)
