"""Log lines that can be joined by request, and that carry no personal data.

Two forms: one JSON object a line for machines (production), and plain lines for people. Neither says who
asked: no path (it holds ids and tokens), no query, no address. An exception is told by its class and by where
in the code it came through; as JSON never by its message, which quotes values.
"""

import json
import logging
import sys
import threading
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="-")

FORMATS = ("json", "text")
LEVELS = ("debug", "info", "warning", "error")
_OF_POSTGRESQL = ("DETAIL:", "CONTEXT:")  # they quote the row, and so the person
# What these say holds paths, header values or queries: their messages are replaced by what they are about.
_QUOTING = ("django.request", "django.security", "gunicorn.error")

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def configuration(form: str, level: str) -> dict[str, Any]:
    """For logging.config.dictConfig: everything to standard error, in one form."""
    formatter = "registry.logs.JSONLines" if form == "json" else "registry.logs.Lines"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": "registry.logs.RequestIdFilter"},
            "told_elsewhere": {"()": "registry.logs.ToldElsewhere"},
        },
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["request_id", "told_elsewhere"],
            },
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            # At DEBUG these two write out clients' secrets and the tokens that they issue.
            "oauthlib": {"level": "INFO"},
            "oauth2_provider": {"level": "INFO"},
        },
    }


def tell_crashes() -> None:
    """An error that ends a process or a thread, or is found where nothing can handle it (in a destructor), is
    written like any other, not by Python with its message."""
    log = logging.getLogger("registry")

    def tell(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        log.critical("ended by an error that nobody handled", exc_info=(kind, error or kind(), trace))

    def tell_ignored(found: "sys.UnraisableHookArgs") -> None:
        error = found.exc_value or found.exc_type()
        log.error("an error that nobody could handle", exc_info=(found.exc_type, error, found.exc_traceback))

    sys.excepthook = tell
    sys.unraisablehook = tell_ignored
    threading.excepthook = lambda found: tell(found.exc_type, found.exc_value, found.exc_traceback)


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id.get()
        return True


class ToldElsewhere(logging.Filter):
    """Django warns of each answer from 400 up; the line of the access log tells it already. Errors stay,
    except a 503: only /readyz answers it, and it is asked every second."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", None)
        return not (record.name == "django.request" and status and (status < 500 or status == 503))


class Lines(logging.Formatter):
    """For people at a terminal. Messages of exceptions are shown, without PostgreSQL's quotations."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} [{request_id}] {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = said(record)
        return super().formatMessage(record)

    def formatException(self, ei: ExceptionInfo) -> str:
        lines = super().formatException(ei).splitlines()
        return "\n".join(line for line in lines if not line.startswith(_OF_POSTGRESQL))


class JSONLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": said(record),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = without_values(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def said(record: logging.LogRecord) -> str:
    if not record.name.startswith(_QUOTING):
        return "\n".join(
            line for line in record.getMessage().splitlines() if not line.startswith(_OF_POSTGRESQL)
        )
    if record.name == "gunicorn.error":  # of its own running it may say all
        of_a_request = ("Error handling request", "Invalid request from")
        unfit = str(record.msg).startswith(of_a_request)
        return "a request could not be read or handled" if unfit else record.getMessage()
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    return f"{record.levelname.lower()} at {match.route if match else 'no known address'}"


def without_values(error: BaseException) -> list[str]:
    """The chain of exceptions, the last one first: class and frames. Of one by PostgreSQL also the code and
    the name of the constraint."""
    told: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        kind = type(cause)
        told.append(f"{kind.__module__}.{kind.__qualname__}{_of_database(cause)}")
        for frame in traceback.extract_tb(cause.__traceback__):
            told.append(f"  {frame.filename}:{frame.lineno} {frame.name}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return told


def _of_database(error: BaseException) -> str:
    diagnosis = getattr(error, "diag", None)
    facts = [getattr(diagnosis, name, None) for name in ("sqlstate", "table_name", "constraint_name")]
    known = [str(fact) for fact in facts if fact]
    return f" ({', '.join(known)})" if known else ""
