"""Follow the sealed entries, in the order of their indexes, each follower with a cursor of its own.

Sealed entries alone are read: by id, one that commits late would be passed by and never seen.
"""

from collections.abc import Callable

from django.db import transaction
from django.db.models import QuerySet

from ledger.models import Entry, Follower, Leaf


def sealed(*, after: int = -1, limit: int | None = None) -> QuerySet[Leaf]:
    """Leaves with their entries, from the index that follows `after`; -1 begins with the first. A leaf whose
    entry was lost has none."""
    return Leaf.objects.filter(index__gt=after).select_related("entry").order_by("index")[:limit]


@transaction.atomic(durable=True)
def follow(name: str, handle: Callable[[list[tuple[int, Entry]]], None], limit: int = 500) -> int:
    """Hand the next sealed entries to `handle` and move the follower's cursor, in one transaction.

    Returns how many were handled: 0 when there is nothing new, or when another process is following
    under this name just now. What `handle` raises undoes its own writes and leaves the cursor in place.
    """
    follower = _locked(name)
    if follower is None:
        return 0
    leaves = list(sealed(after=follower.next_index - 1, limit=limit))
    if leaves:
        handle([(leaf.index, leaf.entry) for leaf in leaves if leaf.entry is not None])
        follower.next_index = leaves[-1].index + 1
        follower.save(update_fields=["next_index"])
    return len(leaves)


@transaction.atomic(durable=True)
def follow_indexes(name: str, handle: Callable[[int, int], None], limit: int) -> int:
    """Like `follow`, for what the database can do without the entries leaving it: `handle` gets the first and
    the last index, both included."""
    follower = _locked(name)
    if follower is None:
        return 0
    first = follower.next_index
    last = min(_newest(), first + limit - 1)
    if last >= first:
        handle(first, last)
        follower.next_index = last + 1
        follower.save(update_fields=["next_index"])
    return max(last - first + 1, 0)


def hold(name: str) -> int:
    """Keep this follower where it is until the transaction ends. Answers the index of the last entry that it
    has handled, -1 if none."""
    Follower.objects.bulk_create([Follower(name=name)], ignore_conflicts=True)
    return Follower.objects.select_for_update().get(name=name).next_index - 1


def handled(name: str) -> int:
    """The index of the last entry that this follower has handled, -1 if none."""
    return (Follower.objects.filter(name=name).values_list("next_index", flat=True).first() or 0) - 1


def lag(name: str) -> int:
    """How many sealed entries this follower has not handled yet."""
    upto = handled(name)
    return _newest() - upto


def _newest() -> int:
    """The largest index, -1 while nothing is sealed."""
    last = Leaf.objects.order_by("-index").values_list("index", flat=True).first()
    return -1 if last is None else last


def _locked(name: str) -> Follower | None:
    """The follower, made if it is new, with its row locked; None while another transaction holds it."""
    Follower.objects.bulk_create([Follower(name=name)], ignore_conflicts=True)
    return Follower.objects.select_for_update(skip_locked=True).filter(name=name).first()
