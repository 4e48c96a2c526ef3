"""A partner's pull of everything, beside the least that it can cost and beside what is usual.

Three readers of the same claims with the same four sections, in turns:
- NDJSON over HTTP from the server of `make run`, with a partner's token;
- the same composed SELECT as one COPY into a client on this machine, which drops what it gets;
- a Django REST framework ModelSerializer behind PageNumberPagination, 100 a page, in the same server. Its
  claims have no salts and their sections are strings as stored, which spares it work. It is asked for pages
  that lie evenly over the whole, because those at the end are dearer.
"""

import http.client
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.db import connection, connections

from benchmarks import ground

CLAIMS = 100_000
SEED = 4
ROUNDS = 5
PAGE = 100
PAGES = 60  # that the pages' reader asks for in a round
SECTIONS = ("core", "claimant", "place", "loss")
LEAST_OF_COPY = 0.75
LEAST_OF_PAGES = 20.0
BUFFER = 1024 * 1024

urlpatterns: list[Any] = []  # of the pages' server alone


def main() -> list[str]:
    """Lines for results.md."""
    with ground.database():
        from claims import seeding  # noqa: PLC0415 - Django is set up by ground.database

        seeding.seed(CLAIMS, SEED)
        with connections["owner"].cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        credentials = _credentials()
        with (
            _server("registry.wsgi", "/healthz") as ours,
            _server("benchmarks.pull:pages()", "/claims") as theirs,
        ):
            token = _token(ours, *credentials)
            _copy()  # the server has not read these claims yet
            rounds = [(_pull(ours, token), _copy(), _pages(theirs)) for _round in range(ROUNDS)]
    pulled, copied, paged = (statistics.median(rate) for rate in zip(*rounds, strict=True))
    of_copy = statistics.median(pull / copy for pull, copy, _page in rounds)
    of_pages = statistics.median(pull / page for pull, _copy, page in rounds)
    return [
        "| NDJSON over HTTP, claims/s | COPY of the same SELECT | ratio | ModelSerializer, pages | times |",
        "|---|---|---|---|---|",
        f"| {pulled:,.0f} | {copied:,.0f} | {of_copy:.2f} | {paged:,.0f} | {of_pages:.0f} |",
        "",
        f"At least {LEAST_OF_COPY:.0%} of COPY: {_holds(of_copy >= LEAST_OF_COPY)} ({of_copy:.0%}). "
        f"At least {LEAST_OF_PAGES:.0f} times the pages: {_holds(of_pages >= LEAST_OF_PAGES)} "
        f"({of_pages:.0f} times).",
    ]


def _holds(it_does: bool) -> str:
    return "holds" if it_does else "does NOT hold"


def _credentials() -> tuple[str, str]:
    from ledger.log import SYSTEM  # noqa: PLC0415
    from partners import agreements, scopes  # noqa: PLC0415

    partner = agreements.create("Bench", terms=_terms(), by=SYSTEM)
    return agreements.add_application(partner, scopes=[scopes.CLAIMS_READ], by=SYSTEM)


def _terms() -> Any:
    from partners.agreements import OPEN_STATES, Terms  # noqa: PLC0415

    return Terms(categories=None, regions=None, states=OPEN_STATES, sections=SECTIONS)


# --- The three readers: claims a second ---


def _pull(port: int, token: str) -> float:
    headers = {"Accept": "application/x-ndjson", "Authorization": f"Bearer {token}"}
    start = time.perf_counter()
    answer = _ask(port, "GET", "/api/v1/claims?end=1", headers=headers)
    buffer = memoryview(bytearray(BUFFER))
    end = b""
    while size := answer.readinto(buffer):
        end = (end + bytes(buffer[max(0, size - 80) : size]))[-80:]
    took = time.perf_counter() - start
    return int(json.loads(end.splitlines()[-1])["count"]) / took


def _copy() -> float:
    from partners import feed  # noqa: PLC0415

    terms = _terms()
    select = feed._SELECT.format(columns=feed._claim(terms), where=feed._WITHIN)
    everything = {**feed._covered(terms), "after": "", "upto": "Z", "limit": None}
    connection.ensure_connection()
    rows = -1  # the last message is the end of the format
    start = time.perf_counter()
    command = f"COPY ({select}) TO STDOUT (FORMAT binary)"
    with connection.connection.cursor() as cursor, cursor.copy(command, everything) as copy:
        while copy.read():
            rows += 1
    return rows / (time.perf_counter() - start)


def _pages(port: int) -> float:
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def page(number: int) -> Any:
        kept.request("GET", f"/claims?page={number}")
        return json.loads(_whole(kept.getresponse()))

    last = page(1)["count"] // PAGE
    start = time.perf_counter()
    claims = sum(len(page(1 + n * last // PAGES)["results"]) for n in range(PAGES))
    return claims / (time.perf_counter() - start)


def _ask(port: int, method: str, path: str, body: str | None = None, **how: Any) -> http.client.HTTPResponse:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asked.request(method, path, body, **how)
    return asked.getresponse()


def _whole(answer: http.client.HTTPResponse) -> bytes:
    body = answer.read()
    assert answer.status == 200, body
    return body


def _token(port: int, client_id: str, client_secret: str) -> str:
    form = {
        "grant_type": "client_credentials",
        "scope": "claims:read",
        "client_id": client_id,
        "client_secret": client_secret,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = _ask(port, "POST", "/api/v1/oauth/token", urlencode(form), headers=headers)
    return str(json.loads(_whole(answer))["access_token"])


# --- The servers ---


@contextmanager
def _server(application: str, path: str) -> Iterator[int]:
    """The web server as `make run` starts it, with this application. Gives its port once it answers."""
    from registry import children, embedded_postgres, launch  # noqa: PLC0415

    port, data_dir = embedded_postgres.free_port(), Path(os.environ["REGISTRY_DATA_DIR"])
    (data_dir / "static").mkdir(exist_ok=True)
    command = launch.commands(port, data_dir)["web server"]
    command = [application if word == "registry.wsgi" else word for word in command]
    process = children.spawn(command, env=os.environ | {"REGISTRY_DEMO": "1"}, cwd=launch.env.BASE_DIR)
    try:
        _wait(port, path)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, path: str) -> None:
    for _try in range(300):
        try:
            return _ask(port, "GET", path).close()
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"no server on port {port}")


def pages() -> Callable[..., Any]:
    """The other server's application: what Django REST framework gives when one asks for no more."""
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    application = get_wsgi_application()

    from django.conf import settings  # noqa: PLC0415
    from django.db.models import F, Prefetch  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from rest_framework import generics, pagination, serializers  # noqa: PLC0415

    from claims.models import Claim, ClaimVersion, Outcome  # noqa: PLC0415

    class VersionSerializer(serializers.ModelSerializer):
        class Meta:
            model = ClaimVersion
            fields = ("number", "digest", "made_at", "assurance", "signature", "manifest", *SECTIONS)

    class OutcomeSerializer(serializers.ModelSerializer):
        class Meta:
            model = Outcome
            fields = ("outcome", "rule", "decided_on", "reason", "digest")

    class ClaimSerializer(serializers.ModelSerializer):
        category = serializers.CharField(source="category.code")
        category_version = serializers.IntegerField(source="category_version.version")
        versions = VersionSerializer(many=True, read_only=True)
        outcomes = OutcomeSerializer(many=True, read_only=True)

        class Meta:
            model = Claim
            fields = (
                "number",
                "category",
                "category_version",
                "claimant_kind",
                "region",
                "state",
                "submitted_at",
                "recorded_at",
                "versions",
                "outcomes",
            )

    class Pagination(pagination.PageNumberPagination):
        page_size = PAGE

    class Claims(generics.ListAPIView):
        authentication_classes = ()
        permission_classes = ()
        pagination_class = Pagination
        serializer_class = ClaimSerializer
        newest = ClaimVersion.objects.filter(number=F("claim__version"))
        queryset = (
            Claim.objects.exclude(number=None)
            .select_related("category", "category_version")
            .prefetch_related(Prefetch("versions", queryset=newest), "outcomes")
            .order_by("number")
        )

    urlpatterns[:] = [path("claims", Claims.as_view())]
    settings.ROOT_URLCONF = __name__
    return application


if __name__ == "__main__":
    print("\n".join(main()))
