"""The claims that wait, oldest first, and taking one. No names are shown here."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core import signing
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.roles import Role
from claims import mandates, numbers
from claims.models import Category, Claim, State
from claims.views.held import PersonRequest
from review import access, assignments, looking
from review.forms import NOT_A_NUMBER
from review.models import Assignment, Proposal
from review.views.pages import page, show

ROWS = 50
NUMBER = "number"  # stands for one in an address
SHOWN = ("number", "category", "region", "state", "reviewed_before", "submitted_at")
CURSOR = signing.Signer(salt="review.queue")
WHOSE: dict[str, Any] = {
    "free": gettext_lazy("that are free to take"),
    "mine": gettext_lazy("on my desk"),
    "to_confirm": gettext_lazy("for me to confirm"),
    "all": gettext_lazy("in review, whoever has them"),
}
OLDER: dict[str, Any] = {
    "": gettext_lazy("at any time"),
    "30": gettext_lazy("more than 30 days ago"),
    "90": gettext_lazy("more than 90 days ago"),
    "180": gettext_lazy("more than 180 days ago"),
}
IN_REVIEW = (*access.ON_A_DESK, State.ELIGIBLE, State.INELIGIBLE)

Claims = QuerySet[Claim]


@page(access.REVIEW)
@require_safe
def queue(request: PersonRequest) -> HttpResponseBase:
    """One page of the list that the sentence above it describes, or the claim whose number was typed."""
    typed = request.GET.get("number", "").strip()
    if not typed:
        return _show(request)
    number = numbers.read(typed, prefix=mandates.current().number_prefix)
    if number is None:
        return _show(request, typed=typed, not_found=NOT_A_NUMBER)
    claims = Claim.objects.filter(number=number)
    if access.readable_by(claims, request.user).exists():
        return redirect("review:claim", number)
    found = access.in_queue(claims, request.user).select_related("category").first()
    if found is None:
        # A claim that this person may not see is not there (rules.md 13).
        missing = _("No claim with this number waits here for you.")
        return _show(request, typed=typed, not_found=missing)
    return _show(request, typed=typed, found=found)


def _show(
    request: PersonRequest, *, typed: str = "", not_found: Any = "", found: Claim | None = None
) -> HttpResponse:
    asked = Asked(request.user, request.GET)
    claims, further = ([found], None) if found else asked.claims()
    return show(
        request,
        "queue",
        _("Claims to review"),
        asked=asked,
        rows=rows(claims, request.user),
        next=asked.address(after=further) if further else "",
        first=asked.address() if asked.after else "",
        typed=typed,
        not_found=not_found,
        is_found=found is not None,
    )


@dataclass(frozen=True)
class Row:
    """What the template says fifty times is put into words here, which costs a fifth of what its tags do."""

    claim: Claim
    region: str
    submitted: str
    waits: str
    assignment: Assignment | None
    proposal: Proposal | None
    address: str  # empty if the claim's page is not this person's to read
    take: str  # where to take it; empty if it is not free


def rows(claims: list[Claim], user: User) -> list[Row]:
    """The claims with who has them and what is proposed, in three queries however many they are."""
    regions = {region.code: str(region.name) for region in mandates.current().regions}
    active = Assignment.objects.filter(claim__in=claims, ended_at=None).select_related("reviewer")
    held = {assignment.claim_id: assignment for assignment in active}
    confirmable = Proposal.objects.confirmable().filter(claim__in=claims).select_related("proposed_by")
    proposed = {proposal.claim_id: proposal for proposal in confirmable}
    readable = access.readable_by(Claim.objects.filter(pk__in=[c.pk for c in claims]), user)
    opens = set(readable.values_list("pk", flat=True))
    opening, taking = (reverse(f"review:{act}", args=[NUMBER]) for act in ("claim", "take"))
    today, said = timezone.localdate(), functools.cache(date_format)
    found = []
    for claim in claims:
        assignment, proposal = held.get(claim.pk), proposed.get(claim.pk)
        is_free = not proposal and (not assignment or assignment.is_over) and claim.state in access.QUEUED
        number, day = claim.number or "", timezone.localdate(claim.submitted_at)
        days = (today - day).days
        found.append(
            Row(
                claim=claim,
                region=regions.get(claim.region, ""),
                submitted=said(day),
                waits=ngettext("%(days)s day", "%(days)s days", days) % {"days": days},
                assignment=assignment,
                proposal=proposal,
                address=opening.replace(NUMBER, number) if claim.pk in opens else "",
                take=taking.replace(NUMBER, number) if is_free else "",
            )
        )
    return found


class Asked:
    """What the sentence above the list says, read from the address. What is unknown is as if not said."""

    def __init__(self, user: User, said: QueryDict) -> None:
        self.user = user
        mandate = mandates.current()
        self.categories = categories = list(Category.objects.public())
        self.choices: dict[str, dict[str, Any]] = {
            "whose": {
                w: words for w, words in WHOSE.items() if w != "all" or Role.SENIOR_REVIEWER in user.roles
            },
            "category": {"": _("every category")} | {c.code: f"{c.code} {c.title}" for c in categories},
            "region": {"": _("every region")} | {r.code: str(r.name) for r in mandate.regions},
            "older": OLDER,
        }
        chosen = {name: said.get(name, "") for name in self.choices}
        self.chosen = {n: value if value in self.choices[n] else "" for n, value in chosen.items()}
        self.whose = self.chosen["whose"] = self.chosen["whose"] or "free"
        self.after = _place(said.get("after", ""))
        self.category = next((c for c in categories if c.code == self.chosen["category"]), None)

    @property
    def selects(self) -> list[tuple[str, str, list[tuple[str, Any, bool]]]]:
        """For each choice its name, its label and its options: value, words, whether it is chosen."""
        labels = {
            "whose": pgettext("in the sentence above the queue", "Claims"),
            "category": pgettext("in the sentence above the queue", "in"),
            "region": pgettext("in the sentence above the queue", "from"),
            "older": pgettext("in the sentence above the queue", "submitted"),
        }
        return [
            (name, labels[name], [(v, words, v == self.chosen[name]) for v, words in options.items()])
            for name, options in self.choices.items()
        ]

    def address(self, *, after: looking.Place | None = None) -> str:
        """This list, or what comes after this place in it."""
        said = QueryDict(mutable=True)
        place = CURSOR.sign_object([str(after[0]), after[1]]) if after else ""
        said.update({name: value for name, value in {**self.chosen, "after": place}.items() if value})
        return f"{reverse('review:queue')}?{said.urlencode()}"

    def claims(self) -> tuple[list[Claim], looking.Place | None]:
        """A page, oldest first, and the place behind which the next one begins, if there may be more."""
        if self.whose in ("mine", "to_confirm"):  # begin with the desk or the proposals: they are few
            those = access.mine if self.whose == "mine" else access.to_confirm
            found, seen_to = list(those(self._wanted(), self.user)[: ROWS + 1]), None
        else:
            found, seen_to = self._along_each_state()
        if len(found) > ROWS:
            found, seen_to = found[:ROWS], _place_of(found[ROWS - 1])
        known = {category.pk: category for category in self.categories}
        for claim in found:
            if claim.category_id in known:
                claim.category = known[claim.category_id]
        prefetch_related_objects([c for c in found if c.category_id not in known], "category")
        return found, seen_to

    def _along_each_state(self) -> tuple[list[Claim], looking.Place | None]:
        """Up to one more than a page: each state along its own index, then merged as far as all were seen."""
        user, wanted = self.user, self._wanted()
        if self.whose == "free":
            states: tuple[State, ...] = access.QUEUED
            those: Callable[[Claims], Claims] = lambda c: access.free(access.in_queue(c, user))  # noqa: E731
        else:
            states, those = IN_REVIEW, lambda c: access.readable_by(c, user)
        lists = [
            looking.first(
                wanted.filter(state=state),
                those,
                ROWS + 1,
                by=("submitted_at", "id"),
                at_most=looking.AT_MOST // len(states),
            )
            for state in states
        ]
        seen_to = min((place for _found, place in lists if place), default=None)
        found = sorted((claim for found, _place in lists for claim in found), key=_place_of)
        return [c for c in found if seen_to is None or _place_of(c) <= seen_to][: ROWS + 1], seen_to

    def _wanted(self) -> Claims:
        claims = Claim.objects.order_by("submitted_at", "id").only(*SHOWN)
        if self.category:
            claims = claims.filter(category=self.category)
        if region := self.chosen["region"]:
            claims = claims.filter(region=region)
        if days := self.chosen["older"]:
            claims = claims.filter(submitted_at__lt=timezone.now() - timedelta(days=int(days)))
        if self.after:
            at, key = self.after
            claims = claims.filter(Q(submitted_at__gt=at) | Q(id__gt=key), submitted_at__gte=at)
        return claims


def _place_of(claim: Claim) -> looking.Place:
    return claim.submitted_at, claim.pk


def _place(text: str) -> tuple[str, int] | None:
    """Where a page ended. Signed: a number that one could choose would tell of claims that one may not
    see."""
    try:
        at, key = CURSOR.unsign_object(text)
    except signing.BadSignature:
        return None
    return at, key


@page(access.REVIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def take(request: PersonRequest, number: str) -> HttpResponseBase:
    claims = access.takeable_by(Claim.objects.filter(number=number), request.user)
    if request.method != "POST":
        return redirect("review:queue")  # signed in again after the button was pressed
    claim = get_object_or_404(claims)
    try:
        assignments.take(claim, by=request.user)
    except access.Refused as refusal:
        messages.warning(request, str(refusal))
        return redirect(_back(request))
    return redirect("review:claim", number)


@page(access.REVIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def take_oldest(request: PersonRequest) -> HttpResponseBase:
    """The oldest free claim, of the category in the sentence if one is chosen there."""
    if request.method != "POST":
        return redirect("review:queue")
    category = Asked(request.user, request.POST).category
    try:
        assignment = assignments.take_oldest(by=request.user, category=category)
    except access.Refused as refusal:
        messages.warning(request, str(refusal))
        return redirect(_back(request))
    if assignment is None:
        messages.info(request, _("No claim is free at the moment."))
        return redirect(_back(request))
    return redirect("review:claim", assignment.claim.number)


@page(access.REVIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: PersonRequest, number: str) -> HttpResponseBase:
    if request.method != "POST":
        return redirect("review:queue")
    claim = get_object_or_404(access.readable_by(Claim.objects.filter(number=number), request.user))
    try:
        assignments.release(claim, by=request.user)
    except access.Refused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("%(number)s is free again.") % {"number": number})
    return redirect("review:queue")


def _back(request: PersonRequest) -> str:
    return Asked(request.user, request.POST).address()
