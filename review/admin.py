"""What the index of the staff area offers of this app. Its pages are its own: nothing here is edited as a row."""

from django.utils.translation import gettext_lazy as _

from accounts.admin_site import StaffPage, offer
from review import access

offer(
    StaffPage(
        title=_("Claims to review"),
        sentence=_("Take a claim, read it beside its evidence, propose, and confirm what others propose."),
        url_name="review:queue",
        permission=access.REVIEW,
        in_header=True,
    )
)
