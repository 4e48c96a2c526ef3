"""The letters that a demo has sent, readable in the browser. Outside the demo these pages do not exist."""

import email
import email.policy
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

SHOWN = 100
# What Django's file backend writes between the letters of one connection.
_BETWEEN = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True)
class Letter:
    name: str
    subject: str
    sender: str
    recipients: str
    sent_at: datetime | None
    body: str


@never_cache
@require_safe
def messages(request: HttpRequest) -> HttpResponse:
    return render(request, "registry/demo_mail.html", {"letters": letters(_folder())[:SHOWN]})


@never_cache
@require_safe
def message(request: HttpRequest, name: str) -> HttpResponse:
    found = [letter for letter in letters(_folder()) if letter.name == name]
    if not found:
        raise Http404
    return render(request, "registry/demo_mail_message.html", {"letter": found[0]})


def letters(folder: Path) -> list[Letter]:
    """Newest first."""
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    return [letter for file in files for letter in reversed(_letters_in(file))]


def _folder() -> Path:
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if not settings.DEMO or folder is None:
        raise Http404
    return Path(folder)


def _letters_in(file: Path) -> list[Letter]:
    parts = [part.strip() for part in file.read_bytes().split(_BETWEEN)]
    return [_letter(f"{file.stem}-{number}", part) for number, part in enumerate(parts) if part]


def _letter(name: str, raw: bytes) -> Letter:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)  # noqa: S101 -- the policy says so
    body = parsed.get_body(preferencelist=("plain",))
    return Letter(
        name=name,
        subject=str(parsed["Subject"] or ""),
        sender=str(parsed["From"] or ""),
        recipients=str(parsed["To"] or ""),
        sent_at=parsedate_to_datetime(str(parsed["Date"])).replace(tzinfo=UTC) if parsed["Date"] else None,
        body=body.get_content() if body else "",
    )
