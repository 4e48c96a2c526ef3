"""Hold claims against what the ledger tells of them: state, number, versions and their sections, columns and
rows for searching, files; and every table about claims by what its model says in `covered_by`."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model

from accounts.models import User
from claims import entries, indexing, lifecycle, mandates, versions
from claims.mandates import SECTIONS, ClaimantKind
from claims.models import (
    AidItem,
    Attachment,
    Category,
    CategoryVersion,
    Claim,
    Claimant,
    ClaimVersion,
    Draft,
    InformationRequest,
    PersonCovered,
    Signature,
    State,
)
from claims.models.category import definition
from claims.models.claim import AWAITING_DECISION
from evidence.models import Blob, CustodyEvent, CustodyKind, EvidenceFile
from ledger import covering, log
from ledger.covering import Body, Told
from ledger.models import Entry
from ledger.verifying import Finding

CONFIRMED = "review.confirmed"  # internal, and by then the only entry that tells the recommendation
MADE_A_VERSION = {entries.SUBMITTED.name, entries.AMENDED.name, entries.INFORMATION_ANSWERED.name}
LEADS_TO: Mapping[str, frozenset[State]] = {
    entries.SUBMITTED.name: frozenset({State.SUBMITTED}),
    entries.WITHDRAWN.name: frozenset({State.WITHDRAWN}),
    entries.REVIEW_STARTED.name: frozenset({State.UNDER_REVIEW}),
    entries.FIXING_REQUESTED.name: frozenset({State.NEEDS_FIXING}),
    entries.INFORMATION_REQUESTED.name: frozenset({State.INFORMATION_REQUESTED}),
    entries.INFORMATION_ANSWERED.name: frozenset({State.UNDER_REVIEW}),
    entries.REQUEST_CLOSED.name: frozenset({State.UNDER_REVIEW}),
    entries.REVIEW_FINISHED.name: lifecycle.AWAITING,
    entries.RETURNED.name: frozenset({State.UNDER_REVIEW}),
    entries.REOPENED.name: frozenset({State.UNDER_REVIEW}),
}
CHANGES = {*LEADS_TO, entries.AMENDED.name, entries.DECIDED.name, entries.ERASED.name}
AGAIN = {entries.RETURNED.name, entries.DECIDED.name, entries.REOPENED.name}
NOT_MODELLED = ("id", "claim_id")


@dataclass
class Story:
    """What the entries of a claim tell, oldest first. `states` are those that it may stand in: of a finished
    review the open entries do not tell the outcome."""

    bodies: list[Body]
    states: frozenset[State] = frozenset({State.DRAFT})
    number: str = ""
    filed_by: str = ""
    claimant_kind: str = ""
    refiles: str = ""
    submitted_at: str = ""
    recorded_at: str = ""
    changed_at: str = ""
    reviewed_before: bool = False
    standing: Mapping[str, Any] | None = None
    made: list[Body] = field(default_factory=list)  # that brought a version
    in_batches: set[str] = field(default_factory=set)  # undecided, as far as the claim's own entries tell
    problems: list[str] = field(default_factory=list)

    def read(self) -> "Story":
        for body in self.bodies:
            try:
                self._read(body["kind"], body, body["facts"])
            except (LookupError, ValueError, TypeError):  # by no act of ours
                self.problems.append(f"{body['kind']} does not say what such an entry says")
        return self

    def _read(self, kind: str, body: Body, facts: Mapping[str, Any]) -> None:
        before = self.states
        if kind == entries.SUBMITTED.name:
            self.number, self.claimant_kind = facts["number"], facts["claimant_kind"]
            self.refiles = facts.get("refiles") or ""
            self.filed_by, self.submitted_at = body["actor"]["id"], body["at"]
        if kind in LEADS_TO:
            self.states = LEADS_TO[kind]
        elif kind == entries.AMENDED.name:
            self.states = frozenset(lifecycle.AFTER_AMENDING.get(state, state) for state in before)
            if self.states != before:
                self.reviewed_before = before <= lifecycle.AWAITING
        elif kind == entries.DECIDED.name:
            self.states = frozenset({State(facts["outcome"])})
            self.recorded_at = body["at"] if facts["outcome"] == State.RECORDED else ""
            self.in_batches.discard(facts["decision"])
        elif kind == CONFIRMED:
            self.states = frozenset({State(facts["recommendation"])})
        elif kind == "batch.member_added":
            self.in_batches.add(facts["batch"])
        elif kind == "batch.member_taken_out":
            self.in_batches.discard(facts["batch"])
        if kind in AGAIN:
            self.reviewed_before = True
        if kind in CHANGES:
            self.changed_at = body["at"]
        if kind in MADE_A_VERSION:
            self.made.append(body)
        if kind in (LEADS_TO.keys() | {entries.DECIDED.name}) and not any(
            to in lifecycle.MOVES[of] for of in before for to in self.states
        ):
            self.problems.append(f"{kind} cannot follow on what the ledger tells before it")
        if body["after"]:
            if self.standing and body["before"] != self.standing:
                self.problems.append(f"{kind} begins where the entry before it did not end")
            self.standing = body["after"]


# --- A batch of claims, with all that is about them ---


class Batch:
    """Claims with consecutive keys. Each table is read once for all of them."""

    def __init__(self, claims: Sequence[Claim], decided: frozenset[str]) -> None:
        self.claims = claims
        self._decided = decided  # batches of the Board
        keys = [claim.pk for claim in claims]
        self._bodies = bodies_of(claim.public_id for claim in claims)
        self._users = User.objects.in_bulk([claim.filed_by_id for claim in claims])
        self._claimants = Claimant.objects.in_bulk([claim.claimant_id for claim in claims])
        self._refiled = Claim.objects.in_bulk([claim.refiles_id for claim in claims if claim.refiles_id])
        self._categories = Category.objects.in_bulk()
        self._wordings = {
            pk: (category, number)
            for pk, category, number in CategoryVersion.objects.values_list("pk", "category_id", "version")
        }
        self._versions = _by_claim(ClaimVersion.objects.filter(claim__in=keys).order_by("claim", "number"))
        self._persons = _by_claim(PersonCovered.objects.filter(claim__in=keys))
        self._aid = _by_claim(AidItem.objects.filter(claim__in=keys))
        self._attached = _by_claim(Attachment.objects.filter(claim__in=keys).order_by("pk"))
        attached = [one for several in self._attached.values() for one in several]
        self._files = EvidenceFile.objects.in_bulk([one.evidence_file_id for one in attached])
        self._blobs = Blob.objects.in_bulk([file.blob_id for file in self._files.values()])
        named = [file.public_id for file in self._files.values()]
        received = CustodyEvent.objects.filter(evidence_public_id__in=named, kind=CustodyKind.RECEIVED)
        self._received = set(received.values_list("evidence_public_id", "sha256"))
        self._drafted = set(Draft.objects.filter(claim__in=keys).values_list("pk", flat=True))
        self._unanswered = set(
            InformationRequest.objects.filter(claim__in=keys, answered_at=None).values_list("pk", flat=True)
        )

    def findings(self) -> Iterator[Finding]:
        for claim in self.claims:
            story = Story(self._bodies[claim.public_id]).read()
            if claim.state == State.DRAFT:
                if story.made or self._versions[claim.pk]:
                    yield Finding.of(Claim, claim.pk, "is a draft, and was submitted as the ledger tells")
                continue
            if not story.made:
                yield Finding.of(Claim, claim.pk, "was never submitted, as far as the ledger tells")
                continue
            for problem in story.problems:
                yield Finding.of(Entry, f"of claim {claim.public_id}", problem)
            yield from self._versions_of(claim, story)
            if wrong := sorted(self._wrong_columns(claim, story)):
                yield Finding.of(Claim, claim.pk, f"{', '.join(wrong)}: not as the ledger tells")
            yield from self._derived_from_the_newest(claim, story)
            yield from self._files_of(claim)
        yield from self._told()

    # --- Columns ---

    def _wrong_columns(self, claim: Claim, story: Story) -> Iterator[str]:
        category, user = self._categories.get(claim.category_id), self._users.get(claim.filed_by_id)
        refiled = self._refiled.get(claim.refiles_id) if claim.refiles_id else None
        standing = story.standing or {}
        newest = next(reversed(self._versions[claim.pk]), None)
        shown = AWAITING_DECISION if claim.state in lifecycle.AWAITING else claim.state
        told: dict[str, tuple[Any, Any]] = {
            "number": (claim.number, story.number),
            "claimant_kind": (claim.claimant_kind, story.claimant_kind),
            "filed_by": (user and str(user.public_id), story.filed_by),
            "refiles": (refiled.number if refiled else claim.refiles_id or "", story.refiles),
            "version": (claim.version, len(story.made)),
            "submitted_at": (covering.text(claim.submitted_at), story.submitted_at),
            "recorded_at": (covering.text(claim.recorded_at), story.recorded_at),
            "changed_at": (covering.text(claim.changed_at), story.changed_at),
            "reviewed_before": (claim.reviewed_before, story.reviewed_before),
            "category": (category and category.code, standing.get("category")),
            "region": (claim.region or None, standing.get("region")),
            "state": (shown, standing.get("state")),
            "sensitive": (claim.sensitive, category and category.sensitive),
            "category_version": (claim.category_version_id, newest and newest.category_version_id),
        }
        yield from (column for column, (stands, is_told) in told.items() if stands != is_told)
        if claim.state not in story.states:
            yield "state"
        if not self._is_bound_as_told(claim, story):
            yield "bound_by"
        first = next(iter(self._versions[claim.pk]), None)
        core = _object(first.core) if first else {}
        if core.get("language", claim.language) != claim.language:
            yield "language"

    def _is_bound_as_told(self, claim: Claim, story: Story) -> bool:
        """By a decision of the Board on a batch that the claim is in, which is not yet written in."""
        bound = story.in_batches & self._decided if claim.state in lifecycle.AWAITING else set()
        if claim.bound_by is None:
            return not bound
        return str(claim.bound_by) in (bound or story.in_batches & decided_batches())

    # --- Versions ---

    def _versions_of(self, claim: Claim, story: Story) -> Iterator[Finding]:
        rows = {row.number: row for row in self._versions[claim.pk]}
        for number in sorted(rows.keys() | set(range(1, len(story.made) + 1))):
            row = rows.get(number)
            if row is None:
                yield Finding.of(ClaimVersion, f"{number} of claim {claim.public_id}", "is missing")
            elif number > len(story.made):
                yield Finding.of(ClaimVersion, row.pk, "no entry tells of this version")
            elif wrong := sorted(self._wrong_in_version(claim, row, story.made[number - 1], rows)):
                yield Finding.of(ClaimVersion, row.pk, f"{', '.join(wrong)}: not as the ledger tells")
        yield from self._wrongly_there(story, rows.values())

    def _wrong_in_version(
        self, claim: Claim, row: ClaimVersion, made: Body, rows: Mapping[int, ClaimVersion]
    ) -> Iterator[str]:
        facts = made["facts"]
        if hashlib.sha256(row.manifest.encode()).hexdigest() != row.digest:
            yield "manifest"
        if row.digest != made["version"]:
            yield "digest"
        if covering.text(row.made_at) != made["at"]:
            yield "made_at"
        if made["kind"] == entries.INFORMATION_ANSWERED.name:
            before = rows.get(row.number - 1)
            assurance = before.assurance if before else row.assurance
            signature = Signature.SIGNED_IN.value
        else:
            assurance, signature = facts["assurance"], facts["signature"]
        if row.assurance != assurance:
            yield "assurance"
        if row.signature != signature:
            yield "signature"
        if facts["version_number"] != row.number:
            yield "number"
        manifest = _manifest(row)
        if (manifest.get("claim"), manifest.get("number"), manifest.get("version")) != (
            str(claim.public_id),
            claim.number,
            row.number,
        ):
            yield "manifest"
        category_id, wording = self._wordings.get(row.category_version_id, (0, 0))
        category = self._categories.get(category_id)
        if (category and category.code, wording) != (
            manifest.get("category"),
            manifest.get("category_version"),
        ):
            yield "category_version"
        digests = manifest["sections"]
        for name in SECTIONS:
            text, salt = getattr(row, name), getattr(row, f"{name}_salt")
            if text is not None and log.salted_digest(bytes(salt or b""), text.encode()) != digests.get(name):
                yield name

    def _wrongly_there(self, story: Story, rows: Iterable[ClaimVersion]) -> Iterator[Finding]:
        """A section is missing if, and only if, an entry tells that it was erased by law."""
        rows = list(rows)
        digests = {row.digest: _manifest(row)["sections"] for row in rows}
        erased = {
            (name, digests.get(version, {}).get(name))
            for body in story.bodies
            if body["kind"] == entries.ERASED.name
            for version in body["facts"]["versions"]
            for name in body["facts"]["sections"]
        }
        for row in rows:
            for name in SECTIONS:
                is_erased = (name, digests[row.digest].get(name)) in erased
                if getattr(row, name) is None and not is_erased:
                    yield Finding.of(
                        ClaimVersion, row.pk, f"{name} is gone, and no entry tells of its erasure"
                    )
                if getattr(row, name) is not None and is_erased:
                    yield Finding.of(ClaimVersion, row.pk, f"{name} was erased by law, and is there")

    # --- What was read out of the newest version ---

    def _derived_from_the_newest(self, claim: Claim, story: Story) -> Iterator[Finding]:
        newest = next(reversed(self._versions[claim.pk]), None)
        try:
            if newest is None:
                raise ValueError
            answers = versions.answers(newest)
            form = definition(newest.category_version_id).form(ClaimantKind(claim.claimant_kind))
            asked = [question for question in form.questions if question.id in answers]
            again = Claim(
                pk=claim.pk,
                claimant_kind=claim.claimant_kind,
                filed_by_id=claim.filed_by_id,
                version=claim.version,
            )
            indexing.fill_columns(again, asked, answers)
            named = indexing.as_named(again, asked, answers)
            persons, aid = indexing.covered(again, asked, answers)
        except (ValueError, LookupError, TypeError, AttributeError, CategoryVersion.DoesNotExist):
            yield Finding.of(Claim, claim.pk, "cannot be read out of its newest version")
            return
        was_erased = any(body["kind"] == entries.ERASED.name for body in story.bodies)
        if was_erased and claim.discreet:  # who asked for no letters still gets none
            again.discreet = True
        names = ["place_id" if column == "place" else column for column in indexing.COLUMNS]
        if wrong := [name for name in names if getattr(claim, name) != getattr(again, name)]:
            yield Finding.of(Claim, claim.pk, f"{', '.join(wrong)}: not as its newest version says")
        yield from self._claimant_of(claim, named)
        for model, stored, derived in (
            (PersonCovered, self._persons[claim.pk], persons),
            (AidItem, self._aid[claim.pk], aid),
        ):
            yield from _differences(model, claim, stored, derived)

    def _claimant_of(self, claim: Claim, named: Claimant) -> Iterator[Finding]:
        row = self._claimants.get(claim.claimant_id) if claim.claimant_id else None
        if row is None:
            yield Finding.of(Claimant, claim.claimant_id, f"is missing: claim {claim.pk} is theirs")
            return
        columns = ("kind", "filed_by_id", *indexing.IDENTITY)
        wrong = [column for column in columns if getattr(row, column) != getattr(named, column)]
        if (row.erased_at is None) == (not row.name):
            wrong.append("erased_at")
        if wrong:
            says = f"{', '.join(wrong)}: not as the newest version of claim {claim.pk} says"
            yield Finding.of(Claimant, row.pk, says)

    # --- Evidence ---

    def _files_of(self, claim: Claim) -> Iterator[Finding]:
        listed: dict[str, Mapping[str, Any]] = {}
        for row in self._versions[claim.pk]:
            listed |= {str(one.get("id")): one for one in _list(row.evidence)}
        for attachment in self._attached[claim.pk]:
            file = self._files.get(attachment.evidence_file_id)
            one = listed.pop(str(file.public_id), None) if file else None
            if file is None:
                yield Finding.of(EvidenceFile, attachment.evidence_file_id, "is missing: a claim has it")
            elif one is None:
                if claim.pk not in self._drafted and attachment.request_id not in self._unanswered:
                    yield Finding.of(Attachment, attachment.pk, "stands in no version of its claim")
            else:
                yield from self._wrong_file(attachment, file, one)
        for public_id in listed:
            yield Finding.of(Attachment, f"of file {public_id}", "is missing: a version names it")

    def _wrong_file(
        self, attachment: Attachment, file: EvidenceFile, listed: Mapping[str, Any]
    ) -> Iterator[Finding]:
        for column in ("type", "description"):
            if getattr(attachment, column) != listed.get(column):
                yield Finding.of(Attachment, attachment.pk, f"{column}: not as submitted")
        if file.name != listed.get("name"):
            yield Finding.of(EvidenceFile, file.pk, "name: not as submitted")
        if covering.text(file.received_at) != listed.get("received_at"):
            yield Finding.of(EvidenceFile, file.pk, "received_at: not as submitted")
        blob = self._blobs.get(file.blob_id)
        if blob is None:
            yield Finding.of(Blob, file.blob_id, f"is missing: file {file.public_id} is of it")
            return
        columns = ("sha256", "size_bytes", "media_type")
        if wrong := [column for column in columns if getattr(blob, column) != listed.get(column)]:
            # Which of the two was changed, nobody can tell from here.
            says = f"{', '.join(wrong)} of blob {blob.pk}: not as submitted"
            yield Finding.of(EvidenceFile, file.pk, says)
            yield Finding.of(
                Blob, blob.pk, f"{', '.join(wrong)}: not as submitted with file {file.public_id}"
            )
        if (file.public_id, listed.get("sha256")) not in self._received:
            yield Finding.of(CustodyEvent, f"of file {file.public_id}", "no event tells that it was received")

    # --- Tables of which entries tell row by row ---

    def _told(self) -> Iterator[Finding]:
        bodies = [body for several in self._bodies.values() for body in several]
        bodies.sort(key=lambda body: body["id"])
        for model, cover in told_models():
            if _is_about_claims(cover):
                kept: list[Body] = [body for body in bodies if body["kind"] in cover.kinds]
                named = [claim.public_id for claim in self.claims]
                rows = model._default_manager.filter(claim__public_id__in=named)
                yield from _held_against(model, cover, bodies if cover.lapses else kept, rows)


def _held_against(model: type[Model], cover: Told, bodies: Sequence[Body], rows: Any) -> Iterator[Finding]:
    for key, says in covering.disagreements(cover, bodies, rows.order_by("pk").values("pk", *cover.columns)):
        yield Finding.of(model, "-" if key is None else key, says)
    if cover.also:
        for key in rows.order_by("pk").values_list("pk", flat=True).iterator():
            if says := cover.also(key):
                yield Finding.of(model, key, says)


def told_models() -> Iterator[tuple[type[Model], Told]]:
    """The catalogue of what entries tell row by row, of every app that is installed."""
    for model in apps.get_models():
        cover = getattr(model, "covered_by", None)
        if isinstance(cover, Told):
            yield model, cover


def _is_about_claims(cover: Told) -> bool:
    return "claim__public_id" in cover.columns


# --- The other tables, and claims that are gone ---


def whole_tables() -> Iterator[Finding]:
    """Tables that are no claim's. The ledger is gone through once; what it tells of them is kept."""
    covers = [(model, cover) for model, cover in told_models() if not _is_about_claims(cover)]
    state_changed = entries.CATEGORY_STATE_CHANGED.name
    kinds = {state_changed, *(kind for _model, cover in covers for kind in cover.kinds)}
    told = Entry.objects.filter(kind__in=kinds, claim=None).order_by("pk").values_list("pk", "body")
    bodies = [_body(pk, body) for pk, body in told.iterator()]
    for model, cover in covers:
        kept = [body for body in bodies if body["kind"] in cover.kinds]
        yield from _held_against(model, cover, kept, model._default_manager.all())
    last = {b["facts"]["category"]: b["facts"]["state_after"] for b in bodies if b["kind"] == state_changed}
    yield from _categories(last)


def _categories(state: Mapping[str, str]) -> Iterator[Finding]:
    """Each as its newest wording says, and in the state that an act gave it last, or its first wording."""
    wordings: dict[int, list[CategoryVersion]] = defaultdict(list)
    for wording in CategoryVersion.objects.order_by("version"):
        wordings[wording.category_id].append(wording)
    for category in Category.objects.order_by("pk"):
        if not wordings[category.pk]:
            yield Finding.of(Category, category.pk, "no version of it is there")
            continue
        try:
            first, newest = (definition(wordings[category.pk][place].pk) for place in (0, -1))
        except (ValueError, LookupError, TypeError, mandates.MandateError):
            yield Finding.of(Category, category.pk, "its versions cannot be read")
            continue
        written = _object(wordings[category.pk][-1].content).get("category", {})
        told = {
            "code": (category.code, written.get("code")),
            "newest": (category.newest_id, wordings[category.pk][-1].pk),
            "state": (category.state, state.get(category.code, first.status)),
            "group": (category.group, newest.group),
            "title_uk": (category.title_uk, newest.title.uk),
            "title_en": (category.title_en, newest.title.en),
            "sensitive": (category.sensitive, newest.sensitive),
        }
        if wrong := [column for column, (stands, is_told) in told.items() if stands != is_told]:
            yield Finding.of(
                Category, category.pk, f"{', '.join(wrong)}: not as its versions and the ledger tell"
            )


def missing(told: Collection[UUID]) -> Iterator[Finding]:
    """Claims that were submitted as the ledger tells, and are not there."""
    there = set(Claim.objects.filter(public_id__in=told).values_list("public_id", flat=True))
    for public_id in sorted(set(told) - there):
        yield Finding.of(Claim, public_id, "is missing, and was submitted as the ledger tells")


def decided_batches() -> frozenset[str]:
    bodies = Entry.objects.filter(kind="board.decided").values_list("body", flat=True)
    return frozenset(str(_body(0, body)["facts"].get("batch")) for body in bodies)


# --- Parts ---


def bodies_of(claims: Iterable[UUID]) -> dict[UUID, list[Body]]:
    found: dict[UUID, list[Body]] = {claim: [] for claim in claims}
    rows = Entry.objects.filter(claim__in=found).order_by("pk").values_list("pk", "claim", "body")
    for pk, claim, body in rows:
        if claim is not None:
            found[claim].append(_body(pk, body))
    return found


def _by_claim(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.claim_id].append(row)
    return found


def _body(pk: int, text: str) -> Body:
    """Of an entry. One that no act wrote may lack anything."""
    body = _object(text)
    for name in ("facts", "actor"):
        if not isinstance(body.get(name), dict):
            body[name] = {}
    return {"before": None, "after": None, "version": None, "claim": None} | body | {"id": pk}


def _manifest(row: ClaimVersion) -> dict[str, Any]:
    manifest = _object(row.manifest)
    if not isinstance(manifest.get("sections"), dict):
        manifest["sections"] = {}
    return manifest


def _object(text: str | None) -> dict[str, Any]:
    """{} for what was changed so that it is none any more: its digest tells."""
    found = _parsed(text)
    return found if isinstance(found, dict) else {}


def _list(text: str | None) -> list[dict[str, Any]]:
    found = _parsed(text)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _differences(
    model: type[Model], claim: Claim, stored: Sequence[Model], derived: Sequence[Model]
) -> Iterator[Finding]:
    """Rows without an order, which the newest version tells."""
    columns = [f.attname for f in model._meta.concrete_fields if f.attname not in NOT_MODELLED]

    def said(row: Model) -> tuple[Any, ...]:
        return tuple(getattr(row, column) for column in columns)

    wanted = Counter(map(said, derived))
    for row in stored:
        if wanted[said(row)]:
            wanted[said(row)] -= 1
        else:
            yield Finding.of(model, row.pk, f"is not what the newest version of claim {claim.pk} says")
    if count := wanted.total():
        yield Finding.of(model, f"of claim {claim.pk}", f"{count} missing that its newest version tells of")
