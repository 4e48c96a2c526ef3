"""What an application of a partner may be allowed to do. What it then sees, the agreement says."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CLAIMS_READ = "claims:read"
EVIDENCE_READ = "evidence:read"
LEDGER_READ = "ledger:read"

SENTENCES: Mapping[str, str | Promise] = {
    CLAIMS_READ: _("Read the claims that the agreement covers and follow their changes."),
    EVIDENCE_READ: _("Fetch the evidence of those claims, where the agreement includes evidence."),
    LEDGER_READ: _("Read the entries of the ledger about those claims, to check the log with them."),
}
