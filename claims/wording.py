"""The sections of a claim in words, for whoever grants them, erases them, or reads that they are gone."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SECTIONS: Mapping[str, Promise] = {
    "core": _("the frame of the claim: mandate, declaration, signature"),
    "claimant": _("who claims"),
    "contact": _("how to reach the claimant"),
    "identifiers": _("tax and document numbers"),
    "representative": _("who acts for the claimant"),
    "persons": _("other people whom the claim is about"),
    "place": _("where it happened"),
    "loss": _("what was lost"),
    "account": _("the claimant’s own account"),
    "sensitive": _("sensitive answers"),
    "answers": _("all other answers"),
    "evidence": _("the list of the evidence"),
}
