"""For load balancers and people on call: is this process alive, and can it serve?"""

from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from claims.models import Category
from ledger.sealing import oldest_pending_age

SEALER_LATE_AFTER = timedelta(seconds=30)

_seen_true: set[str] = set()


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nothing else, so that a database outage does not restart web servers."""
    return HttpResponse("alive\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part is ready; otherwise 503 naming the first part that is not."""
    for part, ready in PARTS.items():
        try:
            if not ready():
                return JsonResponse({"ready": False, "not_ready": part}, status=503)
        except DatabaseError:
            return JsonResponse({"ready": False, "not_ready": "database"}, status=503)
    return JsonResponse({"ready": True})


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
    """Entries wait for their index for a moment only, unless the sealer is not running."""
    age = oldest_pending_age()
    return age is None or age < SEALER_LATE_AFTER


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
}
