"""What all made-up claims of a run share: categories, places, people in office, and what can be told."""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import sha512
from itertools import accumulate
from random import Random
from typing import Any

from claims.mandates import LANGUAGES, ClaimantKind, Mandate
from claims.models import Assurance, Signature, State
from claims.seeding import words
from claims.seeding.telling import (
    Form,
    Settlement,
    Teller,
    Telling,
    frozen,
    hollow,
    json_text,
    somebody,
    with_salt,
)
from evidence.kinds import KINDS

PERSONS = 8
"""So many ways there are to tell about oneself, and with each of them"""
TELLINGS = 4
"""so many to tell about what happened, in each category (telling.Telling)."""

KINDS_OF_IDS = ("claim", "account", "claimant", "decision")
ID_DIGITS = 32


@dataclass(frozen=True)
class Stored:
    """One of the few real files that all evidence of made-up claims consists of."""

    blob_id: int
    sha256: str
    size_bytes: int
    media_type: str

    @property
    def extension(self) -> str:
        return KINDS[self.media_type].extensions[0]


@dataclass(frozen=True)
class Officer:
    pk: int
    actor: str


class Weighed:
    """Things to draw from, the heavier the more often."""

    def __init__(self, things: Sequence[tuple[Any, float]]) -> None:
        self.things = [thing for thing, _weight in things]
        self.sums = list(accumulate(weight for _thing, weight in things))

    def one(self, random: Random) -> Any:
        return self.things[bisect(self.sums, random.random() * self.sums[-1])]


@dataclass(frozen=True)
class Episode:
    """A part of the war: when (in days after the mandate's first) and where it did harm."""

    first: int
    last: int
    homes: Weighed


@dataclass
class Ground:
    """Times are in UTC and have no time zone. Whatever is drawn here depends on the seed alone."""

    seed: int
    mandate: Mandate
    forms: Sequence[Form]
    places: Mapping[str, Sequence[tuple[Settlement, float]]]  # by region, each with its weight
    stored: Sequence[Stored]
    reviewers: Sequence[Officer]
    board: Sequence[Officer]
    latest: datetime

    def __post_init__(self) -> None:
        mandate, random = self.mandate, Random(self.seed)  # noqa: S311 - made up, as everywhere here
        self.first_day = datetime.combine(mandate.first_day, datetime.min.time())
        self.days = (self.latest - self.first_day).days
        self.any_form = Weighed([(form, form.share) for form in self.forms])
        self.form_for = {
            kind: Weighed([(form, form.share) for form in self.forms if form.kind is kind])
            for kind in {form.kind for form in self.forms}
        }
        everywhere = [home for homes in self.places.values() for home, _size in homes]
        towns = [home for home in everywhere if home.name.split(",")[0] in words.SHELTERS]
        self.shelters = towns or everywhere
        self.episodes = Weighed(list(self._episodes()))
        eligible = [
            {test.id: "yes" if random.random() < 0.97 else "unsure" for test in mandate.eligibility}
            for _n in range(24)
        ]
        self.eligibility = [json_text(answers) for answers in [*eligible, *[{}] * 6]]
        consents = [{c.id: random.random() < 0.35 for c in mandate.consents} for _n in range(32)]
        self.consents = [(choices, json_text(choices)) for choices in consents]
        self.no_evidence = frozen(*with_salt(b"[]"))
        self.notice = mandate.privacy_notice.version
        self.reasons = {
            state: [
                r
                for r in mandate.reasons
                if r.leads_to == ("eligible" if state == State.RECORDED else "ineligible")
                and r.with_prejudice >= (state == State.REJECTED_WITH_PREJUDICE)
            ]
            for state in (State.RECORDED, State.REJECTED_WITHOUT_PREJUDICE, State.REJECTED_WITH_PREJUDICE)
        }
        self.cores = {(kind, lang): self._core(kind, lang) for kind in ClaimantKind for lang in LANGUAGES}
        self._tellings: dict[tuple[str, ClaimantKind, int, int], Telling] = {}

    def _core(self, kind: ClaimantKind, language: str) -> str:
        """The section of every version that was signed, as versions.freeze writes it."""
        mandate = self.mandate
        return hollow(
            {
                "mandate": {"id": mandate.id, "digest": mandate.digest},
                "claimant_kind": kind.value,
                "language": language,
                "submitted_at": "{submitted_at}",
                "eligibility": "<eligibility>",
                "consents": "<consents>",
                "privacy_notice": mandate.privacy_notice.version,
                "declaration": {
                    "version": mandate.declaration.version,
                    "language": language,
                    "text": getattr(mandate.declaration.text, language),
                },
                "signature": {"method": Signature.TYPED_DECLARATION.value, "typed_name": "<typed_name>"},
                "assurance": Assurance.SELF_DECLARED.value,
            }
        )

    def _episodes(self) -> Iterator[tuple[Episode, float]]:
        last_day = self.days - 60
        known = [(*e, r) for e in words.EPISODES for r in e[3].items() if r[0] in self.places]
        for share, first, last, regions, towns, (region, weight) in known:
            homes = [
                (home, size)
                for home, size in self.places[region]
                if not towns or home.name.split(",")[0] in towns
            ]
            if homes and 0 <= self._day(first) < last_day:
                episode = Episode(
                    self._day(first), min(self._day(last) if last else last_day, last_day), Weighed(homes)
                )
                yield episode, share * weight / sum(regions.values())
        if not known:  # another mandate's regions
            for homes in map(list, self.places.values()):
                yield Episode(0, last_day, Weighed(homes)), 1.0

    def _day(self, written: str) -> int:
        return (date.fromisoformat(written) - self.mandate.first_day).days

    def day(self, number: int) -> date:
        return self.mandate.first_day + timedelta(number)

    def id_of(self, what: str, index: int) -> str:
        """The same for the same seed: how a run finds out what an earlier one has written."""
        start = ID_DIGITS * KINDS_OF_IDS.index(what)
        return as_uuid(_digits(self.seed, index)[start : start + ID_DIGITS])

    def telling(self, form: Form, person: int, number: int) -> Telling:
        key = (form.code, form.kind, person, number)
        found = self._tellings.get(key)
        if found is None:
            found = self._tellings[key] = self._tell(form, person, number)
        return found

    def _tell(self, form: Form, person: int, number: int) -> Telling:
        random = Random(f"{self.seed}:{form.code}:{form.kind}:{person}:{number}")  # noqa: S311
        opening = Random(f"{self.seed}:{form.kind}:{person}")  # noqa: S311
        episode: Episode = self.episodes.one(random)
        day = episode.first + int((episode.last - episode.first) * random.random() ** 1.3)
        told_day = min(day + 14 + int(300 * random.random() ** 2), self.days - 8)
        teller = Teller(
            random=random,
            mandate=self.mandate,
            form=form,
            person=somebody(opening),
            home=episode.homes.one(random),
            happened_on=self.day(day),
            told_on=self.day(told_day),
            language="uk",
            shelters=self.shelters,
        )
        return Telling(teller, opening, episode.homes, first=episode.first, day=day, told_day=told_day)


@lru_cache(maxsize=20_000)
def _digits(seed: int, index: int) -> str:
    return sha512(f"{seed}:{index}".encode()).hexdigest()


def as_uuid(digits: str) -> str:
    """A version 4 UUID of these hex digits."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
