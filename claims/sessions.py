"""What waits in sessions: answers typed when somebody was signed out (claims.views.held)."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from claims.models import Claim

HELD = "held_answers"
HELD_SECONDS = 3600


def forget(claim: Claim) -> None:
    """End every session in which something that was typed about this claim waits: it lasts an hour at most,
    so those that last longer need not be opened."""
    soon = timezone.now() + timedelta(seconds=HELD_SECONDS)
    for session in Session.objects.filter(expire_date__lte=soon).iterator():
        held = session.get_decoded().get(HELD)
        if held and str(claim.public_id) in held["path"]:
            session.delete()
