"""An account begins when its address is confirmed; one that never is, goes."""

from contextlib import suppress
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from accounts.models import User

CONFIRM_WITHIN = timedelta(days=7)


def remove_unconfirmed(*, older_than: timedelta = CONFIRM_WITHIN) -> int:
    """Delete accounts that joined longer ago and were never confirmed, and say how many.

    The address may be another person's. An account that anything refers to stays.
    """
    removed = 0
    for user in User.objects.never_confirmed(before=timezone.now() - older_than):
        with suppress(ProtectedError), transaction.atomic():
            addresses = EmailAddress.objects.select_for_update().filter(user=user)
            if not any(address.verified for address in addresses):  # it may have been confirmed just now
                user.delete()
                removed += 1
    return removed
