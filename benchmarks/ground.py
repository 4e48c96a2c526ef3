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
            for command in ("migrate", "load_mandate"):
                subprocess.run([sys.executable, "manage.py", command], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
            django.setup()
            yield
            connections.close_all()
