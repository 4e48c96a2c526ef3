"""A database to measure on: a durable PostgreSQL of its own, migrated, with the mandate loaded."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.db import connections

from registry import embedded_postgres


@contextmanager
def database() -> Iterator[None]:
    """The embedded server with its usual settings (fsync and synchronous_commit on), in a folder of its own.

    Processes started meanwhile use it too: the environment points there. Django is set up inside.
    """
    with tempfile.TemporaryDirectory(prefix="registry-bench-") as folder:
        os.environ["REGISTRY_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "registry.settings"
        with embedded_postgres.running(Path(folder)):
            for command in (["migrate"], ["load_mandate"], ["collectstatic", "--noinput"]):
                subprocess.run([sys.executable, "manage.py", *command], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
            django.setup()
            yield
            connections.close_all()


def copy_database(name: str) -> None:
    """A further database with everything that the first has now. Nobody may be connected to that."""
    connections.close_all()
    facts = embedded_postgres.Server(Path(os.environ["REGISTRY_DATA_DIR"])).facts()
    with embedded_postgres.connect(facts, embedded_postgres.OWNER, database="postgres") as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {embedded_postgres.DATABASE} STRATEGY FILE_COPY")
