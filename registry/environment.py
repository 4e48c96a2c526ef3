"""Strict readers of environment variables: a wrong value stops the start with a sentence.

Every secret may instead be given as a file: `SECRET_KEY_FILE=/run/secrets/key` stands for `SECRET_KEY`.
"""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured

from ledger import notes

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


def kept(path: Path) -> str:
    """What a command of ours has written there; empty if none has."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def key_name(name: str, default: str | None) -> str:
    """A name under which notes can be signed."""
    value = text(name, default)
    if re.search(r"[\s+,]", value) or not value.isprintable():
        raise ImproperlyConfigured(f"{name} is {value!r}. Write it like an address: claims.example.org/log.")
    return value


def signing_key(name: str, value: str, *, of: str) -> str:
    """The text of an Ed25519 key that signs notes in the name `of`, or nothing if there is none.

    `value` is such a text, or the 32 bytes of the key in base64.
    """
    if not value:
        return ""
    seed = _bytes_of_key(value)
    if seed is not None:
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return notes.SigningKey(notes.VerifierKey.of(of, notes.ED25519, public), seed).text
    try:
        key = notes.SigningKey.parse(value)
    except notes.NoteWrong as wrong:
        raise ImproperlyConfigured(f"{name} is no key that signs: {wrong}") from None
    _check_key(name, key.verifier, notes.ED25519, of)
    return key.text


def verifier_key(name: str, value: str, *, of: str) -> str:
    """The public half of such a key, likewise."""
    public = _bytes_of_key(value)
    if public is not None:
        return notes.VerifierKey.of(of, notes.ED25519, public).vkey
    key = _verifier_key(name, value)
    _check_key(name, key, notes.ED25519, of)
    return key.vkey


def witnesses(name: str, default: str) -> list[str]:
    """`vkey url` each, separated by commas or line by line."""
    found = [" ".join(line.split()) for line in re.split(r"[,\n]", secret(name, default))]
    for witness in filter(None, found):
        vkey, _space, url = witness.partition(" ")
        _check_key(name, _verifier_key(name, vkey), notes.COSIGNATURE)
        if not _is_safe(url) or "?" in url or "#" in url:
            raise ImproperlyConfigured(
                f"{name} needs for each witness its key, a space and its address: https, or http to a "
                f"program on this machine ({', '.join(LOOPBACK)})."
            )
    return [witness for witness in found if witness]


def _verifier_key(name: str, value: str) -> notes.VerifierKey:
    try:
        return notes.VerifierKey.parse(value)
    except notes.NoteWrong as wrong:
        raise ImproperlyConfigured(f"{name} has no verifier key where it must have one: {wrong}") from None


def _check_key(name: str, key: notes.VerifierKey, type_: int, of: str = "") -> None:
    if key.type != type_ or (of and key.name != of):
        named = f" in the name {of}" if of else ""
        raise ImproperlyConfigured(
            f"{name} has a key of type {key.type} in the name {key.name}. It must be of type {type_}{named}."
        )


def _bytes_of_key(value: str) -> bytes | None:
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if len(decoded) == 32 else None


def authority(name: str) -> str:
    """The address of somebody outside whom we ask: https, or http on this machine; empty if it is not set."""
    url = secret(name, "")
    if url and not _is_safe(url):
        raise ImproperlyConfigured(
            f"{name} must be an https address, or http to a program on this machine ({', '.join(LOOPBACK)})."
        )
    return url


def _is_safe(url: str) -> bool:
    """Whether nobody on the line can answer in the place of whom we ask."""
    try:
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        is_whole = bool(parts.hostname) and (parts.scheme == "https" or is_local) and parts.port != 0
    except ValueError:
        return False
    return is_whole and not re.search(r"[\s\x00-\x1f\x7f]", url)


def scanner(name: str) -> str:
    """Where clamd listens; empty if it is not set."""
    value = text(name, "")
    if not value:
        return ""
    url = urlsplit(value)
    by_path = url.scheme == "unix" and not url.netloc and url.path.startswith("/")
    by_port = url.scheme == "tcp" and bool(url.hostname) and not url.path and bool(_port(name, url))
    if not (by_path or by_port) or url.query or url.fragment or url.username is not None:
        raise ImproperlyConfigured(f"{name} must look like unix:///run/clamav/clamd.ctl or tcp://host:3310.")
    return value


def certificates(name: str) -> Path | None:
    """A file with certificates in PEM; none if it is not set."""
    if not os.environ.get(name, "").strip():
        return None
    file = path(name, BASE_DIR)
    try:
        is_pem = b"-----BEGIN CERTIFICATE-----" in file.read_bytes()
    except OSError as error:
        raise ImproperlyConfigured(f"{name} names {file}, which cannot be read: {error}") from error
    if not is_pem:
        raise ImproperlyConfigured(f"{name} names {file}, which has no certificate in PEM.")
    return file


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
