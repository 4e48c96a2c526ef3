import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from ledger.log import SYSTEM, Kind, append
from ledger.models import Entry, Leaf
from ledger.sealing import seal

NOTED = Kind("test.noted", is_open=True, facts={"number": int})


@pytest.fixture
def first(_django_db_marker: None) -> int:
    """The index that the test's first entry will get: loading the mandate has written some already."""
    while seal():
        pass
    return Leaf.objects.count()


@pytest.fixture
def note(first: int) -> Callable[..., Entry]:
    """Appends an entry that says a number; commits it, unless a transaction is open around it."""

    @transaction.atomic
    def note(number: int = 0) -> Entry:
        return append(NOTED, by=SYSTEM, office="system", facts={"number": number})

    return note


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads, each with a database connection of its own."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def memory(tmp_path: Path, settings: Any) -> Path:
    """Where the signer remembers what it signed last of this test's log."""
    settings.LEDGER_MEMORY = tmp_path / "ledger" / "last-checkpoint"
    return settings.LEDGER_MEMORY


@pytest.fixture
def environment(own_database: str, memory: Path) -> dict[str, str]:
    """For a process of ours that shall use this test's database."""
    urls = {}
    for variable, alias in (("DATABASE_URL", "default"), ("DATABASE_OWNER_URL", "owner")):
        address = connections[alias].settings_dict
        urls[variable] = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format_map(address)
    ours = {"DJANGO_SETTINGS_MODULE": "registry.settings", "REGISTRY_DEMO": "1", "LEDGER_MEMORY": str(memory)}
    return os.environ | urls | ours
