"""What the index of the staff area offers of this app. Nothing here is edited as a row: acts own it."""

from django.utils.translation import gettext_lazy as _

from accounts.admin_site import StaffPage, offer
from review import access

offer(
    StaffPage(
        title=_("Claims to review"),
        sentence=_("Take a claim, read it beside its evidence, propose, and confirm what others propose."),
        url_name="review:queue",
        permissions=(access.REVIEW,),
        in_header=True,
    )
)
offer(
    StaffPage(
        title=_("Batches"),
        sentence=_("Put confirmed claims together for the Board, and lay them before it."),
        url_name="review:batches",
        permissions=(access.PREPARE, access.SUBMIT),
        in_header=True,
    )
)
offer(
    StaffPage(
        title=_("Papers of the Board"),
        sentence=_("What was submitted to the Board, and what it decided."),
        url_name="review:board",
        permissions=(access.DECIDE, access.VIEW_BATCHES, access.PREPARE, access.SUBMIT),
        in_header=True,
    )
)
offer(
    StaffPage(
        title=_("Exact figures"),
        sentence=_("How many claims there are, to the last one, by state, category, region and month."),
        url_name="review:figures",
        permissions=(access.VIEW_FIGURES,),
    )
)
offer(
    StaffPage(
        title=_("People for sensitive categories"),
        sentence=_("Name who works on the claims of a sensitive category; to all others they do not exist."),
        url_name="review:clearances",
        permissions=(access.CLEAR,),
    )
)
offer(
    StaffPage(
        title=_("Erasing by law"),
        sentence=_("Propose to erase a part of a claim, or carry out what another person has proposed."),
        url_name="review:erasures",
        permissions=(access.PROPOSE_ERASURE, access.CARRY_OUT_ERASURE),
    )
)
