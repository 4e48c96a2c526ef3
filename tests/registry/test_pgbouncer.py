"""The registry behind PgBouncer in transaction mode, as deploy/pgbouncer/pgbouncer.ini sets it: all its
processes, over HTTP. What keeps something on a connection between two transactions fails here."""

import configparser
import html
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import requests
from django.conf import settings

from registry import children, embedded_postgres, launch
from tests import make
from tests.conftest import TEMPLATE, Clones, database_urls, run_manage

PROGRAM = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
INI = settings.BASE_DIR / "deploy" / "pgbouncer" / "pgbouncer.ini"
READY_SECONDS = 60
FIRST_START = ("migrate", "collectstatic")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed (package pgbouncer)")

Until = Callable[[Callable[[], bool]], None]


def version() -> tuple[int, ...]:
    said = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split()[1].split("."))


def knows_prepared_statements() -> bool:
    return version() >= (1, 21)


@dataclass
class Deployment:
    address: str
    metrics: tuple[str, str]
    environ: dict[str, str]
    folder: Path

    def logs(self) -> str:
        return "".join(log.read_text() for log in self.folder.glob("*.log"))

    def scrape(self, which: int) -> str:
        with urlopen(self.metrics[which], timeout=10) as answer:  # noqa: S310 - our own address
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def pool(clones: Clones) -> Iterator[tuple[str, int]]:
    """A database of its own, and PgBouncer's port in front of it."""
    facts = clones.facts
    port = embedded_postgres.free_port()
    folder = Path(tempfile.mkdtemp(prefix="registry-pgbouncer-"))
    folder.chmod(0o755)  # as root PgBouncer runs as nobody
    with clones.clone(TEMPLATE) as name:
        ini = configparser.ConfigParser(interpolation=None)
        ini.read(INI)
        ini["databases"]["registry"] = f"host={embedded_postgres.HOST} port={facts['port']} dbname={name}"
        ini["pgbouncer"].update(
            {
                "listen_addr": embedded_postgres.HOST,
                "listen_port": str(port),
                "auth_file": str(folder / "users"),
            }
        )
        if not knows_prepared_statements():
            del ini["pgbouncer"]["max_prepared_statements"]
        with (folder / "pgbouncer.ini").open("w") as file:
            ini.write(file)
        app = embedded_postgres.APP
        (folder / "users").write_text(f'"{app}" "{facts["passwords"][app]}"\n')
        as_user = embedded_postgres.AS_NOBODY if os.geteuid() == 0 else []
        with (folder / "log").open("wb") as log:
            process = children.spawn([*as_user, str(PROGRAM), folder / "pgbouncer.ini"], output=log, cwd="/")
        try:
            deadline = time.monotonic() + 10
            while embedded_postgres.port_is_free(port):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
            yield name, port
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def deployment(
    clones: Clones, pool: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    name, pooled = pool
    folder = tmp_path_factory.mktemp("pooled")
    port, *metrics = (embedded_postgres.free_port() for _ in range(3))
    urls = database_urls(name, clones.facts)
    url = urls["DATABASE_URL"].replace(f":{clones.facts['port']}/{name}", f":{pooled}/registry")
    if not knows_prepared_statements():
        url += "?prepare_threshold=none"
    address = f"http://127.0.0.1:{port}"
    environ = urls | {
        "DATABASE_URL": url,
        "REGISTRY_DATA_DIR": str(folder),
        "SITE_URL": address,
        "LOG_FORMAT": "json",
        "DJANGO_SETTINGS_MODULE": "registry.settings",
    }
    with ThreadPoolExecutor() as at_once:
        list(at_once.map(lambda command: run_manage(command, "--no-input", env=environ), FIRST_START))
    with ExitStack() as stack:
        for which, (process, command) in enumerate(launch.commands(port, folder).items()):
            own = {"HEARTBEAT_FILE": str(folder / f"{process}.alive")}
            if process != "sealer":
                own["METRICS_PORT"] = str(metrics[which // 2])
            if process == "web server":
                own["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
            with (folder / f"{process}.log").open("wb") as log:
                started = children.spawn(
                    command, env=os.environ | environ | own, cwd=settings.BASE_DIR, output=log
                )
            stack.callback(started.wait, 30)
            stack.callback(started.terminate)
        deployed = Deployment(
            address, tuple(f"http://127.0.0.1:{m}/metrics" for m in metrics), environ, folder
        )
        deadline = time.monotonic() + READY_SECONDS
        while not launch.is_ready(port):
            assert time.monotonic() < deadline, deployed.logs()
            time.sleep(0.1)
        yield deployed


class Browser:
    """Fills in forms as they come: hidden fields go back as they are."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = "en"

    def get(self, path: str) -> str:
        return self._checked(self.session.get(self._url(path), timeout=30))

    def post(self, path: str, *, to: str = "", files: Any = None, **fields: str) -> str:
        page = self.get(path)
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
        data = {name: html.unescape(value) for name, value in hidden if name != "next"} | fields
        answer = self.session.post(
            self._url(to or path), data=data, files=files, headers={"Referer": self._url(path)}, timeout=30
        )
        self.at = answer.url
        return self._checked(answer)

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.address + path

    def _checked(self, answer: requests.Response) -> str:
        assert answer.status_code == 200, (answer.url, answer.status_code, answer.text[:2000])
        return answer.text


@pytest.fixture(scope="module")
def filed(deployment: Deployment) -> str:
    """A person signs up, confirms, fills in what is needed, adds a file and submits. The claim's number."""
    browser = Browser(deployment.address)
    browser.post("/account/sign-up/", email="olena@example.org", password1="river lamp seven stones")
    [letter] = (deployment.folder / "mail").iterdir()
    link = next(word for word in letter.read_text().split() if "/account/confirm/" in word)
    browser.post(link)
    browser.post("/claims/new/A3.1/")
    claim = browser.at.replace(deployment.address, "")
    browser.post(f"{claim}questions/name/", full_name_family_name="Коваленко", full_name_given_name="Олена")
    files = [
        ("file", (f"deed-{n}.pdf", io.BytesIO(make.PDF + bytes([n])), "application/pdf")) for n in (1, 2)
    ]
    browser.post(f"{claim}evidence/", to=f"{claim}evidence/add/", files=files)
    page = browser.post(f"{claim}declaration/", typed_name="Олена Коваленко")
    found = re.search(r"UA-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]", page)
    assert found, page[:3000]
    return found[0]


@pytest.fixture(scope="module")
def token(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> str:
    terms = tmp_path_factory.mktemp("terms") / "terms.toml"
    terms.write_text(TERMS)
    said = run_manage(
        "create_partner",
        "Commission",
        "--scopes",
        "claims:read",
        "--agreement",
        str(terms),
        env=deployment.environ,
    )
    credentials = dict(line.split(": ") for line in said.splitlines() if line.startswith("client_"))
    answer = requests.post(
        f"{deployment.address}/api/v1/oauth/token",
        data={"grant_type": "client_credentials", "scope": "claims:read", **credentials},
        timeout=30,
    )
    return str(answer.json()["access_token"])


def api(deployment: Deployment, token: str, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
    answer = requests.get(f"{deployment.address}/api/v1/{path}", headers=headers, timeout=30, **options)
    assert answer.status_code == 200, answer.text
    return answer


TERMS = """
categories = "all"
regions = "all"
states = ["submitted", "under_review", "withdrawn"]
sections = ["core", "claimant", "place", "loss"]
"""


def test_a_claim_is_filed_sealed_told_of_and_pulled(
    deployment: Deployment, filed: str, token: str, until: Until
):
    changes: list[Any] = []

    def sealed() -> bool:
        changes[:] = api(deployment, token, "changes?after=-1").json()["results"]
        return any(change.get("number") == filed for change in changes)

    until(sealed)
    until(lambda: any(filed in letter.read_text() for letter in (deployment.folder / "mail").iterdir()))
    answer = api(deployment, token, "claims?end=1", headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line.get("number") for line in lines] == [filed, None]
    assert lines[-1] == {"type": "end", "count": 1}
    assert json.loads(api(deployment, token, f"claims/{filed}").text)["number"] == filed


def test_the_same_questions_many_times_by_many_threads(deployment: Deployment, token: str, filed: str):
    """Past the threshold, statements are prepared on whichever connection is at hand and used on others."""

    def ask(turn: int) -> int:
        pages = ("claims", f"claims/{filed}", "changes?after=-1", "categories")
        return api(deployment, token, pages[turn % len(pages)]).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(120))) == {200}


def test_a_pull_that_is_broken_off_leaves_a_sound_connection(deployment: Deployment, token: str, filed: str):
    for _turn in range(5):
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/x-ndjson"}
        address = f"{deployment.address}/api/v1/claims"
        with requests.get(address, headers=headers, stream=True, timeout=30) as answer:
            next(answer.iter_content(10))
    assert api(deployment, token, "claims").json()["results"][0]["number"] == filed


def test_the_worker_tells_its_figures_and_the_web_server_its_own(deployment: Deployment, filed: str):
    of_web, of_worker = deployment.scrape(0), deployment.scrape(1)
    assert "registry_database_up 1.0" in of_worker
    assert 'registry_claims_waiting{state="submitted"} 1.0' in of_worker
    assert "registry_files_received_total 2.0" in of_worker
    labels = 'method="POST",route="account/sign-up/",status="3xx"'
    counted = f"registry_http_request_duration_seconds_count{{{labels}}} 1.0"
    assert counted in of_web
    assert "Traceback" not in deployment.logs()


def test_all_processes_are_seen_to_go_on(deployment: Deployment, until: Until):
    for process in ("sealer", "worker"):
        heartbeat = deployment.folder / f"{process}.alive"
        before = heartbeat.stat().st_mtime_ns
        until(lambda heartbeat=heartbeat, before=before: heartbeat.stat().st_mtime_ns > before)


def test_every_line_of_every_process_is_json_and_names_nobody(deployment: Deployment, filed: str, token: str):
    lines = deployment.logs().splitlines()
    assert {"registry.access"} <= {json.loads(line)["logger"] for line in lines}
    for secret in ("olena", "Олена", "Коваленко", filed, token, "deed"):
        assert secret not in "".join(lines), secret
