"""Answering what a reviewer asked, until the answer is sent by lifecycle.answer_request."""

import hashlib

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from claims import filing, lifecycle
from claims.models import Attachment, InformationRequest
from evidence import uploads


@transaction.atomic
def save_reply(request: InformationRequest, text: str, *, seen: str | None = None) -> str:
    """Keep what was typed so far; answers what is kept now. Raises lifecycle.NothingToAnswer.

    `seen` is the fingerprint of the reply as it was shown: if another device has written since, an empty box
    takes nothing back.
    """
    _claim, request = lifecycle.open_request(request)
    is_stale = seen is not None and seen != fingerprint(request.reply)
    if text or not is_stale:
        request.reply = text
        request.save(update_fields=["reply"])
    return request.reply


def fingerprint(reply: str) -> str:
    return hashlib.sha256(reply.encode()).hexdigest()


@transaction.atomic
def attach(request: InformationRequest, incoming: uploads.Incoming, *, by: User) -> Attachment:
    """Keep a received file with the answer; one that it has already is kept once.

    Raises lifecycle.NothingToAnswer, filing.TooMany or evidence.uploads.Refused."""
    claim, request = lifecycle.open_request(request)
    return filing.receive(claim, incoming, by=by, request=request)


@transaction.atomic
def detach(attachment: Attachment, *, by: User) -> None:
    """Take a file out of an answer that was not sent, even if the request was closed since. Raises
    lifecycle.NothingToAnswer."""
    if attachment.request is None:
        raise ValueError("This file belongs to no answer.")
    lifecycle.lock(attachment.claim)
    if not Attachment.objects.unsent().filter(pk=attachment.pk).exists():
        raise lifecycle.NothingToAnswer(_("This file was sent to us with your answer, or is gone already."))
    attachment.delete()
    uploads.remove(attachment.evidence_file, by=by.actor)
