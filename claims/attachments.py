"""Taking files out of a claim again, and which cannot be sent with it."""

from django.db import connection

from claims.models import Claim, InformationRequest
from claims.models.attachment import AttachmentQuerySet
from evidence import uploads
from ledger.log import Actor

# In plain SQL, since each submission asks it.
INFECTED = """
    SELECT file.name
    FROM claims_attachment AS attachment
    JOIN evidence_evidencefile AS file ON file.id = attachment.evidence_file_id
    WHERE attachment.claim_id = %s AND attachment.request_id IS NOT DISTINCT FROM %s
      AND file.scan_state = 'infected'
      AND NOT EXISTS (
          SELECT FROM claims_claimversion AS version
          WHERE version.claim_id = attachment.claim_id AND strpos(version.evidence, file.public_id::text) > 0
      )
    ORDER BY attachment.id LIMIT 1
"""


def infected(claim: Claim, *, request: InformationRequest | None = None) -> str:
    """The name of a file not sent yet, in the draft or in the answer to this request, in which malware was
    found; "" if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(INFECTED, [claim.pk, request.pk if request else None])
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def remove(attachments: AttachmentQuerySet, *, by: Actor) -> None:
    """Take out what was never sent; the receipts go too. The caller has locked the claim.

    In the order of their bytes, so that two removals do not wait for each other's."""
    found = list(attachments.unsent().select_related("evidence_file").order_by("evidence_file__blob_id"))
    for attachment in found:
        attachment.delete()
        uploads.remove(attachment.evidence_file, by=by)
