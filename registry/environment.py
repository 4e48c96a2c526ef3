"""Strict readers of environment variables: a wrong value stops the start with a sentence.

Every secret may instead be given as a file: `SECRET_KEY_FILE=/run/secrets/key` stands for `SECRET_KEY`.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_BOOLEANS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. docs/operations.md says what it means.")
    return value


def boolean(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value not in _BOOLEANS:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write 1 for yes or 0 for no.")
    return _BOOLEANS[value]


def integer(name: str, default: int, *, least: int, most: int) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write a whole number from {least} to {most}.")
    return int(value)


def path(name: str, default: Path) -> Path:
    """An absolute path; a relative one counts from the current folder, as a shell would."""
    value = os.environ.get(name, "").strip()
    return Path(value).expanduser().absolute() if value else default


def data_dir() -> Path:
    return path("REGISTRY_DATA_DIR", BASE_DIR / "var")


def choice(name: str, default: str, among: tuple[str, ...]) -> str:
    value = os.environ.get(name, "").strip().lower() or default
    if value not in among:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write one of: {', '.join(among)}.")
    return value


def words(name: str, default: tuple[str, ...]) -> list[str]:
    """A list separated by commas."""
    values = [word.strip() for word in os.environ.get(name, "").split(",")]
    return [word for word in values if word] or list(default)


def secret(name: str, default: str | None = None) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names."""
    file = os.environ.get(f"{name}_FILE", "").strip()
    if not file:
        return text(name, default)
    if os.environ.get(name):
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set. Keep one of them.")
    try:
        value = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE names {file}, which cannot be read: {error}") from error
    if not value:
        raise ImproperlyConfigured(f"{name}_FILE names {file}, which is empty.")
    return value


def generated(path: Path, *, prefix: str = "") -> str:
    """The 256-bit secret kept in this file, made on first use and readable by its owner alone.

    For the demo and the embedded database only: elsewhere those who run the registry give the secrets.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(prefix + base64.b64encode(secrets.token_bytes(32)).decode("ascii"), encoding="ascii")
    try:
        os.link(draft, path)  # unlike a rename it fails if another process was first: then its secret counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def is_set(name: str) -> bool:
    return bool(os.environ.get(name, "").strip() or os.environ.get(f"{name}_FILE", "").strip())


def database(name: str) -> dict[str, Any]:
    """Django's settings for `postgresql://role:password@host:port/database?sslmode=require`."""
    url = urlsplit(secret(name))
    if url.scheme not in ("postgresql", "postgres") or not url.path.strip("/") or not url.username:
        raise ImproperlyConfigured(f"{name} must look like postgresql://role:password@host:5432/database.")
    options: dict[str, Any] = dict(parse_qsl(url.query))
    if "prepare_threshold" in options:
        options["prepare_threshold"] = _threshold(name, options["prepare_threshold"])
    return postgresql(
        name=unquote(url.path.strip("/")),
        user=unquote(url.username),
        password=unquote(url.password or ""),
        host=unquote(url.hostname or ""),
        port=_port(name, url) or 5432,
        options=options,
    )


def postgresql(
    *, name: str, user: str, password: str, host: str, port: int, options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": port,
        # PostgreSQL keeps the plans of statements that come again (PgBouncer: max_prepared_statements).
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": 5,
            "connect_timeout": 10,
            **(options or {}),
        },
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # In transaction mode PgBouncer keeps no cursor from one statement to the next.
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


def mail(name: str, default: str | None) -> dict[str, Any]:
    """Settings EMAIL_* for `smtp://`, `smtp+starttls://`, `smtps://user:password@host:port` or `file:///folder`."""
    url = urlsplit(secret(name, default))
    if url.scheme == "file" and url.path:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": unquote(url.path),
        }
    ports = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
    if url.scheme not in ports or not url.hostname:
        raise ImproperlyConfigured(
            f"{name} must look like smtp+starttls://user:password@host:587, smtps://user:password@host:465, "
            f"smtp://host:25 or file:///folder."
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": _port(name, url) or ports[url.scheme],
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_TLS": url.scheme == "smtp+starttls",
        "EMAIL_USE_SSL": url.scheme == "smtps",
        "EMAIL_TIMEOUT": 10,  # seconds; who signs up waits for it
    }


def _threshold(name: str, value: str) -> int | None:
    """How often a statement comes before it is prepared; None: none ever is (a PgBouncer older than 1.21)."""
    if value == "none":
        return None
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} has prepare_threshold={value}. Write a whole number, or none.")
    return int(value)


def _port(name: str, url: Any) -> int | None:
    try:
        return url.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} has a port that is no number from 0 to 65535.") from error
