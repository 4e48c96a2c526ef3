"""Stamps of outside time on checkpoints: one a day, kept only when verified, and renewed before its
certificate or an algorithm ages (docs/ledger.md, "Time").

The worker asks the authority (LEDGER_TSA_URL); without one there are no stamps, and receipts say so. Several
workers do no harm: they may ask twice, and the second stamp of a place is not kept.
"""

import base64
import http.client
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from cryptography.x509 import Certificate
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from ledger import checkpoints, notes, timestamps
from ledger.models import Checkpoint, Timestamp
from ledger.timestamps import Link, Stamp, TimestampWrong

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0  # seconds; so renewals, which come by the hundred, do not storm the authority either
LONGEST_PAUSE = 6 * 3600.0  # seconds until the next try when the authority fails again and again
NOTHING_BETTER = 24 * 3600.0  # seconds until it is asked again whether it can renew
SILENT = 10.0  # seconds that the authority may say nothing
ANSWERED = 20.0  # seconds until its whole answer is there
CLOCKS_APART = timedelta(hours=1)
FORGED_AT_MOST = 10  # stamped checkpoints that are passed over in looking for one whose stamps verify


class NotStamped(Exception):
    """str() says why: the authority was not reached, refused, or gave what cannot be kept."""


@dataclass
class _Plan:
    """When this process tries next, in its monotonic time. A restart tries at once."""

    next_look: float = float("-inf")
    next_renewal: float = float("-inf")
    failures: int = 0
    broken: set[int] = field(default_factory=set)  # checkpoints whose stamps do not verify, told once


_plan = _Plan()


# --- What others ask ---


def stamped_checkpoint(at_least: int) -> Checkpoint | None:
    """The oldest stamped checkpoint of at least this size: what a receipt's proof should lead to."""
    return _first_good(_stamped().filter(size__gte=at_least).order_by("size", "id"))


def for_receipt(size: int) -> dict[str, Any] | None:
    """The member `timestamp` of a receipt whose proof leads to the checkpoint of this size, if it is
    stamped."""
    checkpoint = _first_good(_stamped().filter(size=size).order_by("id"))
    return None if checkpoint is None else timestamps.member_of(_links(_rows(checkpoint)))


def stamped_at(size: int) -> datetime | None:
    """When an outside authority first saw the checkpoint of this size, if one did."""
    checkpoint = _first_good(_stamped().filter(size=size).order_by("id"))
    return None if checkpoint is None else _rows(checkpoint)[0].stamped_at


def check(checkpoint: Checkpoint, *, now: datetime | None = None) -> list[Stamp]:
    """What the stamps of this checkpoint say. Raises TimestampWrong if they do not verify, are not good any
    more, or the columns beside them say something else."""
    rows = _rows(checkpoint)
    stamps = timestamps.verify_chain(_text(checkpoint), _links(rows), _roots(), now=now or timezone.now())
    for place, (row, stamp) in enumerate(zip(rows, stamps, strict=True)):
        if (row.place, row.stamped_at, row.good_until) != (place, stamp.at, stamp.good_until) or (
            tuple(row.algorithms) != stamp.algorithms
        ):
            raise TimestampWrong(f"The row of stamp {place + 1} says something else than its token.")
    return stamps


def unstamped_age() -> timedelta | None:
    """How long the first checkpoint with more in it than the last stamped one has waited; None if all is
    stamped, or nothing is to be."""
    if not settings.LEDGER_TSA_URL:
        return None
    last = _first_good(_stamped().order_by("-size", "-id"))
    waiting = Checkpoint.objects.filter(size__gt=last.size if last else 0).order_by("size", "id")
    since = waiting.values_list("signed_at", flat=True).first()
    return None if since is None else timezone.now() - since


def soonest_end() -> timedelta | None:
    """Until the first chain of stamps ends, if nobody renews it: below zero once it has. None without any."""
    end = _newest().aggregate(end=Min("good_until"))["end"]
    return None if end is None else end - timezone.now()


# --- Acts ---


def stamp_due() -> int:
    """The worker's task: the stamp of the day, or one renewal. Answers how many stamps were made. A failure
    is logged, and tried again after a pause that grows."""
    now = time.monotonic()
    if not settings.LEDGER_TSA_URL or now < _plan.next_look:
        return 0
    _plan.next_look = now + LOOK_EVERY
    try:
        made = stamp_newest() if _is_day_over() else _renew_one()
    except NotStamped as problem:
        _plan.failures += 1
        pause = min(LOOK_EVERY * 2 ** min(_plan.failures - 1, 10), LONGEST_PAUSE)
        _plan.next_look = now + pause
        log.warning("No stamp of time was made. %s The next try is in %d seconds.", problem, pause)
        return 0
    _plan.failures = 0
    return 0 if made is None else 1


def stamp_newest() -> Timestamp | None:
    """Have the newest checkpoint stamped now; None if all of it is stamped already. Raises NotStamped."""
    checkpoint = checkpoints.newest()
    if checkpoint is None or stamped_checkpoint(checkpoint.size) is not None:
        return None
    return _keep(checkpoint, [], *_asked(_text(checkpoint), []))


def renew(checkpoint: Checkpoint) -> Timestamp | None:
    """Add a link to the stamps of this checkpoint; None, and nothing is kept, if it would age as soon as the
    one before it. Raises NotStamped, and TimestampWrong if what is there does not verify."""
    before = check(checkpoint)[-1]
    rows = _rows(checkpoint)
    link, stamp = _asked(_text(checkpoint), _links(rows))
    is_later = stamp.good_until > before.good_until
    if not is_later and len(_ageing(stamp)) >= len(_ageing(before)):
        return None
    return _keep(checkpoint, rows, link, stamp)


# --- Small parts ---


def _is_day_over() -> bool:
    """Whether the last stamp is a day old, and there is something new to stamp."""
    last = _first_good(_stamped().order_by("-size", "-id"))
    if last and timezone.now() - _rows(last)[0].stamped_at < timedelta(hours=settings.LEDGER_STAMP_HOURS):
        return False
    return unstamped_age() is not None


def _renew_one() -> Timestamp | None:
    if time.monotonic() < _plan.next_renewal:
        return None
    try:
        _roots()
    except TimestampWrong as wrong:  # of the settings, and no fault of the stamps
        raise NotStamped(str(wrong)) from wrong
    for row in (
        _due().exclude(checkpoint__in=_plan.broken).select_related("checkpoint").order_by("good_until")
    ):
        try:
            renewed = renew(row.checkpoint)
        except TimestampWrong as wrong:
            _plan.broken.add(row.checkpoint_id)
            log.critical("The stamps of checkpoint %d do not verify: %s", row.checkpoint.size, wrong)
            continue
        if renewed is None:
            _plan.next_renewal = time.monotonic() + NOTHING_BETTER
            log.warning("The authority cannot renew yet: what it signs now ages as soon as what is there.")
        return renewed
    return None


def _due() -> QuerySet[Timestamp]:
    """The newest links that are to be renewed. One that has ended cannot be: nothing vouches for it now."""
    now = timezone.now()
    ends_soon = Q(good_until__lte=now + timedelta(days=settings.LEDGER_STAMP_RENEW_DAYS))
    ages = Q(algorithms__overlap=list(settings.LEDGER_STAMP_AGEING))
    return _newest().filter(ends_soon | ages, good_until__gt=now)


def _ageing(stamp: Stamp) -> set[str]:
    return set(settings.LEDGER_STAMP_AGEING) & set(stamp.algorithms)


def _stamped() -> QuerySet[Checkpoint]:
    return Checkpoint.objects.filter(timestamps__place=0)


def _first_good(stamped: QuerySet[Checkpoint]) -> Checkpoint | None:
    """Passes over what the web server's role could have written: checkpoints that we did not sign, stamps
    that no authority gave."""
    return next((row for row in stamped[:FORGED_AT_MOST] if checkpoints.is_ours(row) and _is_good(row)), None)


def _is_good(checkpoint: Checkpoint) -> bool:
    try:
        check(checkpoint)
    except TimestampWrong:
        return False
    return True


def _newest() -> QuerySet[Timestamp]:
    """The newest link of each chain."""
    of_chain = Timestamp.objects.filter(checkpoint=OuterRef("checkpoint")).order_by("-place")
    return Timestamp.objects.annotate(last=Subquery(of_chain.values("place")[:1])).filter(place=F("last"))


def _rows(checkpoint: Checkpoint) -> list[Timestamp]:
    return list(Timestamp.objects.filter(checkpoint=checkpoint).order_by("place"))


def _links(rows: Sequence[Timestamp]) -> list[Link]:
    return [Link(row.algorithm, bytes(row.token)) for row in rows]


def _text(checkpoint: Checkpoint) -> bytes:
    return notes.text_of(checkpoint.note).encode()


def _roots() -> list[Certificate]:
    if not settings.LEDGER_TSA_ROOTS:
        raise TimestampWrong("LEDGER_TSA_ROOTS is not set, so that no stamp can be verified.")
    try:
        return timestamps.roots_in(Path(settings.LEDGER_TSA_ROOTS).read_bytes())
    except OSError as error:
        raise TimestampWrong("The file that LEDGER_TSA_ROOTS names cannot be read.") from error


def _asked(text: bytes, links: Sequence[Link]) -> tuple[Link, Stamp]:
    """The next link after these, verified, with the whole chain. Raises NotStamped."""
    algorithm, policy = settings.LEDGER_STAMP_HASH, settings.LEDGER_TSA_POLICY or None
    message = timestamps.message_of(text, [link.token for link in links])
    request = timestamps.Request.over(message, algorithm, policy=policy)
    try:
        roots = _roots()
        link = Link(algorithm, timestamps.token_in(_answer_to(request.der)))
        stamp = timestamps.verify(message, link, roots, nonce=request.nonce, policy=policy)
        now = timezone.now()
        if abs(now - stamp.at) > CLOCKS_APART:
            raise TimestampWrong(
                f"The stamp says {stamp.at:%Y-%m-%d %H:%M} UTC and our clock {now:%Y-%m-%d %H:%M}."
            )
        timestamps.verify_chain(text, [*links, link], roots, now=max(now, stamp.at))
    except TimestampWrong as wrong:
        raise NotStamped(str(wrong)) from wrong
    return link, stamp


def _keep(checkpoint: Checkpoint, rows: Sequence[Timestamp], link: Link, stamp: Stamp) -> Timestamp:
    try:
        with transaction.atomic():
            return Timestamp.objects.create(
                checkpoint=checkpoint,
                place=len(rows),
                algorithm=link.algorithm,
                token=link.token,
                stamped_at=stamp.at,
                good_until=stamp.good_until,
                algorithms=list(stamp.algorithms),
            )
    except IntegrityError as error:
        raise NotStamped("Another worker stamped the same in the same moment.") from error


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """An authority stands where its address says: a redirect is an error."""


_opener = build_opener(_NoRedirect)


def _answer_to(request: bytes) -> bytes:
    """What the authority answers. In a thread, since one that sends a byte now and then never times out.
    Raises NotStamped."""
    answers: list[bytes | NotStamped] = []

    def ask() -> None:
        try:
            answers.append(_post(request))
        except NotStamped as problem:
            answers.append(problem)

    thread = threading.Thread(target=ask, name="stamping", daemon=True)
    thread.start()
    thread.join(ANSWERED)
    if not answers:
        raise NotStamped(f"The authority has not answered within {ANSWERED:g} seconds.")
    [answer] = answers
    if isinstance(answer, NotStamped):
        raise answer
    return answer


def _post(request: bytes) -> bytes:
    address = urlsplit(settings.LEDGER_TSA_URL)
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    if address.username is not None:
        credentials = f"{unquote(address.username)}:{unquote(address.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
    url = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    try:
        # LEDGER_TSA_URL is https, or http to this machine: settings refuse others.
        with _opener.open(Request(url, request, headers), timeout=SILENT) as answer:  # noqa: S310
            body: bytes = answer.read(timestamps.MOST_TOKEN_BYTES + 1)
    except HTTPError as error:
        with error:
            raise NotStamped(f"The authority answered with the HTTP status {error.code}.") from error
    except TimeoutError as error:
        raise NotStamped(f"The authority was silent for {SILENT:g} seconds.") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotStamped(f"The authority was not reached ({type(error).__name__}).") from error
    if len(body) > timestamps.MOST_TOKEN_BYTES:
        raise NotStamped(f"The authority's answer is longer than {timestamps.MOST_TOKEN_BYTES} bytes.")
    return body
