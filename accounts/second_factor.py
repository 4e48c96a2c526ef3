"""Whether the person at the other end proved more than a password."""

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.http import HttpRequest


def is_set_up(request: HttpRequest) -> bool:
    """Whether this person has an app that shows codes."""
    return Authenticator.objects.filter(user_id=request.user.pk, type=Authenticator.Type.TOTP).exists()


def was_used(request: HttpRequest) -> bool:
    """Whether a code was given in this session, by a factor that the person still has."""
    records = get_authentication_records(request, request.user)
    used = [record["id"] for record in records if record["method"] == "mfa"]
    return bool(used) and Authenticator.objects.filter(pk__in=used, user_id=request.user.pk).exists()
