"""A made-up claim from its first day to where it stands now, as rows and ledger entries.

Each function here stands for one act of claims.lifecycle and leaves the rows that the act leaves; the tests
compare them. What is a list of a few rows there is a tuple here, and JSON is put together from texts made
once, because a million claims pass through.
"""

import json
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import accumulate
from operator import itemgetter
from random import Random
from struct import Struct
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from accounts.roles import Role
from claims import entries, versions
from claims.answers import checking
from claims.filing import EARLIER_CLAIM, STATED
from claims.lifecycle import AFTER_AMENDING, AWAITING, REFILED
from claims.mandates import OWN_ACCOUNT, PLACE_KINDS, REPLIES, SECTIONS, ClaimantKind, Question, Type
from claims.models import Assurance, Signature, State
from claims.models.claim import AWAITING_DECISION
from claims.notices import NOBODY
from claims.seeding import words
from claims.seeding.ground import PERSONS, TELLINGS, Ground, as_uuid
from claims.seeding.rows import LENGTH, Tables
from claims.seeding.telling import (
    SALT_LENGTH,
    Answer,
    Form,
    Frozen,
    Person,
    Settlement,
    Teller,
    Telling,
    frozen,
    json_text,
    object_of,
    somebody,
    written,
)
from evidence.models import CustodyKind, ScanState
from ledger import log

SALT = versions.SALT_BYTES
SELF_DECLARED, CLAIMANT = Assurance.SELF_DECLARED.value, Role.CLAIMANT.value
TYPED, SIGNED_IN = Signature.TYPED_DECLARATION.value, Signature.SIGNED_IN.value
CONSENTING = 0.07
"""So many in one choose whether they consent to something, which makes a row for each purpose."""
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
    (6.0, (), State.DRAFT),
    (72.4, (), State.SUBMITTED),
    (0.6, (AMENDED,), State.SUBMITTED),
    (0.3, (FIX, AMENDED), State.SUBMITTED),
    (0.7, (FIX,), State.NEEDS_FIXING),
    (3.2, (STARTED,), State.UNDER_REVIEW),
    (0.9, (STARTED, ASKED, ANSWERED), State.UNDER_REVIEW),
    (0.2, (STARTED, ELIGIBLE, AMENDED), State.UNDER_REVIEW),
    (0.2, (STARTED, INELIGIBLE, RETURNED), State.UNDER_REVIEW),
    (1.0, (STARTED, ASKED), State.INFORMATION_REQUESTED),
    (0.1, (STARTED, ASKED, ANSWERED, ASKED), State.INFORMATION_REQUESTED),
    (2.2, (STARTED, ELIGIBLE), State.ELIGIBLE),
    (0.4, (STARTED, ASKED, ANSWERED, ELIGIBLE), State.ELIGIBLE),
    (0.7, (STARTED, INELIGIBLE), State.INELIGIBLE),
    (6.8, (STARTED, ELIGIBLE, DECIDED), State.RECORDED),
    (0.7, (STARTED, ASKED, ANSWERED, ELIGIBLE, DECIDED), State.RECORDED),
    (0.2, (AMENDED, STARTED, ELIGIBLE, DECIDED), State.RECORDED),
    (0.2, (STARTED, ELIGIBLE, AMENDED, ELIGIBLE, DECIDED), State.RECORDED),
    (0.2, (STARTED, INELIGIBLE, RETURNED, ELIGIBLE, DECIDED), State.RECORDED),
    (0.8, (STARTED, INELIGIBLE, DECIDED), State.REJECTED_WITHOUT_PREJUDICE),
    (0.2, (STARTED, ASKED, ANSWERED, INELIGIBLE, DECIDED), State.REJECTED_WITHOUT_PREJUDICE),
    (0.4, (STARTED, INELIGIBLE, DECIDED), State.REJECTED_WITH_PREJUDICE),
    (1.2, (WITHDRAWN,), State.WITHDRAWN),
    (0.4, (STARTED, WITHDRAWN), State.WITHDRAWN),
)
"""How many of a hundred claims had these acts after their submission, and where they stand by them: a
register that takes claims faster than a Board can decide them."""
_LIVES = list(accumulate(share for share, _acts, _end in LIVES))
_FILES = (0.7, 0.88, 0.95, 0.985)  # 0, 1, 2, 3 or 4 files

OPENED_AFTER = timedelta(days=768)  # from the mandate's first day
LASTS = timedelta(days=1735)
STILL_OPEN = frozenset(
    {State.DRAFT, State.SUBMITTED, State.NEEDS_FIXING, State.UNDER_REVIEW, State.INFORMATION_REQUESTED}
)
JITTER = 9  # days that a claim's event is before its telling's
NAME_PARTS = ("family_name", "given_name", "patronymic", "born")


@dataclass
class Account:
    pk: int | None
    public_id: str
    email: str
    language: str
    person: Person
    kind: ClaimantKind
    told_as: int  # which of PERSONS
    is_written: bool
    joined_at: datetime | None = None  # before its first claim
    busy_until: datetime | None = None
    codes: set[str] = field(default_factory=set)
    last: "Life | None" = None
    filed: "Life | None" = None  # the last that was submitted
    claimants: dict[tuple[str, ...], int] = field(default_factory=dict)


def instant(at: datetime) -> str:
    return f"{at.isoformat(timespec='microseconds')}Z"


class Households:
    """Makes the claims of one household after the other."""

    def __init__(self, ground: Ground, tables: Tables) -> None:
        self.ground = ground
        self.tables = tables
        self.scratch: Tables | None = None

    def make(self, household: int, numbers: Mapping[int, str], known: Mapping[str, int]) -> None:
        """The claims of this household that have a number here. `known` are the rows (public id to id) of
        accounts, claimants and claims that were written before."""
        random = Random(self.ground.seed << 32 | household)  # noqa: S311 - made up
        chance = random.random
        family = words.FAMILIES[int(chance() * len(words.FAMILIES))]
        account: Account | None = None
        accounts: list[Account] = []
        for index in range(household * HOUSEHOLD, (household + 1) * HOUSEHOLD):
            before, form = None, None
            if account is not None and chance() < 0.8:
                before = (
                    account.last if account.last and account.last.may_be_refiled and chance() < 0.5 else None
                )
                form = before.form if before else self.ground.form_for[account.kind].one(random)
                if not before and form.code in account.codes:
                    form = None
            if account is None or form is None:
                form = self.ground.any_form.one(random)
                account = self._account(index, form.kind, family, random, known)
                accounts.append(account)
            if index in numbers:
                tables = self.tables
            else:  # what is there already is made again and thrown away, for the sake of those after it
                tables = self.scratch = self.scratch or Tables()
            life = Life(
                self.ground, tables, index, form, account, random, numbers.get(index, ""), known, before
            )
            life.live()
            account.last = life
            if tables is self.scratch:
                tables.forget()
        for account in accounts:
            account.last = account.filed = None  # or each would keep the other in memory

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
            person=person,
            kind=kind,
            told_as=int(random.random() * PERSONS),
            is_written=public_id in known,
        )


class Life:
    """One claim. `refiles` is the earlier one of the account that it is filed in place of."""

    telling: Telling
    home: Settlement
    changed_at: datetime
    digest: str  # of the newest version
    sections: list[Frozen]
    chosen: tuple[dict[str, bool], str] | None  # consents, and their text

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
        refiles: "Life | None",
    ) -> None:
        self.ground, self.tables, self.form, self.account, self.random = ground, tables, form, account, random
        self.index, self.number, self.known, self.refiles = index, number, known, refiles
        chance = random.random
        self.public_id = ground.id_of("claim", index)
        self.pk = known.get(self.public_id) or next(tables.claims.ids)
        _share, self.acts, self.end = LIVES[bisect(_LIVES, chance() * _LIVES[-1])]
        if refiles:
            self.telling, self.home = refiles.telling, refiles.home
        else:
            self.telling = ground.telling(form, account.told_as, int(chance() * TELLINGS))
            self.home = self.telling.homes.one(random)
        self.state = State.DRAFT
        self.claimant_pk: int | None = None
        self.submitted_at: str | None = None
        self.region = self.place_kind = self.event_on = self.currency = ""
        self.place_id: str | None = None
        self.event_first_day: str | None = None
        self.amount: str | None = None
        self.stands = self._standing()
        self.version = self.version_pk = 0
        self.reviewed_before = False
        self.recorded_at: str | None = None
        self.own: dict[str, Answer] = {}  # the answers of its own, and their texts
        self.own_texts: dict[str, str] = {}
        self.own_account = self.telling.own_account
        self.files: list[tuple[str, str]] = []  # public id, and what the frozen section says of it
        self.first_file = int(chance() * 60)
        self.replies: list[dict[str, str]] = []
        self.request: tuple[Any, ...] | None = None
        self.reviewer = self._one_of(ground.reviewers)

    @property
    def may_be_refiled(self) -> bool:
        return self.state in REFILED and self.changed_at < self.ground.latest - timedelta(9)

    # --- When ---

    def _dates(self) -> tuple[date, datetime]:
        """When it happened and when the claim was submitted."""
        ground, chance, telling = self.ground, self.random.random, self.telling
        day = max(telling.first_day, telling.day - int(chance() * (JITTER + 1)))
        soonest = max(min(OPENED_AFTER.days, ground.days - 10), telling.told_day + 1)
        earliest = self.account.busy_until
        if self.refiles:
            earliest = max(earliest or ground.first_day, self.refiles.changed_at)
        if earliest:
            soonest = max(soonest, (earliest - ground.first_day).days + 2)
        soonest = min(soonest, ground.days - 4)
        where = 1 - chance() ** 3 if self.end in STILL_OPEN else chance() ** 0.8
        submitted = soonest + (ground.days - 3 - soonest) * where
        at = ground.first_day + timedelta(int(submitted), 25_000 + chance() * 50_000)
        self.created_at = at - timedelta(hours=0.2 + 60 * chance() ** 4)
        if earliest and self.created_at <= earliest:
            self.created_at = earliest + timedelta(minutes=5)
            at = max(at, earliest + timedelta(hours=2))
        return ground.day(day), at

    def _times_after(self, submitted: datetime) -> list[datetime]:
        """When the acts took place, in office hours, from the day after the submission on."""
        chance, count = self.random.random, len(self.acts)
        midnight = submitted.replace(hour=0, minute=0, second=0, microsecond=0)
        span = max(min((self.ground.latest - midnight).days - 1, int(30 + 250 * chance())), 1)
        days = sorted([1 + int(span * chance()) for _act in range(count)])
        seconds = sorted([25_000 + 30_000 * chance() for _act in range(count)])
        return [midnight + timedelta(d, s) for d, s in zip(days, seconds, strict=True)]

    # --- Living ---

    def live(self) -> None:
        account, chance = self.account, self.random.random
        happened_on, at = self._dates()
        if account.joined_at is None:
            account.joined_at = self.created_at - timedelta(minutes=4 + 50_000 * chance() ** 6)
        self._tell(happened_on, at.date())
        self._write_account()
        if self.end is State.DRAFT:
            self._write_draft(at)
        else:
            files = bisect(_FILES, chance()) or (FIX in self.acts)
            for n in range(files):
                self._add_file(self.created_at + (at - self.created_at) * ((n + 1) / (files + 1)))
            self.submit(at)
            account.filed = self
            for act, then in zip(self.acts, self._times_after(at) if self.acts else (), strict=True):
                getattr(self, act)(then)
        account.busy_until = at
        account.codes.add(self.form.code)
        self._write_request()
        self._write_claim()

    def _tell(self, happened_on: date, told_on: date) -> None:
        telling, filed = self.telling, self.account.filed
        if self.refiles:
            self.own, self.own_texts = dict(self.refiles.own), dict(self.refiles.own_texts)
            self.own_account = self.refiles.own_account
            self.earlier = frozenset(q.id for q in telling.asked)
            return
        self.earlier = telling.kept_from(filed.telling) if filed else frozenset()
        self.teller = teller = Teller(
            self.random, self.ground.mandate, self.form, self.account.person, self.home, happened_on, told_on,
            self.account.language, self.ground.shelters, telling.for_themselves,
        )  # fmt: skip
        own, texts = self.own, self.own_texts
        for question, tell in telling.own:
            name = question.id
            if filed and name in self.earlier:
                own[name], texts[name] = filed.own[name], filed.own_texts[name]
            else:
                own[name] = answer = tell(teller, question)
                texts[name] = written(answer)

    def _one_of(self, of: Sequence[Any]) -> Any:
        return of[int(self.random.random() * len(of))]

    def _randoms(self) -> bytes:
        return self.random.randbytes(SALT)

    def _standing(self) -> str:
        """The JSON text of Claim.standing."""
        region = f'"{self.region}"' if self.region else "null"
        state = AWAITING_DECISION if self.state in AWAITING else self.state.value
        return f'{{"category":"{self.form.code}","region":{region},"state":"{state}"}}'

    # --- The acts ---

    def submit(self, at: datetime) -> None:
        ground, written_at = self.ground, instant(at)
        self.submitted_at = written_at
        self.version = 1
        self.chosen = self._one_of(ground.consents) if self.random.random() < CONSENTING else None
        self.eligibility = self._one_of(ground.eligibility)
        self._fill_columns()
        self._choose(written_at)
        self.claimant_pk = self._claimant(written_at)
        self._freeze(written_at)
        self.state, self.changed_at = State.SUBMITTED, at
        self._cover()
        self._enter(entries.SUBMITTED, written_at, self._own, self.digest, self._facts(first=True))

    def amend(self, at: datetime) -> None:
        written_at = instant(at)
        changed = self.telling.first.get("amount")
        if changed:
            amount = self.own[changed]
            self.own[changed] = amount | {"amount": f"{int(float(amount['amount']) * 1.15) + 500}.00"}
            self.own_texts[changed] = written(self.own[changed])
        else:
            self.own_account = " ".join(self.random.sample(self.form.stories, 2))
        if self.random.random() < 0.5 or self.state == State.NEEDS_FIXING:
            self._add_file(at - timedelta(minutes=20))
        self._choose(written_at)
        self.version += 1
        self._fill_columns()
        self._freeze(written_at)
        if self.state in AFTER_AMENDING:
            self.reviewed_before = self.state in AWAITING
            self.state = AFTER_AMENDING[self.state]
        self.changed_at = at
        self._enter(entries.AMENDED, written_at, self._own, self.digest, self._facts(first=False))

    def fix(self, at: datetime) -> None:
        facts = f'{{"files":["{self.files[0][0]}"]}}'
        self._move(State.NEEDS_FIXING, entries.FIXING_REQUESTED, at, Role.INTAKE_OFFICER, facts)

    def start(self, at: datetime) -> None:
        self._move(State.UNDER_REVIEW, entries.REVIEW_STARTED, at, Role.REVIEWER)

    def ask(self, at: datetime) -> None:
        text, salt = self._one_of(words.ASKED_FOR), self._randoms()
        digest = log.salted_digest(salt, text.encode())
        due_on = (at + timedelta(30)).date()
        pk, public_id = next(self.tables.requests.ids), as_uuid(self._randoms().hex())
        self.request = (
            pk,
            public_id,
            self.pk,
            text,
            _bytea(salt),
            digest,
            self.reviewer.pk,
            instant(at),
            due_on,
        )
        facts = f'{{"due_on":"{due_on}","request":"{public_id}","text":"{digest}"}}'
        self._move(State.INFORMATION_REQUESTED, entries.INFORMATION_REQUESTED, at, Role.REVIEWER, facts)

    def answer(self, at: datetime) -> None:
        assert self.request is not None  # noqa: S101 - LIVES asks before it answers
        pk, public_id, digest = self.request[0], self.request[1], self.request[5]
        written_at = instant(at)
        if self.random.random() < 0.6:
            self._add_file(at - timedelta(minutes=9), request=pk)
        reply = self._one_of(words.REPLIES)
        self.replies.append({"request": public_id, "digest": digest, "reply": reply, "at": written_at})
        self.version += 1
        self._supplement(written_at)
        self._write_request(answered_at=written_at)
        facts = f'{{"evidence":{len(self.files)},"request":"{public_id}","version_number":{self.version}}}'
        own = (self.account.public_id, CLAIMANT)
        self.state, self.changed_at = State.UNDER_REVIEW, at
        self._enter(entries.INFORMATION_ANSWERED, written_at, own, self.digest, facts)

    def eligible(self, at: datetime) -> None:
        self._move(State.ELIGIBLE, entries.REVIEW_FINISHED, at, Role.SENIOR_REVIEWER)

    def ineligible(self, at: datetime) -> None:
        self._move(State.INELIGIBLE, entries.REVIEW_FINISHED, at, Role.SENIOR_REVIEWER)

    def send_back(self, at: datetime) -> None:
        self.reviewed_before = True
        self._move(State.UNDER_REVIEW, entries.RETURNED, at, Role.SENIOR_REVIEWER)

    def decide(self, at: datetime) -> None:
        ground, end, written_at = self.ground, self.end.value, instant(at)
        fitting, today = ground.reasons[self.end], at.date()
        rule = fitting[int(self.random.random() ** 2 * len(fitting))]
        reason, salt = getattr(rule.told, self.account.language), self._randoms()
        digest = log.salted_digest(salt, reason.encode())
        self.tables.outcomes.rows.append(
            (self.pk, self.version_pk, end, rule.id, reason, _bytea(salt), digest, today, written_at)
        )
        decision = ground.id_of("decision", today.toordinal())
        facts = (
            f'{{"decided_on":"{today}","decision":"{decision}","outcome":"{end}",'
            f'"reason":"{digest}","rule":"{rule.id}","version_number":{self.version}}}'
        )
        self.state, self.changed_at = self.end, at
        self.reviewed_before = True
        self.recorded_at = written_at if self.end is State.RECORDED else None
        by = (ground.board[at.toordinal() % len(ground.board)].actor, Role.BOARD_MEMBER.value)
        self._enter(entries.DECIDED, written_at, by, self.digest, facts)

    def withdraw(self, at: datetime) -> None:
        own = (self.account.public_id, CLAIMANT)
        self.state, self.changed_at = State.WITHDRAWN, at
        self._enter(entries.WITHDRAWN, instant(at), own)

    def _move(self, to: State, kind: log.Kind, at: datetime, office: Role, facts: str = "{}") -> None:
        self.state, self.changed_at = to, at
        self._enter(kind, instant(at), (self.reviewer.actor, office.value), facts=facts)

    # --- What an act writes ---

    @property
    def _own(self) -> tuple[str, str]:
        """Who files, and as what."""
        return self.account.public_id, self.telling.office

    def _facts(self, *, first: bool) -> str:
        """Of a version that the claimant signed. Keys in the order of RFC 8785."""
        mandate, kind = self.ground.mandate, self.form.kind.value
        chosen = f'"consents":{self.chosen[1]},' if self.chosen else ""
        refiles = f'"refiles":"{self.refiles.number}",' if first and self.refiles else ""
        return (
            f'{{"assurance":"{SELF_DECLARED}","category_version":{self.form.definition.version},'
            + (f'"claimant_kind":"{kind}",{chosen}' if first else chosen)
            + f'"declaration":"{mandate.declaration.version}","evidence":{len(self.files)},'
            + (f'"number":"{self.number}",' if first else "")
            + f'"privacy_notice":"{self.ground.notice}",{refiles}'
            f'"signature":"{TYPED}","version_number":{self.version}}}'
        )

    def _enter(
        self,
        kind: log.Kind,
        at: str,
        by: tuple[str, str],
        version: str = "",
        facts: str = "{}",
    ) -> None:
        (actor, office), before = by, self.stands
        self.stands = self._standing()
        named = f'"{version}"' if version else "null"
        body = (
            f'{{"actor":{{"id":"{actor}","kind":"person"}},"after":{self.stands},"at":"{at}",'
            f'"before":{before},"claim":"{self.public_id}","facts":{facts},"format":"{log.FORMAT}",'
            f'"kind":"{kind.name}","office":"{office}","open":{"true" if kind.is_open else "false"},'
            f'"version":{named}}}'
        )
        text = body.encode()
        self.tables.entries.add(SALT_LENGTH, self._randoms(), LENGTH(len(text)), text)

    def _fill_columns(self) -> None:
        """As indexing.fill_columns."""
        own, first = self.own, self.telling.first
        self.place_id, self.region, self.place_kind = None, "", self.telling.place_kind
        place = own[first["place"]] if "place" in first else {}
        if "code" in place:
            self.place_id, self.region = place["code"], self.home.region
            self.place_kind = self.place_kind or PLACE_KINDS[0]
        when = own[first["event_date"]] if "event_date" in first else ""
        self.event_on = when if isinstance(when, str) else when["start"]
        self.event_first_day = f"{self.event_on}-01-01"[:10] if self.event_on else None
        money = own[first["amount"]] if "amount" in first else {}
        self.amount, self.currency = money.get("amount"), money.get("currency", "")

    def _choose(self, at: str) -> None:
        if self.chosen:
            notice, by = self.ground.notice, self.account.pk
            choices = self.chosen[0].items()
            self.tables.consents.rows += [(self.pk, p, given, notice, at, by) for p, given in choices]

    def _claimant(self, at: str) -> int:
        account, own, first = self.account, self.own, self.telling.first
        if account.kind is ClaimantKind.INDIVIDUAL:
            name = own[first["claimant.name"]] if "claimant.name" in first else {}
            identity = (*[name.get(part, "") for part in NAME_PARTS], "", "")
        else:
            feeds = ("claimant.legal_name", "claimant.registration_number")
            identity = ("", "", "", "", *[own[first[f]] if f in first else "" for f in feeds])
        pk = account.claimants.get(identity)
        if pk is None:
            public_id = self.ground.id_of("claimant", self.index)
            pk = self.known.get(public_id)
            if pk is None:
                pk = next(self.tables.claimants.ids)
                country = first.get("claimant.country")
                country = self.telling.answers[country] if country else ""
                row = (pk, public_id, account.kind.value, account.pk, *identity, country, at)
                self.tables.claimants.rows.append(row)
            account.claimants[identity] = pk
        return pk

    def _cover(self) -> None:
        for question in self.telling.fed.get("person_covered", ()):
            for person in _persons(question, self.own[question.id]):
                parts = [person.get(part, "") for part in NAME_PARTS]
                self.tables.persons.rows.append((self.pk, question.role, *parts))
        for item in self.telling.aid:
            self.tables.aid.rows.append((self.pk, *item))

    def _add_file(self, at: datetime, *, request: int | None = None) -> None:
        random, tables, types = self.random.random, self.tables, self.form.definition.evidence_types
        if len(self.files) == len(self.ground.stored):
            return
        # The same bytes stand in a claim only once.
        stored = self.ground.stored[(self.first_file + len(self.files)) % len(self.ground.stored)]
        public_id, pk, written_at = as_uuid(self._randoms().hex()), next(tables.files.ids), instant(at)
        name = self._one_of(words.FILE_NAMES).format(n=len(self.files) + 1) + stored.extension
        type_ = types[int(random() ** 2 * len(types))].id if types and random() < 0.9 else ""
        by = ("person", self.account.public_id)
        tables.files.rows.append(
            (pk, public_id, stored.blob_id, name, written_at, *by, ScanState.NOT_SCANNED.value)
        )
        tables.custody.rows.append((public_id, CustodyKind.RECEIVED.value, *by, written_at, stored.sha256))
        tables.attachments.rows.append((self.pk, pk, type_, "", request, written_at))
        said = (
            f'{{"description":"","id":"{public_id}","media_type":"{stored.media_type}","name":"{name}",'
            f'"received_at":"{written_at}","sha256":"{stored.sha256}","size_bytes":{stored.size_bytes},'
            f'"type":"{type_}"}}'
        )
        self.files.append((public_id, said))

    def _freeze(self, at: str) -> None:
        """Every byte as versions.freeze makes them."""
        ground, own = self.ground, self.own_texts
        consents = f'{{"choices":{self.chosen[1]},"notice":"{ground.notice}"}}' if self.chosen else "null"
        core = ground.cores[self.form.kind, self.account.language] % {
            "consents": consents,
            "eligibility": self.eligibility,
            "submitted_at": at,
            "typed_name": written(self.account.person.full_name),
        }
        salts = self.random.randbytes(SALT * len(SECTIONS))
        self.sections = [frozen(core.encode(), salts[:SALT])]
        for n, (hollow, ready) in enumerate(self.telling.sections(self.earlier), 1):
            self.sections.append(ready or frozen((hollow % own).encode(), salts[SALT * n : SALT * (n + 1)]))
        self.sections.append(frozen(self._evidence(), salts[-SALT:]) if self.files else ground.no_evidence)
        if self.replies or self.own_account != self.telling.own_account:
            self._add_to_account()
        self._write_version(at, TYPED)

    def _supplement(self, at: str) -> None:
        """As versions.supplement: all sections stand but the two that the answer adds to."""
        self._add_to_account()
        self.sections[-1] = frozen(self._evidence(), self._randoms())
        self._write_version(at, SIGNED_IN)

    def _add_to_account(self) -> None:
        """What is not in the telling."""
        said = json.loads(self.sections[ACCOUNT].text)
        for name, answer in ((OWN_ACCOUNT, self.own_account), (REPLIES, self.replies)):
            if answer:
                said[name] = {"answer": answer, "origin": STATED}
        self.sections[ACCOUNT] = frozen(json_text(said).encode(), self._randoms())

    def _evidence(self) -> bytes:
        return f"[{','.join([said for _public_id, said in self.files])}]".encode()

    def _write_version(self, at: str, signature: str) -> None:
        columns, digests, _texts = zip(*self.sections, strict=True)
        manifest = self.form.manifest % (self.public_id, self.number, *IN_ORDER(digests), self.version)
        self.digest = sha256(manifest.encode()).hexdigest()
        self.version_pk = next(self.tables.versions.ids)
        made_at = (datetime.fromisoformat(at) - POSTGRES_EPOCH) // MICROSECOND
        head = VERSION_HEAD(
            *(8, self.version_pk, 8, self.pk, 4, self.version, 8, self.form.version_id, 8, made_at),
        )
        texts = (SELF_DECLARED, signature, manifest, self.digest)
        said = [part for text in texts for part in (LENGTH(len(text)), text.encode())]
        self.tables.versions.add(head, *said, *columns)

    def _write_request(self, answered_at: str | None = None) -> None:
        """Once it is answered, or at the end if it was not."""
        if self.request:
            answered_in = self.version_pk if answered_at else None
            self.tables.requests.rows.append((*self.request, "", answered_at, answered_in))
            self.request = None

    def _write_account(self) -> None:
        account, tables = self.account, self.tables
        if account.is_written or account.joined_at is None:
            return
        account.is_written = True
        account.pk = next(tables.users.ids)
        password = f"{UNUSABLE_PASSWORD_PREFIX}{account.public_id}"
        row = (account.pk, account.public_id, account.email, password, account.language, True, False)
        tables.users.rows.append((*row, instant(account.joined_at)))
        tables.addresses.rows.append((account.pk, account.email, True, True))

    def _write_draft(self, at: datetime) -> None:
        """As filing leaves one whose first pages were gone through; one that is filed again says everything
        and waits to be looked over."""
        form, telling, random = self.form, self.telling, self.random
        self.changed_at = at
        pages = form.pages[: 0 if self.refiles else 1 + int(random.random() * len(form.pages))]
        seen = {question.id for page in pages for question in page.questions}
        answered = [q for q in telling.asked if q.id in seen or q.id in self.earlier]
        texts = telling.texts | self.own_texts
        answers = {q.id: texts[q.id] for q in answered}
        origins = {name: STATED_TEXT if name in seen else EARLIER_TEXT for name in answers}
        items = {q.id: self.own.get(q.id) or telling.answers[q.id] for q in answered if q.type is Type.GROUP}
        ids = {
            name: [as_uuid(self._randoms().hex()) for _item in answer]
            for name, answer in items.items()
            if not checking.is_state(answer)
        }
        eligibility = "{}" if self.refiles else self._one_of(self.ground.eligibility)
        gone_through = [*(["eligibility"] if eligibility != "{}" else []), *(page.id for page in pages)]
        said = (
            *map(object_of, (answers, origins)),
            json_text(ids),
            eligibility,
            "{}",
            json_text(gone_through),
        )
        own_account = self.own_account if self.refiles else ""
        saved_at = None if self.refiles else instant(at)
        self.tables.drafts.rows.append((self.pk, *said, own_account, saved_at))

    def _write_claim(self) -> None:
        form, account, is_draft = self.form, self.account, self.state is State.DRAFT
        number, changed_at = (None, None) if is_draft else (self.number, instant(self.changed_at))
        self.tables.claims.rows.append((
            self.pk, self.public_id, number, form.category_id, form.version_id, form.sensitive,
            form.kind.value, self.claimant_pk, account.pk, self.refiles and self.refiles.pk, account.language,
            self.state.value, self.version, self.reviewed_before, not is_draft and self.telling.discreet,
            self.region, self.place_id, self.place_kind, self.event_on, self.event_first_day, self.amount,
            self.currency, instant(self.created_at), self.submitted_at, self.recorded_at, changed_at,
        ))  # fmt: skip


STATED_TEXT, EARLIER_TEXT = json_text(STATED), json_text(EARLIER_CLAIM)
ACCOUNT = SECTIONS.index("account")
VERSION_HEAD = Struct(">iqiqiiiqiq").pack  # each number with its length before it
POSTGRES_EPOCH, MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
IN_ORDER = itemgetter(*sorted(range(len(SECTIONS)), key=SECTIONS.__getitem__))


def _bytea(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _persons(question: Question, answer: Answer) -> Iterator[Mapping[str, str]]:
    """As indexing.cover finds them."""
    for person in [i.get(question.person_field) for i in answer] if question.type is Type.GROUP else [answer]:
        if person and not checking.is_state(person):
            yield person
