"""A registry of its own (web server, sealer, worker), and browsers that note whatever goes wrong in them."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Request, sync_playwright

from registry import children, launch, messages
from tests.conftest import Clones, database_urls, run_manage

LANGUAGES = os.environ.get("JOURNEY_LANGUAGES", "uk").split(",")
"""In which the longest journeys and axe's walk are made; `make soak` makes them in both."""
READY_SECONDS = 60
WAIT_MS = 20_000  # for one step, on a machine that has other things to do
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSERS_OWN = ("chrome-extension://", "chrome://resources/")  # what it shows a PDF with

Device = Callable[..., BrowserContext]


@dataclass(frozen=True)
class Site:
    """A running registry; `accounts` are those of the demo, by role, each with `email` and `password`;
    `environ` is for an operator's commands."""

    address: str
    accounts: dict[str, dict[str, str]]
    environ: dict[str, str]


@pytest.fixture(scope="session")
def site(clones: Clones, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with clones.clone() as database:
        environ = database_urls(database, clones.facts) | {
            "REGISTRY_DATA_DIR": str(folder),
            "SITE_URL": address,
            "LOG_LEVEL": "WARNING",
        }
        with messages.CATALOGUE.open() as catalogue:  # all processes of this run want the same file
            fcntl.flock(catalogue, fcntl.LOCK_EX)
            messages.compile_catalogue()
        run_manage("collectstatic", "--no-input", env=environ)
        run_manage("make_demo_accounts", env=environ)
        accounts = json.loads((folder / "demo-accounts.json").read_text())
        with _processes(port, folder, environ):
            yield Site(address, {account["role"]: account for account in accounts}, environ)
    logs = "".join(log.read_text() for log in folder.glob("*.log"))
    assert "Internal Server Error" not in logs, logs


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _processes(port: int, folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """The same commands that `make run` starts."""
    environ = dict(os.environ) | {"DJANGO_SETTINGS_MODULE": "registry.settings"} | environ
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in launch.commands(port, folder).items():
            with (folder / f"{name}.log").open("wb") as log:
                started.append(children.spawn(command, env=environ, cwd=settings.BASE_DIR, output=log))
        _wait_until_ready(port, folder)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def _wait_until_ready(port: int, folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if launch.is_ready(port):
            return
        time.sleep(0.1)
    pytest.fail((folder / "web server.log").read_text())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module only: while it is open, Django refuses the ORM in this thread."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)


@pytest.fixture
def device(browser: Browser, site: Site) -> Iterator[Device]:
    """Makes a device with its own cookies. What the browser complains of on any of them fails the test:
    errors of scripts, of the content policy and of loading, and each request to another host.

    `expected`: parts of complaints that belong to the story. `address`: another one that leads to the site.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def new_device(
        language: str = "en",
        width: int = 1280,
        *,
        scheme: Any = "light",
        javascript: bool = True,
        address: str = site.address,
        expected: tuple[str, ...] = (),
    ) -> BrowserContext:
        context = browser.new_context(
            base_url=address,
            locale=language,
            viewport={"width": width, "height": 740},
            color_scheme=scheme,
            java_script_enabled=javascript,
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)

        def note(complaint: str) -> None:
            if not any(part in complaint for part in expected):
                complaints.append(complaint)

        def note_message(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                note(f"{message.location['url']}: {message.text}")

        def note_stranger(request: Request) -> None:
            if not request.url.startswith((f"{address}/", *BROWSERS_OWN)):
                note(f"request to {request.url}")

        context.on("console", note_message)
        context.on("weberror", lambda error: note(f"{error.error}"))
        context.on("request", note_stranger)
        return context

    yield new_device
    for context in contexts:
        context.close()
    assert complaints == []
