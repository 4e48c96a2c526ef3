"""A page of a long list reads a bounded number of rows, however many of them are not for this person to see.

Say that the oldest thousands of the queue are sensitive, or on other desks: whoever looks for fifty that are
free would read them all. Instead a page looks at so many rows along an index, shows what it found there, and
says where the next page goes on (architecture, 3.12).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import (  # type: ignore[import-untyped]
    Tuple,
    TupleGreaterThan,
    TupleLessThanOrEqual,
)

AT_MOST = 5_000  # rows that one page looks at: for each, there are desks and proposals to look up
FIRST = 500  # rows in which a page is nearly always found

Row = TypeVar("Row", bound=Model)
Place = tuple[Any, ...]


def first(
    rows: QuerySet[Row],
    wanted: Callable[[QuerySet[Row]], QuerySet[Row]],
    count: int,
    *,
    by: Sequence[str],
    at_most: int | None = None,
) -> tuple[list[Row], Place | None]:
    """The first rows that `wanted` leaves, up to `count`, in the order of the fields `by`, which has an
    index; and the place behind which nothing was looked at. None if there are enough, or no more."""
    at_most = at_most or AT_MOST
    rows = rows.order_by(*by)
    place = Tuple(*map(F, by))
    found: list[Row] = []
    for size in (min(FIRST, at_most), at_most - FIRST):
        ends = list(rows.select_related(None).values_list(*by)[size - 1 : size])
        last = ends[0] if ends else None
        window = rows.filter(TupleLessThanOrEqual(place, last)) if last else rows
        found += wanted(window)[: count - len(found)]
        if last is None or len(found) == count:
            return found, None
        rows = rows.filter(TupleGreaterThan(place, last))
    return found, last


def everywhere(
    rows: QuerySet[Row],
    wanted: Callable[[QuerySet[Row]], QuerySet[Row]],
    count: int,
    *,
    by: Sequence[str],
) -> Iterator[Row]:
    """Up to `count` rows, for an act that must not miss one: however far they are, by bounded steps."""
    more = True
    while more:
        found, place = first(rows, wanted, count, by=by)
        yield from found
        more = place is not None and len(found) < count
        count -= len(found)
        if place:
            rows = rows.filter(TupleGreaterThan(Tuple(*map(F, by)), place))
