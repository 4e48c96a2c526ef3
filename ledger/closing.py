"""The end of the log: a last entry says why, and from then on the database itself takes no other one."""

from django.db import OperationalError, connection, connections, transaction
from psycopg.errors import LockNotAvailable

from ledger import log
from ledger.log import Actor, Kind
from ledger.models import Entry

CLOSED = Kind("ledger.closed", is_open=True, facts={"reason": str, "successor": str | None})
REASONS = ("mandate_ended", "key_lost", "moved")
OWNER = "owner"
LONGEST_WAIT = "5s"  # for acts that are being written just now; all others wait behind this

# The function is there from the start, the trigger comes with the end: so it costs no act anything. Always:
# also for a session in which triggers rest.
REFUSE = """
CREATE TRIGGER ledger_entry_closed BEFORE INSERT ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_entry();
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER ledger_entry_closed;
"""
_IS_REFUSED = (
    "SELECT FROM pg_trigger WHERE tgrelid = 'ledger_entry'::regclass AND tgname = 'ledger_entry_closed'"
)


class NotClosed(Exception):
    """The log could not be closed. Says what to do."""


def is_closed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_IS_REFUSED)
        return cursor.rowcount > 0


def last_entry() -> Entry | None:
    """The one that closed the log. Reads the whole ledger."""
    return Entry.objects.filter(kind=CLOSED.name).order_by("-id").first()


def close(*, by: Actor, office: str, reason: str, successor: str | None = None) -> Entry:
    """Enter the last entry, as the owner of the tables: for good. Raises NotClosed."""
    if reason not in REASONS:
        raise NotClosed(f"Give the reason as one of {', '.join(REASONS)}.")
    try:
        with transaction.atomic(using=OWNER, durable=True), connections[OWNER].cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LONGEST_WAIT])
            # Waits for all acts that have begun to write entries, and keeps others from it: the last is last.
            cursor.execute("LOCK TABLE ledger_entry IN SHARE ROW EXCLUSIVE MODE")
            facts = {"reason": reason, "successor": successor}
            entry = log.append(CLOSED, by=by, office=office, facts=facts, using=OWNER)
            cursor.execute(REFUSE)
    except log.LogClosed:
        raise NotClosed("The log is closed already.") from None
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise NotClosed("An act has been under way for too long. Nothing was done: try again.") from error
    return entry
