"""Pages and calls at 10,000, 100,000 and 1,000,000 claims: does any grow with the register?

Each size is a database of its own on one server, with a process of its own. They are asked in turns, so that
all sizes see the same machine. The queue is also set beside the same list in a ModelAdmin as Django makes it.
Times are those of the view, its template and its queries, without HTTP.
"""

import html
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from benchmarks import ground

SIZES = tuple(int(size) for size in os.environ.get("BENCH_SIZES", "10000,100000,1000000").split(","))
SEED = 5
ROUNDS = 10
ASKED = {"default ModelAdmin": 1, "submissions": 20, "pull": 1}
OFTEN = 30  # times that the others are asked in a round
COUNTED = 30  # visits of a round whose queries are counted: some claims have more to show than others
MOST = 1.3  # times the p95 of the smallest
LEAST_OF_ADMIN = 20.0
BOUND = ("queue", "desk", "status", "statistics", "changes")
PULLED = 5000  # claims of a bounded pull


def main() -> list[str]:
    """Lines for results.md."""
    with ground.database():
        seeding: list[str] = []
        names = list(_databases(seeding))
        workers = {size: Worker(name) for size, name in names}
        try:
            times, queries = _ask_in_turns(workers)
        finally:
            for worker in workers.values():
                worker.stop()
    return [*seeding, "", *_table(times, queries), "", *_verdicts(times, queries)]


def _databases(said: list[str]) -> Iterator[tuple[int, str]]:
    """A database for each size, the largest grown from the others."""
    from django.db import connections  # noqa: PLC0415 - Django is set up by ground.database

    from claims import figures, seeding, statistics  # noqa: PLC0415
    from registry import embedded_postgres  # noqa: PLC0415

    for size in SIZES:
        start = time.perf_counter()
        written = seeding.seed(size, SEED)
        took = time.perf_counter() - start
        said.append(
            f"Seeded to {size:,} claims, sealed: {written:,} in {took:,.1f} s, {written / took:,.0f}/s."
        )
        print(said[-1], file=sys.stderr, flush=True)
        while statistics.follow():
            pass
        figures.publish(again=True)
        with connections["owner"].cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            name = embedded_postgres.DATABASE
            if size != SIZES[-1]:
                name = f"bench_{size}"
                connections["default"].close()
        if size != SIZES[-1]:
            ground.copy_database(name)
        yield size, name


class Worker:
    """A process that serves one of the databases."""

    def __init__(self, database: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.growth", database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"REGISTRY_DEMO": "1", "LOG_LEVEL": "ERROR"},
        )

    def ask(self, what: str, often: int) -> tuple[list[float], int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([what, often]) + "\n")
        self.process.stdin.flush()
        took, queries = json.loads(self.process.stdout.readline())
        return took, queries

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


Times = dict[str, dict[int, list[float]]]
Queries = dict[str, dict[int, int]]


def _ask_in_turns(workers: dict[int, Worker]) -> tuple[Times, Queries]:
    times: Times = defaultdict(lambda: defaultdict(list))
    queries: Queries = defaultdict(dict)
    for number in range(-1, ROUNDS):  # the first warms caches and does not count
        for what in PAGES:
            for size, worker in workers.items():
                took, count = worker.ask(what, ASKED.get(what, OFTEN))
                if number >= 0:
                    times[what][size] += took
                    queries[what][size] = max(count, queries[what].get(size, 0))
    return times, queries


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


def _table(times: Times, queries: Queries) -> list[str]:
    heads = " | ".join(f"p95 ms at {size:,}" for size in SIZES)
    lines = [f"| | {heads} | largest / smallest | queries |", "|---" * (len(SIZES) + 3) + "|"]
    for what, of_size in times.items():
        figures = [_p95(of_size[size]) for size in SIZES]
        cells = " | ".join(f"{1000 * figure:.1f}" for figure in figures)
        counts = sorted(set(queries[what].values()))
        asked = " to ".join(map(str, counts[:1] + counts[1:][-1:]))
        lines.append(f"| {what} | {cells} | {figures[-1] / figures[0]:.2f} | {asked} |")
    return lines


def _verdicts(times: Times, queries: Queries) -> list[str]:
    growth = {what: _p95(times[what][SIZES[-1]]) / _p95(times[what][SIZES[0]]) for what in BOUND}
    constant = [what for what in BOUND if len(set(queries[what].values())) > 1]
    admin = times["default ModelAdmin"][SIZES[-1]]
    better = statistics.median(admin) / statistics.median(times["queue, as it opens"][SIZES[-1]])
    worst = max(growth, key=lambda what: growth[what])
    return [
        f"At most {MOST} times from {SIZES[0]:,} to {SIZES[-1]:,} claims: "
        f"{_holds(growth[worst] <= MOST)} (most: {worst}, {growth[worst]:.2f}).",
        f"Constant numbers of queries: {_holds(not constant)} {' '.join(constant)}".rstrip() + ".",
        f"Queue, as it opens, at least {LEAST_OF_ADMIN:.0f} times as fast as the same list in a default "
        f"ModelAdmin: {_holds(better >= LEAST_OF_ADMIN)} ({better:.0f} times).",
    ]


def _holds(it_does: bool) -> str:
    return "holds" if it_does else "does NOT hold"


# --- In the process of one database ---


def serve(database: str) -> None:
    """Answers lines of JSON, [what, how often], with [[seconds, ...], queries of one]."""
    import django  # noqa: PLC0415

    os.environ["DJANGO_SETTINGS_MODULE"] = "registry.settings"
    django.setup()

    from django.db import connections  # noqa: PLC0415

    for alias in connections:
        connections[alias].settings_dict["NAME"] = database
    visits = {what: make() for what, make in PAGES.items()}
    for line in sys.stdin:
        what, often = json.loads(line)
        print(json.dumps(_measured(visits[what], often)), flush=True)


def _measured(visit: Callable[[], Callable[[], Any]], often: int) -> tuple[list[float], int]:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    took = []
    for _time in range(often):
        prepared = visit()
        start = time.perf_counter()
        prepared()
        took.append(time.perf_counter() - start)
    queries = 0
    for _time in range(min(often, COUNTED)):
        prepared = visit()
        with CaptureQueriesContext(connection) as captured:
            prepared()
        queries = max(queries, len(captured))
    return took, queries


Visits = Callable[[], Callable[[], Any]]
"""Prepares a visit, untimed, and gives the visit itself."""


def _client(user: Any) -> Any:
    from django.test import Client  # noqa: PLC0415

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(user)
    return client


def _get(client: Any, address: str, **headers: str) -> Any:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer


def _person(name: str, *roles: str) -> Any:
    from accounts import membership  # noqa: PLC0415
    from accounts.models import User  # noqa: PLC0415
    from accounts.roles import Role  # noqa: PLC0415
    from ledger.log import SYSTEM  # noqa: PLC0415

    user = User.objects.create_user(f"{name}@example.org", language="en")
    for role in roles:
        membership.grant(user, Role(role), by=SYSTEM)
    return User.objects.get(pk=user.pk)


def _claims(**which: Any) -> list[Any]:
    """Some hundred claims from all over the register."""
    from claims.models import Claim  # noqa: PLC0415

    last = Claim.objects.order_by("-pk").values_list("pk", flat=True).first() or 1
    drawn = random.Random(SEED).sample(range(1, last + 1), min(last, 3000))  # noqa: S311 - a sample
    found = Claim.objects.filter(pk__in=drawn, sensitive=False, **which).exclude(number=None)
    return list(found.select_related("filed_by").order_by("pk")[:300])


def queue() -> Visits:
    """The list as it opens, and by region, category and both, first and further pages."""
    client = _client(_person("queue", "senior_reviewer", "reviewer"))
    addresses = []
    for said in ("", "region=UA-63", "category=A3.1", "category=A3.1&region=UA-63", "older=90", "whose=all"):
        address = f"/admin/review/?{said}"
        for _page in range(3):
            addresses.append(address)
            further = re.search(r'href="([^"]*after=[^"]*)"', _get(client, address).text)
            address = html.unescape(further[1]) if further else address
    return lambda: partial(_get, client, random.choice(addresses))  # noqa: S311


def opening_queue() -> Visits:
    """The list of default ModelAdmin below: fifty that wait, the oldest first, and who has them."""
    client = _client(_person("opening", "senior_reviewer", "reviewer"))
    return lambda: partial(_get, client, "/admin/review/")


def desk() -> Visits:
    client = _client(_person("desk", "senior_reviewer", "reviewer"))
    addresses = [f"/admin/review/claims/{claim.number}/" for claim in _claims(state="under_review")]
    return lambda: partial(_get, client, random.choice(addresses))  # noqa: S311


def status() -> Visits:
    claims = _claims()

    def visit() -> Callable[[], Any]:
        claim = random.choice(claims)  # noqa: S311
        client = _client(claim.filed_by)
        return partial(_get, client, f"/claims/{claim.public_id}/")

    return visit


def public_figures() -> Visits:
    from django.test import Client  # noqa: PLC0415

    client = Client(HTTP_HOST="127.0.0.1")
    return lambda: partial(_get, client, "/statistics/")


def _partner() -> tuple[Any, dict[str, str]]:
    from django.test import Client  # noqa: PLC0415

    from ledger.log import SYSTEM  # noqa: PLC0415
    from partners import agreements, scopes  # noqa: PLC0415

    partner = agreements.create(f"Bench {random.random()}", terms=agreements.DEMO_TERMS, by=SYSTEM)  # noqa: S311
    client_id, secret = agreements.add_application(partner, scopes=[scopes.CLAIMS_READ], by=SYSTEM)
    client = Client(HTTP_HOST="127.0.0.1")
    form = {
        "grant_type": "client_credentials",
        "scope": "claims:read",
        "client_id": client_id,
        "client_secret": secret,
    }
    form_type = "application/x-www-form-urlencoded"
    answer = client.post("/api/v1/oauth/token", urlencode(form), content_type=form_type)
    return client, {"Authorization": f"Bearer {answer.json()['access_token']}"}


def changes() -> Visits:
    from partners import feed  # noqa: PLC0415

    client, headers = _partner()
    last = feed.ledger_index()

    def visit() -> Callable[[], Any]:
        after = random.randrange(max(last - 1000, 1))  # noqa: S311
        return partial(_get, client, f"/api/v1/changes?after={after}&limit=100", **headers)

    return visit


def pull() -> Visits:
    """The first claims of a stream of all of them."""
    client, headers = _partner()

    def read() -> None:
        answer = _get(client, "/api/v1/claims", Accept="application/x-ndjson", **headers)
        lines = 0
        for block in answer.streaming_content:
            lines += block.count(b"\n")
            if lines >= PULLED:
                break
        answer.close()

    return lambda: read


def submissions() -> Visits:
    from benchmarks.submissions import drafted, drafts, submit  # noqa: PLC0415

    waiting = iter(drafted(drafts((ASKED["submissions"] + COUNTED) * (ROUNDS + 1))))
    return lambda: partial(submit, next(waiting))


def default_admin() -> Visits:
    """What one gets for `admin.site.register(Claim)` with the queue's columns and filters."""
    from django.contrib import admin  # noqa: PLC0415
    from django.contrib.messages.storage.fallback import FallbackStorage  # noqa: PLC0415
    from django.test import RequestFactory  # noqa: PLC0415

    from claims.models import Claim  # noqa: PLC0415
    from review.models import Assignment, Proposal  # noqa: PLC0415

    class ClaimAdmin(admin.ModelAdmin):
        list_display = ("number", "category", "region", "state", "submitted_at", "reviewer", "proposed_by")
        list_filter = ("category", "region", "state")
        ordering = ("submitted_at",)
        list_per_page = 50

        def reviewer(self, claim: Any) -> Any:
            held = Assignment.objects.filter(claim=claim, ended_at=None).first()
            return held and held.reviewer.email

        def proposed_by(self, claim: Any) -> Any:
            proposal = Proposal.objects.confirmable().filter(claim=claim).first()
            return proposal and proposal.proposed_by.email

        def has_view_permission(self, request: Any, obj: Any = None) -> bool:
            return True

    site = admin.AdminSite()
    site.register(Claim, ClaimAdmin)
    model_admin = site._registry[Claim]
    someone = _person("admin", "senior_reviewer")

    def read() -> None:
        request = RequestFactory().get("/admin/", {"state__exact": "submitted"})
        request.user = someone
        request.session = {}  # type: ignore[assignment]
        request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
        answer = model_admin.changelist_view(request)
        answer.render()  # type: ignore[attr-defined]

    return lambda: read


PAGES: dict[str, Callable[[], Visits]] = {
    "queue": queue,
    "queue, as it opens": opening_queue,
    "default ModelAdmin": default_admin,
    "desk": desk,
    "status": status,
    "statistics": public_figures,
    "changes": changes,
    "pull": pull,
    "submissions": submissions,
}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1])
    else:
        print("\n".join(main()))
