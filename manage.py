#!/usr/bin/env python
"""Django's command line, for this project. Where no DATABASE_URL is set, a command finds the embedded
PostgreSQL of the data folder running, or has it for its own time."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from registry import embedded_postgres
from registry import environment as env

WITHOUT_DATABASE = {"check", "collectstatic", "diffsettings", "help", "makemigrations", "version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "registry.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    database: AbstractContextManager[None]
    try:
        if env.is_set("DATABASE_URL") or command in WITHOUT_DATABASE or command.startswith("-"):
            database = nullcontext()
        else:
            database = embedded_postgres.running(env.data_dir())
        with database:
            execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, embedded_postgres.Failure) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
