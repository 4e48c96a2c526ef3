"""Who may see a claim, changed after it was submitted: each change is a ledger entry (rules.md 11)."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from claims import entries, indexing, lifecycle, mandates
from claims.models import Claim, Consent, Draft
from ledger import log


@transaction.atomic
def change(claim: Claim, choices: Mapping[str, bool], *, notice: str, by: User) -> bool:
    """Choose anew for every purpose, under this version of the privacy notice; whether anything changed.
    Raises lifecycle.TextsChanged if the notice was changed since it was shown."""
    claim = lifecycle.lock(claim)
    mandate = mandates.current()
    if notice != mandate.privacy_notice.version:
        raise lifecycle.TextsChanged(
            _("The privacy notice was changed in the meantime. Please read it again.")
        )
    chosen = {c.id: choices.get(c.id) is True for c in mandate.consents}
    given = {c.purpose: c.notice_version for c in Consent.objects.filter(claim=claim).newest() if c.given}
    if given == {purpose: notice for purpose, yes in chosen.items() if yes}:
        return False
    at = timezone.now()
    indexing.write_choices(claim, chosen, notice=notice, by=by, at=at)
    for draft in Draft.objects.filter(
        claim=claim
    ):  # changes that were begun: or sending them would undo this
        draft.consents = {"notice": notice, "choices": chosen}
        draft.pages = [*draft.pages, *({"consents"} - set(draft.pages))]
        draft.save(update_fields=["consents", "pages"])
    log.append(
        entries.CONSENTS_CHANGED,
        by=by.actor,
        office=Role.CLAIMANT,
        at=at,
        claim=claim.public_id,
        before=claim.standing,
        after=claim.standing,
        facts={"privacy_notice": notice, "consents": chosen},
    )
    return True
