"""A made-up claim from its first day to where it stands now, as rows and ledger entries.

Each function here stands for one act of claims.lifecycle and leaves the rows that the act leaves; the tests
compare them. What is a list of a few rows there is a tuple here, because a million claims pass through.
"""

import hashlib
import json
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from accounts.roles import Role
from claims import entries, indexing, mandates, versions
from claims.answers import checking
from claims.filing import EARLIER_CLAIM, STATED
from claims.lifecycle import AFTER_AMENDING, AWAITING
from claims.mandates import ANSWER_SECTIONS, OWN_ACCOUNT, SECTIONS, ClaimantKind, Mandate
from claims.models import Assurance, Claim, Signature, State
from claims.models.claim import AWAITING_DECISION
from claims.notices import NOBODY
from claims.seeding import words
from claims.seeding.rows import Tables
from claims.seeding.telling import Form, Person, Settlement, Teller, somebody, story, told
from evidence.kinds import KINDS
from evidence.models import CustodyKind, ScanState
from ledger import log

SALT = versions.SALT_BYTES
HOUSEHOLD = 4
"""So many claims after one another are of one family, partly from one account."""

SUBMITTED, AMENDED, FIX, STARTED, ASKED, ANSWERED = "submit", "amend", "fix", "start", "ask", "answer"
ELIGIBLE, INELIGIBLE, RETURNED, DECIDED, WITHDRAWN = (
    "eligible",
    "ineligible",
    "send_back",
    "decide",
    "withdraw",
)
LIVES: tuple[tuple[float, tuple[str, ...], State], ...] = (
    (42.0, (STARTED, ELIGIBLE, DECIDED), State.RECORDED),
    (8.0, (STARTED, ASKED, ANSWERED, ELIGIBLE, DECIDED), State.RECORDED),
    (2.0, (AMENDED, STARTED, ELIGIBLE, DECIDED), State.RECORDED),
    (2.0, (STARTED, ELIGIBLE, AMENDED, ELIGIBLE, DECIDED), State.RECORDED),
    (1.0, (STARTED, INELIGIBLE, RETURNED, ELIGIBLE, DECIDED), State.RECORDED),
    (13.0, (), State.SUBMITTED),
    (1.0, (AMENDED,), State.SUBMITTED),
    (0.5, (FIX, AMENDED), State.SUBMITTED),
    (0.5, (FIX,), State.NEEDS_FIXING),
    (6.5, (STARTED,), State.UNDER_REVIEW),
    (2.5, (STARTED, ASKED, ANSWERED), State.UNDER_REVIEW),
    (0.5, (STARTED, ELIGIBLE, AMENDED), State.UNDER_REVIEW),
    (0.5, (STARTED, INELIGIBLE, RETURNED), State.UNDER_REVIEW),
    (2.7, (STARTED, ASKED), State.INFORMATION_REQUESTED),
    (0.3, (STARTED, ASKED, ANSWERED, ASKED), State.INFORMATION_REQUESTED),
    (5.0, (STARTED, ELIGIBLE), State.ELIGIBLE),
    (1.0, (STARTED, ASKED, ANSWERED, ELIGIBLE), State.ELIGIBLE),
    (2.0, (STARTED, INELIGIBLE), State.INELIGIBLE),
    (3.2, (STARTED, INELIGIBLE, DECIDED), State.REJECTED_WITHOUT_PREJUDICE),
    (0.8, (STARTED, ASKED, ANSWERED, INELIGIBLE, DECIDED), State.REJECTED_WITHOUT_PREJUDICE),
    (1.0, (STARTED, INELIGIBLE, DECIDED), State.REJECTED_WITH_PREJUDICE),
    (2.5, (WITHDRAWN,), State.WITHDRAWN),
    (1.5, (STARTED, WITHDRAWN), State.WITHDRAWN),
)
"""How many of a hundred claims had these acts after their submission, and where they stand by them."""
_LIVES = list(accumulate(share for share, _acts, _end in LIVES))
_FILES = (0.55, 0.8, 0.92, 0.98)  # 0, 1, 2, 3 or 4 files

OPENED_AFTER = timedelta(days=768)  # from the mandate's first day
LASTS = timedelta(days=1735)
STILL_OPEN = frozenset({State.SUBMITTED, State.NEEDS_FIXING, State.UNDER_REVIEW, State.INFORMATION_REQUESTED})


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


@dataclass
class Ground:
    """What all made-up claims of a run share."""

    seed: int
    mandate: Mandate
    forms: Sequence[Form]
    places: Mapping[str, Sequence[Settlement]]
    place_weights: Mapping[str, Sequence[float]]
    stored: Sequence[Stored]
    reviewers: Sequence[Officer]
    board: Sequence[Officer]
    latest: datetime

    def __post_init__(self) -> None:
        self.mandate_digest = self.mandate.digest
        self.form_weights = list(accumulate(form.share for form in self.forms))
        self.regions = list(self.places)
        self.region_weights = list(accumulate(words.REGIONS.get(r, words.ELSEWHERE) for r in self.regions))
        self.first_day = datetime.combine(self.mandate.first_day, datetime.min.time(), UTC)

    def id_of(self, *what: object) -> str:
        """The same for the same seed: how a run finds out what an earlier one has written."""
        named = ":".join(map(str, (self.seed, *what))).encode()
        return _uuid(hashlib.sha256(named).hexdigest())


@dataclass
class Account:
    pk: int | None
    public_id: str
    email: str
    language: str
    joined_at: datetime
    person: Person
    kind: ClaimantKind
    codes: set[str] = field(default_factory=set)
    known: dict[str, Any] = field(default_factory=dict)
    claimants: dict[tuple[Any, ...], int | None] = field(default_factory=dict)
    last_submitted: datetime | None = None
    is_written: bool = False


@dataclass
class File:
    pk: int
    facts: dict[str, Any]


# RFC 8785 for what occurs here: keys in ASCII, no floats. rfc8785 itself takes ten times as long.
json_text = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _uuid(digits: str) -> str:
    """A version 4 UUID of these hex digits."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def instant(at: datetime) -> str:
    return f"{at.isoformat(timespec='microseconds')[:26]}Z"


class Households:
    """Makes the claims of one household after the other."""

    def __init__(self, ground: Ground, tables: Tables) -> None:
        self.ground = ground
        self.tables = tables
        self.scratch: Tables | None = None

    def make(self, household: int, numbers: Mapping[int, str], known: Mapping[str, int]) -> None:
        """The claims of this household that have a number here. `known` are the rows (public id to id) of
        accounts and claimants whose other claims were written before."""
        ground, random = self.ground, Random(f"{self.ground.seed}:{household}")  # noqa: S311 - made up
        family = words.FAMILIES[int(random.random() * len(words.FAMILIES))]
        account = None
        for index in range(household * HOUSEHOLD, (household + 1) * HOUSEHOLD):
            form = ground.forms[bisect(ground.form_weights, random.random() * ground.form_weights[-1])]
            again = account is not None and account.kind == form.kind and form.code not in account.codes
            if account is None or not again or random.random() > 0.5:
                account = self._account(index, form.kind, family, random, known)
            if index in numbers:
                tables = self.tables
            else:  # what is there already is made again and thrown away, for the sake of those after it
                tables = self.scratch = self.scratch or Tables()
            Life(ground, tables, index, form, account, random, numbers.get(index, ""), known).live()
            if tables is self.scratch:
                tables.forget()

    def _account(
        self,
        index: int,
        kind: ClaimantKind,
        family: tuple[str, str],
        random: Random,
        known: Mapping[str, int],
    ) -> Account:
        person = somebody(random, family if random.random() < 0.6 else None)
        public_id = self.ground.id_of("account", index)
        name = f"{words.latin(person.given_name)}.{words.latin(person.family_name)}".lower()
        return Account(
            pk=known.get(public_id),
            public_id=public_id,
            email=f"{name}.{self.ground.seed}.{index}{NOBODY}",
            language="uk" if random.random() < 0.95 else "en",
            joined_at=self.ground.first_day,  # until their first claim is dated
            person=person,
            kind=kind,
            is_written=public_id in known,
        )


class Life:
    """One claim."""

    def __init__(
        self,
        ground: Ground,
        tables: Tables,
        index: int,
        form: Form,
        account: Account,
        random: Random,
        number: str,
        known: Mapping[str, int],
    ) -> None:
        self.ground, self.tables, self.form, self.account, self.random = ground, tables, form, account, random
        self.index, self.number, self.known = index, number, known
        self.public_id = ground.id_of("claim", index)
        self.pk = next(tables.claims.ids)
        _share, self.acts, self.end = LIVES[bisect(_LIVES, random.random() * _LIVES[-1])]
        region = ground.regions[bisect(ground.region_weights, random.random() * ground.region_weights[-1])]
        weights = ground.place_weights[region]
        self.home = ground.places[region][bisect(weights, random.random() * weights[-1])]
        self.state = State.DRAFT
        self.version = 0
        self.version_pk = 0
        self.reviewed_before = False
        self.recorded_at: datetime | None = None
        self.files: list[File] = []
        self.first_file = int(random.random() * 60)
        self.own_account = ""
        self.replies: list[dict[str, str]] = []
        self.texts: dict[str, str] = {}
        self.salts: dict[str, bytes] = {}
        self.request: tuple[int, str, bytes, str, str, int, datetime, date] | None = None
        self.reviewer = self._one_of(ground.reviewers)

    # --- When ---

    def _dates(self) -> tuple[date, datetime]:
        """When it happened and when the claim was submitted."""
        ground, random = self.ground, self.random
        days = (ground.latest - ground.first_day).days
        opened = min(OPENED_AFTER.days, days - 10)
        in_spring = 0.8 if self.home.region in words.FIRST_SPRING else 0.3
        day = 60 * random.random() ** 2 if random.random() < in_spring else (days - 60) * random.random()
        soonest = max(opened, int(day) + 14)
        if self.account.last_submitted:
            soonest = max(soonest, (self.account.last_submitted - ground.first_day).days + 1)
        soonest = min(soonest, days - 4)
        latest_first = self.end in STILL_OPEN
        where = 1 - random.random() ** 3 if latest_first else random.random() ** 0.8
        submitted = soonest + (days - 3 - soonest) * where
        at = ground.first_day + timedelta(int(submitted), 25_000 + random.random() * 50_000)
        return (ground.first_day + timedelta(int(day))).date(), at

    def _times_after(self, submitted: datetime) -> list[datetime]:
        """When the acts took place, in office hours, from the day after the submission on."""
        midnight = submitted.replace(hour=0, minute=0, second=0, microsecond=0)
        span = max(min((self.ground.latest - midnight).days - 1, int(30 + 250 * self.random.random())), 1)
        days = sorted(1 + int(span * self.random.random()) for _act in self.acts)
        seconds = sorted(25_000 + 30_000 * self.random.random() for _act in self.acts)
        return [midnight + timedelta(d, s) for d, s in zip(days, seconds, strict=True)]

    # --- Living ---

    def live(self) -> None:
        account, random = self.account, self.random
        happened_on, submitted_at = self._dates()
        self.created_at = submitted_at - timedelta(hours=0.2 + 60 * random.random() ** 4)
        if account.last_submitted is None:
            account.joined_at = self.created_at - timedelta(minutes=4 + 50_000 * random.random() ** 6)
        account.last_submitted = submitted_at
        account.codes.add(self.form.code)
        self.teller = Teller(
            random=random,
            mandate=self.ground.mandate,
            kind=self.form.kind,
            person=account.person,
            home=self.home,
            happened_on=happened_on,
            told_on=submitted_at.date(),
            language=account.language,
            stories=self.form.stories,
        )
        self.asked, self.answers = told(self.form, self.teller, account.known)
        self.from_before = frozenset(account.known)
        self.fed = [q for q in self.asked if q.feeds]
        self._remember()
        files = sum(random.random() > share for share in _FILES)
        if not files and FIX in self.acts:
            files = 1
        if random.random() < (0.1 if files else 0.3):
            self.own_account = story(self.teller, most=3)
        self._write_account()
        for n in range(files):
            self._add_file(self.created_at + (submitted_at - self.created_at) * ((n + 1) / (files + 1)))
        self.submit(submitted_at)
        for act, at in zip(self.acts, self._times_after(submitted_at), strict=True):
            getattr(self, act)(at)
        self._write_claim()

    def _remember(self) -> None:
        """What claims.filing offers in their next claim, if they claim for themselves."""
        own = all(
            self.answers.get(q.id, mandates.SELF) == mandates.SELF
            for q in self.fed
            if q.feeds == "submitting_as"
        )
        said = self.answers.items()
        kept = {k: v for k, v in said if k in self.form.opening and not checking.is_state(v)} if own else {}
        self.account.known = kept

    def _one_of(self, of: Sequence[Any]) -> Any:
        return of[int(self.random.random() * len(of))]

    @property
    def standing(self) -> str:
        state = AWAITING_DECISION if self.state in AWAITING else self.state.value
        return self._standing(self.columns.region, state)

    def _standing(self, region: str, state: str) -> str:
        """The JSON text of Claim.standing."""
        region = f'"{region}"' if region else "null"
        return f'{{"category":"{self.form.code}","region":{region},"state":"{state}"}}'

    # --- The acts ---

    def submit(self, at: datetime) -> None:
        random, mandate = self.random, self.ground.mandate
        before = self._standing("", State.DRAFT.value)
        self.submitted_at = at
        self.version = 1
        self.consents: dict[str, Any] | None = None
        if random.random() < 0.45:
            choices = {c.id: random.random() < 0.35 for c in mandate.consents}
            self.consents = {"notice": mandate.privacy_notice.version, "choices": choices}
        self._choose(at)
        self.eligibility = {}
        if random.random() < 0.8:
            self.eligibility = {
                t.id: "yes" if (r := random.random()) < 0.96 else "unsure" if r < 0.99 else "no"
                for t in mandate.eligibility
            }
        self._fill_columns()
        self.claimant_pk = self._claimant(at)
        digest = self._freeze(at)
        self.state, self.changed_at = State.SUBMITTED, at
        self._cover()
        facts = {"number": self.number, "claimant_kind": self.form.kind.value}
        facts |= self._frozen_facts()
        self._enter(entries.SUBMITTED, at, before, self._own, version=digest, facts=facts)

    def amend(self, at: datetime) -> None:
        before = self.standing
        changed = next((q for q in self.fed if q.feeds == "amount" and q.id in self.answers), None)
        if changed:
            self.answers[changed.id] = self._amount_again(self.answers[changed.id])
        else:
            self.own_account = story(self.teller, most=3)
        if self.random.random() < 0.5 or self.state == State.NEEDS_FIXING:
            self._add_file(at - timedelta(minutes=20))
        self._choose(at)
        self.version += 1
        self._fill_columns()
        digest = self._freeze(at)
        if self.state in AFTER_AMENDING:
            self.reviewed_before = self.state in AWAITING
            self.state = AFTER_AMENDING[self.state]
        self.changed_at = at
        self._enter(entries.AMENDED, at, before, self._own, version=digest, facts=self._frozen_facts())

    def _amount_again(self, answer: Any) -> Any:
        if checking.is_state(answer):
            return self.teller.amount(300_000)
        return answer | {"amount": f"{int(float(answer['amount']) * 1.15) + 500}.00"}

    def fix(self, at: datetime) -> None:
        facts = {"files": [self.files[0].facts["id"]]}
        self._move(State.NEEDS_FIXING, entries.FIXING_REQUESTED, at, Role.INTAKE_OFFICER, facts=facts)

    def start(self, at: datetime) -> None:
        self._move(State.UNDER_REVIEW, entries.REVIEW_STARTED, at, Role.REVIEWER)

    def ask(self, at: datetime) -> None:
        text, salt = self._one_of(words.ASKED_FOR), self.random.randbytes(SALT)
        digest = log.salted_digest(salt, text.encode())
        due_on = at.date() + timedelta(days=30)
        pk, public_id = next(self.tables.requests.ids), _uuid(self.random.randbytes(16).hex())
        self.request = (pk, public_id, salt, text, digest, self.reviewer.pk, at, due_on)
        facts = {"request": public_id, "due_on": due_on.isoformat(), "text": digest}
        self._move(State.INFORMATION_REQUESTED, entries.INFORMATION_REQUESTED, at, Role.REVIEWER, facts=facts)

    def answer(self, at: datetime) -> None:
        assert self.request is not None  # noqa: S101 - LIVES asks before it answers
        pk, public_id, _salt, _text, digest, *_rest = self.request
        if self.random.random() < 0.6:
            self._add_file(at - timedelta(minutes=9), request=pk)
        reply = self._one_of(words.REPLIES)
        self.replies.append({"request": public_id, "digest": digest, "reply": reply, "at": instant(at)})
        self.version += 1
        digest = self._supplement(at)
        self._write_request(answered_at=at)
        facts = {"request": public_id, "version_number": self.version, "evidence": len(self.files)}
        own = (self.account.public_id, Role.CLAIMANT.value)
        before, self.state, self.changed_at = self.standing, State.UNDER_REVIEW, at
        self._enter(entries.INFORMATION_ANSWERED, at, before, own, version=digest, facts=facts)

    def eligible(self, at: datetime) -> None:
        self._move(State.ELIGIBLE, entries.REVIEW_FINISHED, at, Role.SENIOR_REVIEWER)

    def ineligible(self, at: datetime) -> None:
        self._move(State.INELIGIBLE, entries.REVIEW_FINISHED, at, Role.SENIOR_REVIEWER)

    def send_back(self, at: datetime) -> None:
        self.reviewed_before = True
        self._move(State.UNDER_REVIEW, entries.RETURNED, at, Role.SENIOR_REVIEWER)

    def decide(self, at: datetime) -> None:
        mandate, random = self.ground.mandate, self.random
        leads_to = "eligible" if self.end == State.RECORDED else "ineligible"
        fitting = [
            r
            for r in mandate.reasons
            if r.leads_to == leads_to and r.with_prejudice >= (self.end == State.REJECTED_WITH_PREJUDICE)
        ]
        rule = fitting[int(random.random() ** 2 * len(fitting))]
        reason, salt = getattr(rule.told, self.account.language), random.randbytes(SALT)
        digest = log.salted_digest(salt, reason.encode())
        self.tables.outcomes.rows.append(
            (self.pk, self.version_pk, self.end.value, rule.id, reason, salt, digest, at.date(), at)
        )
        self.reviewed_before = True
        self.recorded_at = at if self.end == State.RECORDED else None
        facts = {
            "decision": self.ground.id_of("decision", at.date()),
            "outcome": self.end.value,
            "rule": rule.id,
            "decided_on": at.date().isoformat(),
            "reason": digest,
            "version_number": self.version,
        }
        before, self.state, self.changed_at = self.standing, self.end, at
        board = self.ground.board
        by = (board[at.toordinal() % len(board)].actor, Role.BOARD_MEMBER.value)
        self._enter(entries.DECIDED, at, before, by, version=self.digest, facts=facts)

    def withdraw(self, at: datetime) -> None:
        own = (self.account.public_id, Role.CLAIMANT.value)
        before, self.state, self.changed_at = self.standing, State.WITHDRAWN, at
        self._enter(entries.WITHDRAWN, at, before, own)

    def _move(
        self, to: State, kind: log.Kind, at: datetime, office: Role, *, facts: Mapping[str, Any] | None = None
    ) -> None:
        before, self.state, self.changed_at = self.standing, to, at
        self._enter(kind, at, before, (self.reviewer.actor, office.value), facts=facts)

    # --- What an act writes ---

    @property
    def _own(self) -> tuple[str, str]:
        """Who files, and as what."""
        return self.account.public_id, indexing.office(self.columns, self.fed, self.answers)

    def _frozen_facts(self) -> dict[str, Any]:
        mandate = self.ground.mandate
        facts = {
            "version_number": self.version,
            "category_version": self.form.definition.version,
            "assurance": Assurance.SELF_DECLARED.value,
            "signature": Signature.TYPED_DECLARATION.value,
            "declaration": mandate.declaration.version,
            "privacy_notice": mandate.privacy_notice.version,
            "evidence": len(self.files),
        }
        return facts | {"consents": self.consents["choices"]} if self.consents else facts

    def _enter(
        self,
        kind: log.Kind,
        at: datetime,
        before: str,
        by: tuple[str, str],
        *,
        version: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        actor, office = by
        # The keys in the order of RFC 8785; what needs no escaping is put in as it is.
        version_text = f'"{version}"' if version else "null"
        body = (
            f'{{"actor":{{"id":"{actor}","kind":"person"}},"after":{self.standing},"at":"{instant(at)}",'
            f'"before":{before},"claim":"{self.public_id}","facts":{json_text(facts) if facts else "{}"},'
            f'"format":"{log.FORMAT}","kind":"{kind.name}","office":"{office}",'
            f'"open":{"true" if kind.is_open else "false"},"version":{version_text}}}'
        )
        self.tables.entries.rows.append((self.random.randbytes(SALT), body))

    def _fill_columns(self) -> None:
        self.columns = cast(Claim, SimpleNamespace(claimant_kind=self.form.kind.value))
        indexing.fill_columns(self.columns, self.fed, self.answers)

    def _choose(self, at: datetime) -> None:
        if self.consents:
            notice, by = self.consents["notice"], self.account.pk
            choices = self.consents["choices"].items()
            self.tables.consents.rows += [(self.pk, p, given, notice, at, by) for p, given in choices]

    def _claimant(self, at: datetime) -> int:
        account = self.account

        def first(feeds: str, default: Any) -> Any:
            for q in self.fed:
                if q.feeds == feeds and q.id in self.answers and not checking.is_state(self.answers[q.id]):
                    return self.answers[q.id]
            return default

        if account.kind == ClaimantKind.INDIVIDUAL:
            name = first("claimant.name", {})
            parts = ("family_name", "given_name", "patronymic", "born")
            identity = (*(name.get(part, "") for part in parts), "", "")
        else:
            legal = (first("claimant.legal_name", ""), first("claimant.registration_number", ""))
            identity = ("", "", "", "", *legal)
        pk = account.claimants.get(identity)
        if pk is None:
            public_id = self.ground.id_of("claimant", self.index)
            pk = self.known.get(public_id)
            if pk is None:
                pk = next(self.tables.claimants.ids)
                country = first("claimant.country", "")
                row = (pk, public_id, account.kind.value, account.pk, *identity, country, at)
                self.tables.claimants.rows.append(row)
            account.claimants[identity] = pk
        return pk

    def _cover(self) -> None:
        for question in self.fed:
            answer = self.answers.get(question.id)
            if answer is None or checking.is_state(answer):
                continue
            if question.feeds == "person_covered":
                parts = (answer.get(p, "") for p in ("family_name", "given_name", "patronymic", "born"))
                self.tables.persons.rows.append((self.pk, question.role, *parts))
            elif question.feeds == "aid":
                self.tables.aid.rows += [self._aid_item(item) for item in answer]

    def _aid_item(self, item: Mapping[str, Any]) -> tuple[Any, ...]:
        said: dict[str, Any] = {k: "" if checking.is_state(v) else v for k, v in item.items()}
        money = said.get("amount") or {"amount": None, "currency": ""}
        texts = [said.get(name, "") for name in ("payer", "kind", "status")]
        ends = [said.get(name, "") for name in ("on", "number")]
        return (self.pk, *texts, money["amount"], money["currency"], *ends)

    def _add_file(self, at: datetime, *, request: int | None = None) -> None:
        random, tables, types = self.random, self.tables, self.form.definition.evidence_types
        if len(self.files) == len(self.ground.stored):
            return
        # The same bytes stand in a claim only once.
        stored = self.ground.stored[(self.first_file + len(self.files)) % len(self.ground.stored)]
        public_id, pk = _uuid(self.random.randbytes(16).hex()), next(tables.files.ids)
        name = self._one_of(words.FILE_NAMES).format(n=len(self.files) + 1) + stored.extension
        type_ = types[int(random.random() ** 2 * len(types))].id if types and random.random() < 0.9 else ""
        by = ("person", self.account.public_id)
        tables.files.rows.append(
            (pk, public_id, stored.blob_id, name, at, *by, ScanState.NOT_SCANNED.value, None)
        )
        tables.custody.rows.append((public_id, CustodyKind.RECEIVED.value, *by, at, stored.sha256))
        tables.attachments.rows.append((self.pk, pk, type_, "", request, at))
        facts = {
            "id": public_id,
            "name": name,
            "type": type_,
            "description": "",
            "sha256": stored.sha256,
            "size_bytes": stored.size_bytes,
            "media_type": stored.media_type,
            "received_at": instant(at),
        }
        self.files.append(File(pk, facts))

    def _freeze(self, at: datetime) -> str:
        """Every byte as versions.freeze makes them."""
        mandate = self.ground.mandate
        said: dict[str, dict[str, Any]] = {section: {} for section in ANSWER_SECTIONS}
        for question in self.asked:
            if question.id in self.answers:
                origin = EARLIER_CLAIM if question.id in self.from_before else STATED
                said[question.section][question.id] = {"answer": self.answers[question.id], "origin": origin}
        if self.own_account:
            said["account"][OWN_ACCOUNT] = {"answer": self.own_account, "origin": STATED}
        if self.replies:
            said["account"][versions.REPLIES] = {"answer": self.replies, "origin": STATED}
        self.account_said = said["account"]
        self.texts = {section: json_text(answers) if answers else "{}" for section, answers in said.items()}
        language = self.account.language
        core = {
            "mandate": {"id": mandate.id, "digest": self.ground.mandate_digest},
            "claimant_kind": self.form.kind.value,
            "language": language,
            "submitted_at": instant(at),
            "eligibility": self.eligibility,
            "consents": self.consents,
            "privacy_notice": mandate.privacy_notice.version,
            "declaration": {
                "version": mandate.declaration.version,
                "language": language,
                "text": getattr(mandate.declaration.text, language),
            },
            "signature": {
                "method": Signature.TYPED_DECLARATION.value,
                "typed_name": self.account.person.full_name,
            },
            "assurance": Assurance.SELF_DECLARED.value,
        }
        self.texts["core"] = json_text(core)
        self.texts["evidence"] = json_text([file.facts for file in self.files])
        salts = self.random.randbytes(SALT * len(SECTIONS))
        self.salts = {name: salts[SALT * n : SALT * (n + 1)] for n, name in enumerate(SECTIONS)}
        self.digests = {n: _digest(self.salts[n], self.texts[n]) for n in SECTIONS}
        return self._write_version(at, Signature.TYPED_DECLARATION)

    def _supplement(self, at: datetime) -> str:
        """As versions.supplement: all sections stand but the two that the answer adds to."""
        self.account_said[versions.REPLIES] = {"answer": self.replies, "origin": STATED}
        for name, content in (
            ("account", self.account_said),
            ("evidence", [file.facts for file in self.files]),
        ):
            self.texts[name], self.salts[name] = json_text(content), self.random.randbytes(SALT)
            self.digests[name] = _digest(self.salts[name], self.texts[name])
        return self._write_version(at, Signature.SIGNED_IN)

    def _write_version(self, at: datetime, signature: Signature) -> str:
        manifest = json_text(
            {
                "format": versions.FORMAT,
                "claim": self.public_id,
                "number": self.number,
                "version": self.version,
                "category": self.form.code,
                "category_version": self.form.definition.version,
                "sections": self.digests,
            }
        )
        self.digest = hashlib.sha256(manifest.encode()).hexdigest()
        self.version_pk = next(self.tables.versions.ids)
        head = (self.version_pk, self.pk, self.version, self.form.version_id, at)
        how = (Assurance.SELF_DECLARED.value, signature.value)
        sections = [part for name in SECTIONS for part in (self.texts[name], self.salts[name])]
        self.tables.versions.rows.append((*head, *how, manifest, self.digest, *sections))
        return self.digest

    def _write_request(self, answered_at: datetime | None = None) -> None:
        """Once it is answered, or at the end if it was not."""
        if self.request is None:
            return
        pk, public_id, salt, text, digest, asked_by, asked_at, due_on = self.request
        answered_in = self.version_pk if answered_at else None
        asked = (pk, public_id, self.pk, text, salt, digest, asked_by, asked_at, due_on)
        self.tables.requests.rows.append((*asked, "", answered_at, answered_in, None))
        self.request = None

    def _write_account(self) -> None:
        account, tables = self.account, self.tables
        if account.is_written:
            return
        account.is_written = True
        account.pk = next(tables.users.ids)
        password = f"{UNUSABLE_PASSWORD_PREFIX}{account.public_id}"
        flags = (True, False)
        tables.users.rows.append(
            (account.pk, account.public_id, account.email, password, account.language, *flags)
            + (account.joined_at, None)
        )
        tables.addresses.rows.append((account.pk, account.email, True, True))

    def _write_claim(self) -> None:
        self._write_request()
        form, columns, account = self.form, self.columns, self.account
        self.tables.claims.rows.append(
            (self.pk, self.public_id, self.number, form.category_id, form.version_id, form.sensitive)
            + (form.kind.value, self.claimant_pk, account.pk, account.language, columns.discreet)
            + (self.state.value, self.version, None, self.reviewed_before, columns.region, columns.place_id)
            + (columns.event_on, columns.event_first_day, columns.amount, columns.currency, self.created_at)
            + (self.submitted_at, self.recorded_at, self.changed_at)
        )


def _digest(salt: bytes, text: str) -> str:
    return log.salted_digest(salt, text.encode())
