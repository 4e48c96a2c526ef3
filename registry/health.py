"""For load balancers and people on call: is this process alive, and can it serve?"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from claims.models import Category
from evidence import scanning, storage
from evidence.models import Blob
from ledger import checkpoints, closing
from ledger.sealing import oldest_pending_age

SEALER_LATE_AFTER = timedelta(seconds=30)
SCANS_LATE_AFTER = timedelta(minutes=30)

_seen_true: set[str] = set()


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nothing else, so that a database outage does not restart web servers."""
    return HttpResponse("alive\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part is ready; otherwise 503, and `not_ready` names the first part that is not. A part
    is null in `parts` if it could not be asked because the database is away. A register whose log is closed
    is ready to be read, and says `"closed": true`. `scanning` is beside that: files are taken without it."""
    parts: dict[str, bool | None] = {}
    for part, ready in PARTS.items():
        try:
            unasked = part in NEED_DATABASE and not parts["database"]
            parts[part] = None if unasked else ready()
        except DatabaseError:
            parts |= {part: None, "database": False}
        except OSError:
            parts[part] = False
    waiting = [part for part, ready in parts.items() if ready is False]
    answer: dict[str, Any] = {"ready": not waiting, "parts": parts}
    if parts["database"] and parts["migrations"] and closing.is_closed():
        answer["closed"] = True
    if parts["database"] and parts["migrations"]:
        answer["scanning"] = scanning_is()
    if waiting:
        answer["not_ready"] = waiting[0]
    return JsonResponse(answer, status=503 if waiting else 200)


def database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def migrations() -> bool:
    """Whether all of this code's migrations are applied. Once true it stays true for this process."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def mandate() -> bool:
    return Category.objects.exists()


def sealer() -> bool:
    """Entries wait for their index for a moment only, unless the sealer is not running, or has stopped
    because the log does not fit what was signed of it."""
    age = oldest_pending_age()
    return (age is None or age < SEALER_LATE_AFTER) and not checkpoints.alarm()


def keys() -> bool:
    """Whether REGISTRY_KEYS opens the newest evidence: wrong keys would pass for right until one reads."""
    newest = Blob.objects.order_by("-id").first()
    return newest is None or storage.can_open(newest.wrapped_key, sha256=newest.sha256)


def evidence() -> bool:
    settings.EVIDENCE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.access(settings.EVIDENCE_DIR, os.R_OK | os.W_OK | os.X_OK)


def scanning_is() -> str:
    """ "off": nothing is scanned for malware (CLAMD_URL). "late": files wait too long for it."""
    if not scanning.is_on():
        return "off"
    since = scanning.oldest_since()
    return "late" if since and timezone.now() - since > SCANS_LATE_AFTER else "on"


def once(ready: Callable[[], bool]) -> Callable[[], bool]:
    """Asks until the answer is yes, then remembers it."""

    def remembered() -> bool:
        if ready.__name__ not in _seen_true and ready():
            _seen_true.add(ready.__name__)
        return ready.__name__ in _seen_true

    return remembered


PARTS: dict[str, Callable[[], bool]] = {
    "database": database,
    "migrations": once(migrations),
    "mandate": once(mandate),
    "sealer": sealer,
    "keys": once(keys),
    "evidence": evidence,
}
NEED_DATABASE = frozenset(PARTS) - {"database", "evidence"}
