"""What has happened to the claims of an agreement, in the order of the ledger, for a partner to follow.

Each sealed entry is judged by itself: by how the claim stood before and after the act, not by how it stands
today. `now` are the terms in force when the partner asks, `then` those in force at the entry's index.

- The claim stands where `now` covers it: a change. The partner fetches the claim again.
- It stood where `now` or `then` covers it, and no longer does: a tombstone. The partner forgets the claim.
- The agreement was changed. Narrower terms are one tombstone for all that they do not cover: the partner
  forgets those claims (category, region and state stand in each of them) and those sections. Wider terms
  bring claims about which nothing new may ever be entered, so the partner pulls again.
- A category became sensitive, or is no longer: the same, for all claims of that category.

Why a partner who does so ends with what a fresh pull shows: say that they hold a claim as it stood in S, and
read of the act by which it left S. S was covered when they fetched the claim. If `now` or `then` covers it,
they are told. If neither does, S has been narrowed away since they fetched it. What they hold says S, so they
forgot it when they read of that narrowing, or will, if it is sealed further on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Max, Min, Q

from claims import entries
from claims.models import Category, CategoryVersion, Claim
from claims.models.category import definition
from ledger import following
from partners import agreements, feed
from partners.agreements import Terms
from partners.models import AgreementVersion, Partner

LEAST_LOOKED_AT = 200
WINDOW = 2_000  # entries that one request looks at: a long run of what is not shown is passed in steps
AGREEMENT_KINDS = (agreements.CREATED.name, agreements.CHANGED.name)

OF_A_VERSION: Mapping[str, str | None] = {
    "version_number": None,
    "category_version": None,
    "assurance": None,
    "signature": None,
    "declaration": "core",
    "privacy_notice": "core",
    "consents": "core",
    "evidence": None,  # how many files, not which: so that who sees some sections can verify them (ledger)
}
FACTS: Mapping[str, Mapping[str, str | None]] = {
    entries.SUBMITTED.name: {**OF_A_VERSION, "number": None, "claimant_kind": None, "refiles": None},
    entries.AMENDED.name: OF_A_VERSION,
    entries.WITHDRAWN.name: {},
    entries.CONSENTS_CHANGED.name: {"privacy_notice": "core", "consents": "core"},
    entries.REVIEW_STARTED.name: {},
    entries.FIXING_REQUESTED.name: {"files": "evidence"},
    entries.INFORMATION_REQUESTED.name: {"request": None, "due_on": None, "text": None},
    entries.INFORMATION_ANSWERED.name: {"request": None, "version_number": None, "evidence": None},
    entries.REQUEST_CLOSED.name: {"request": None},
    entries.REVIEW_FINISHED.name: {},
    entries.RETURNED.name: {},
    entries.DECIDED.name: dict.fromkeys(
        ("decision", "outcome", "rule", "decided_on", "reason", "version_number")
    ),
    entries.REOPENED.name: dict.fromkeys(("ground", "decided_on", "reason")),
    entries.ERASED.name: dict.fromkeys(
        ("erasure", "proposed_by", "versions", "sections", "ground", "reason")
    ),
}
"""The facts of an act that partners are told, each with the section that it needs, because it stands there;
None: it says no more than every claim does. What is not named here is told nobody. `refiles` is told where
the earlier claim is covered too, and of erased `sections` those that are granted."""

Body = Mapping[str, Any]
Item = dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """`next_after` lies behind all that was looked at, shown or not. Where nothing is new it stays."""

    results: list[Item]
    next_after: int


def after(partner: Partner, *, after: int, limit: int) -> Changes:
    """What is new for the partner behind the index `after`; -1 begins with the first entry."""
    upto = min(after + WINDOW, feed.ledger_index())
    if upto <= after:
        return Changes(results=[], next_after=after)
    of_interest = Q(entry__is_open=True, entry__claim__isnull=False) | Q(
        entry__kind__in=(*AGREEMENT_KINDS, entries.CATEGORY_VERSION_LOADED.name)
    )
    window = following.sealed(after=after).filter(index__lte=upto)
    # Said of the entries too, lest the planner reads all of them for this window.
    entries_of_it = window[:WINDOW].aggregate(first=Min("entry_id"), last=Max("entry_id"))
    window = window.filter(of_interest, entry__id__range=(entries_of_it["first"], entries_of_it["last"]))
    rows = window.values_list("index", "entry_id", "entry__body")
    most = max(2 * limit, LEAST_LOOKED_AT)  # most of them concern the partner: of the others no more is read
    leaves = list(rows[:most])
    if len(leaves) == most:
        upto = leaves[-1][0]
    view = _View(partner)  # after the entries: so its terms are no older than any of them
    results: list[Item] = []
    for index, entry, text in leaves:
        body = json.loads(text)
        if seen := view.of(index, entry, body):
            results.append({"index": index, "at": body["at"], **seen})
        if len(results) == limit:
            upto = index
            break
    _name_claims(results)
    view.check_earlier(results)
    return Changes(results, next_after=upto)


@dataclass(frozen=True)
class Record:
    """What stands at an index of the log. Body and salt are None for whom the entry is not."""

    index: int
    leaf_hash: bytes
    body: str | None = None
    salt: bytes | None = None


def records(partner: Partner, *, start: int, end: int) -> list[Record]:
    """From the first index to the last, both included. An entry is handed over byte for byte, so only where
    nothing in it would be withheld from the changes, and the claim was within the agreement before too."""
    leaves = list(following.sealed(after=start - 1).filter(index__lte=end))
    view = _View(partner)
    bodies = {leaf.index: json.loads(leaf.entry.body) for leaf in leaves if leaf.entry and leaf.entry.is_open}
    seen = {
        index: view.of(index, 0, body) or {} for index, body in bodies.items() if body["claim"] is not None
    }
    view.check_earlier(list(seen.values()))
    whole = {index for index, body in bodies.items() if body["claim"] is None}
    whole |= {
        index
        for index, item in seen.items()
        if item.get("facts") == bodies[index]["facts"] and view.may_know_before(bodies[index])
    }
    return [
        Record(leaf.index, bytes(leaf.hash), leaf.entry.body, bytes(leaf.entry.salt))
        if leaf.entry and leaf.index in whole
        else Record(leaf.index, bytes(leaf.hash))
        for leaf in leaves
    ]


def _name_claims(results: list[Item]) -> None:
    """Puts the number, by which partners know a claim, where the entry has its internal id. Takes out what
    is about a claim that is not here: its entries came back after a loss, and it did not."""
    of_claims = [item for item in results if "number" in item]
    claims = Claim.objects.filter(public_id__in={item["number"] for item in of_claims})
    numbers = dict(claims.values_list("public_id", "number"))
    for item in of_claims:
        item["number"] = numbers.get(UUID(item["number"]))
    results[:] = [item for item in results if item.get("number", "") is not None]


@dataclass(frozen=True)
class _Version:
    """One version of the agreement. `index` is that of the entry which brought it, None if not yet sealed."""

    number: int
    terms: Terms
    entry: int
    index: int | None


class _View:
    """What a partner is shown of an entry."""

    def __init__(self, partner: Partner) -> None:
        versions = AgreementVersion.objects.filter(partner=partner).order_by("number")
        self.versions = [
            _Version(number, Terms.of_text(text), entry, index)
            for number, text, entry, index in versions.values_list(
                "number", "terms", "entry_id", "entry__leaf__index"
            )
        ]
        self.now = self.versions[-1].terms
        self.sensitive = frozenset(Category.objects.filter(sensitive=True).values_list("code", flat=True))

    def of(self, index: int, entry: int, body: Body) -> Item | None:
        if body["kind"] in AGREEMENT_KINDS:
            return self._agreement(entry, body)
        if body["kind"] == entries.CATEGORY_VERSION_LOADED.name:
            return self._category(body)
        return self._claim(index, body)

    def _claim(self, index: int, body: Body) -> Item | None:
        stands, stood = body["after"], body["before"]
        if self.now.covers(stands, self.sensitive):
            return {
                "type": "claim",
                "kind": body["kind"],
                "number": body["claim"],
                "category": stands["category"],
                "region": stands["region"],
                "state": stands["state"],
                "version_digest": body["version"],
                "facts": self._facts(body),
            }
        if any(terms.covers(stood, self.sensitive) for terms in (self.now, *self._then(index))):
            return {"type": "gone", "number": body["claim"]}
        return None

    def may_know_before(self, body: Body) -> bool:
        """Whether the agreement covers where the claim stood, but for its state: each recorded claim was not
        recorded before."""
        stood, stands = body["before"], body["after"]
        return not stood or self.now.covers({**stood, "state": stands["state"]}, self.sensitive)

    def _facts(self, body: Body) -> Body:
        told = FACTS.get(body["kind"], {})
        granted = (None, *self.now.sections)
        facts = {name: fact for name, fact in body["facts"].items() if told.get(name, "") in granted}
        if "sections" in facts:
            facts["sections"] = [name for name in facts["sections"] if name in self.now.sections]
        return facts

    def check_earlier(self, items: Sequence[Item]) -> None:
        """Takes out the numbers of earlier claims that the terms do not cover now."""
        refiling = [item for item in items if item.get("facts", {}).get("refiles")]
        if not refiling:
            return
        numbers = {item["facts"]["refiles"] for item in refiling}
        earlier = Claim.objects.filter(number__in=numbers).select_related("category")
        covered = {c.number for c in earlier if self.now.covers(c.standing, self.sensitive)}
        for item in refiling:
            if item["facts"]["refiles"] not in covered:
                del item["facts"]["refiles"]

    def _then(self, index: int) -> list[Terms]:
        """The terms in force at this index: none before the partner was created."""
        return [v.terms for v in self.versions if v.index is not None and v.index <= index][-1:]

    def _agreement(self, entry: int, body: Body) -> Item | None:
        """The partner's own. Before its first version it covered nothing, so that one widens."""
        own = next((version for version in self.versions if version.entry == entry), None)
        if own is None:
            return None
        widened, narrowed = body["facts"].get("widened", True), body["facts"].get("narrowed", False)
        if not (widened or narrowed):  # other words for the same
            return None
        return {
            "type": "agreement",
            "version": own.number,
            "widened": widened,
            "narrowed": narrowed,
            "terms": json.loads(own.terms.text),
            "action": _action(drop=narrowed, pull=widened),
        }

    def _category(self, body: Body) -> Item | None:
        """Shown only where this wording of the category took its claims out of the agreement, or in."""
        code, version = body["facts"]["category"], body["facts"]["category_version"]
        loaded = CategoryVersion.objects.filter(category__code=code, version__lte=version)
        newest_two = loaded.order_by("-version").values_list("pk", flat=True)[:2]
        covered = [
            self.now.covers_category(code, {code} if definition(pk).sensitive else ()) for pk in newest_two
        ]
        if covered not in ([True, False], [False, True]):
            return None
        return {"type": "category", "category": code, "action": _action(drop=covered[1], pull=covered[0])}


def _action(*, drop: bool, pull: bool) -> str:
    return " and ".join(word for word, wanted in (("drop", drop), ("pull again", pull)) if wanted)
