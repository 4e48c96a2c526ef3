"""The work on a claim between its submission and the Board's decision. What outsiders need of a decision is
written to claims (`Outcome`); nothing here is ever shown to them."""

import hashlib
import json
import uuid
from datetime import timedelta
from typing import ClassVar, Self

import rfc8785
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from claims.mandates import ID_LENGTH
from claims.models import Category, Claim, ClaimVersion, State
from ledger.covering import Change, Cover, Told
from ledger.models import AppendOnly

LEASE = timedelta(hours=8)
"""How long a claim stays on somebody's desk after their last act; then others may take it."""


class Ended(models.TextChoices):
    RELEASED = "released", _("Put back")
    TAKEN_OVER = "taken_over", _("Time was over, and somebody else took it")
    REVIEWED = "reviewed", _("The review is finished")


class Assignment(models.Model):
    """A claim on a reviewer's desk. Until `ended_at` it is theirs; past `expires_at` others may take it."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="assignments")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments")
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=12, choices=Ended, blank=True)

    covered_by: ClassVar[Cover] = Told(
        key=("claim__public_id",),
        made={
            "review.taken": {
                "claim__public_id": "claim",
                "reviewer__public_id": "actor.id",
                "taken_at": "about",
                "ended_at": "=",
                "ended_because": "=",
            }
        },
        changed=tuple(
            Change(
                kind,
                match={"claim__public_id": "claim", "ended_at": "="},
                sets={"ended_at": "about", "ended_because": f"={because}"},
                only_with=fact,
            )
            for kind, because, fact in (
                ("review.taken", Ended.TAKEN_OVER.value, "taken_over_from"),
                ("review.released", Ended.RELEASED.value, ""),
                ("review.confirmed", Ended.REVIEWED.value, ""),
            )
        ),
        beside=("expires_at",),
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("ended_because",)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [
            models.UniqueConstraint(
                fields=["claim"], name="assignment_one_active_per_claim", condition=Q(ended_at=None)
            ),
            models.CheckConstraint(
                name="assignment_ended_with_reason",
                condition=Q(ended_at=None, ended_because="")
                | Q(ended_at__isnull=False, ended_because__in=Ended.values),
            ),
            models.CheckConstraint(
                name="assignment_expires_after_taking", condition=Q(expires_at__gt=F("taken_at"))
            ),
        ]
        indexes = [
            models.Index(fields=["reviewer", "claim"], name="assignment_of_reviewer"),
            # The desk of somebody who has reviewed thousands.
            models.Index(
                fields=["reviewer", "claim"], name="assignment_on_a_desk", condition=Q(ended_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk} of claim {self.claim_id}"

    @property
    def is_over(self) -> bool:
        """Whether somebody else may take the claim now."""
        return self.ended_at is not None or self.expires_at <= timezone.now()


class Checklist(AppendOnly):
    """The checklist of one version of a claim, as a reviewer worked through it. The newest row counts.

    `answers` is the RFC 8785 text of {check: {"answer": "yes" | "no" | "unclear" | "", "note": text}},
    `digest` is SHA-256(salt || answers), in hex.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="checklists")
    version = models.ForeignKey(ClaimVersion, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    answers = models.TextField(null=True)  # noqa: DJ001 - null is erased
    salt = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)

    covered_by: ClassVar[Cover] = Told(
        key=("digest",),
        made={
            "review.checklist_saved": {
                "digest": "facts.answers",
                "claim__public_id": "claim",
                "version__digest": "version",
                "by__public_id": "actor.id",
                "at": "about",
            }
        },
        digests={"digest": ("salt", "answers")},
    )
    personal_data: ClassVar[tuple[str, ...]] = ("answers", "salt")
    section_of: ClassVar[dict[str, str | None]] = {"answers": None, "salt": None}
    impersonal_data: ClassVar[tuple[str, ...]] = ("digest",)

    class Meta:
        verbose_name = _("checklist")
        verbose_name_plural = _("checklists")
        constraints = [
            models.CheckConstraint(
                name="checklist_erased_with_salt",
                condition=Q(answers=None, salt=None) | Q(answers__isnull=False, salt__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"checklist {self.pk} of claim {self.claim_id}"

    @property
    def given(self) -> dict[str, dict[str, str]]:
        """Answer and note of each check; {} if they were erased."""
        return dict(json.loads(self.answers or "{}"))


class Recommendation(models.TextChoices):
    ELIGIBLE = State.ELIGIBLE.value, _("Eligible for recording")
    INELIGIBLE = State.INELIGIBLE.value, _("Not eligible for recording")


class ProposalState(models.TextChoices):
    OPEN = "open", _("To be confirmed")
    CONFIRMED = "confirmed", _("Confirmed")
    SENT_BACK = "sent_back", _("Sent back")
    VOID = "void", _("Overtaken")


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def open(self) -> Self:
        return self.filter(state=ProposalState.OPEN)

    def confirmable(self) -> Self:
        """Open, and about the claim as it is now: an amendment overtakes a proposal."""
        return self.open().filter(version__number=F("claim__version"), claim__state=State.UNDER_REVIEW)

    def confirmed(self) -> Self:
        return self.filter(state=ProposalState.CONFIRMED)


class Proposal(models.Model):
    """What a reviewer proposes about one version of a claim; another one confirms it or sends it back.

    `note` is for colleagues; `told` is added to what the claimant is told once the Board has decided so.
    `digest` is SHA-256(salt || RFC 8785 of {"note", "told"}), in hex.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    claim = models.ForeignKey(Claim, models.PROTECT, related_name="proposals")
    version = models.ForeignKey(ClaimVersion, models.PROTECT, related_name="+")
    checklist = models.ForeignKey(Checklist, models.PROTECT, related_name="+")
    recommendation = models.CharField(max_length=12, choices=Recommendation)
    reason = models.CharField(max_length=40)  # a reason of the mandate
    note = models.TextField(blank=True, null=True)  # noqa: DJ001 - null is erased
    told = models.TextField(blank=True, null=True)  # noqa: DJ001 - null is erased
    salt = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)
    with_prejudice = models.BooleanField(default=False)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="proposals")
    proposed_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=ProposalState, default=ProposalState.OPEN)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closing_note = models.TextField(blank=True)

    objects = ProposalQuerySet.as_manager()

    covered_by: ClassVar[Cover] = Told(
        key=("public_id",),
        made={
            "review.proposed": {
                "public_id": "facts.proposal",
                "claim__public_id": "claim",
                "version__digest": "version",
                "recommendation": "facts.recommendation",
                "reason": "facts.reason",
                "with_prejudice": "facts.with_prejudice",
                "digest": "facts.words",
                "proposed_by__public_id": "actor.id",
                "proposed_at": "about",
                "state": "=open",
                "closed_by__public_id": "=",
                "closing_note": "=",
            }
        },
        changed=(
            Change(
                "review.confirmed",
                match={"public_id": "facts.proposal"},
                sets={
                    "state": f"={ProposalState.CONFIRMED.value}",
                    "closed_by__public_id": "actor.id",
                    "closed_at": "about",
                },
            ),
            Change(
                "review.sent_back",
                match={"public_id": "facts.proposal"},
                sets={
                    "state": f"={ProposalState.SENT_BACK.value}",
                    "closed_by__public_id": "actor.id",
                    "closed_at": "about",
                    "closing_note": "salted.facts.note",
                },
            ),
        ),
        digests={"digest": ("salt", "note", "told")},
        lapses={"state": (ProposalState.OPEN.value, ProposalState.VOID.value)},
        beside=("checklist",),
    )
    personal_data: ClassVar[tuple[str, ...]] = ("note", "told", "salt", "closing_note")
    section_of: ClassVar[dict[str, str | None]] = dict.fromkeys(personal_data)
    impersonal_data: ClassVar[tuple[str, ...]] = ("recommendation", "reason", "digest", "state")

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        ordering = ["id"]
        # Not of the open ones alone: a plan that is kept for any state could not use it.
        indexes = [models.Index(fields=["state", "claim"], name="proposal_by_state")]
        constraints = [
            models.UniqueConstraint(
                fields=["claim"], name="proposal_one_open_per_claim", condition=Q(state=ProposalState.OPEN)
            ),
            models.CheckConstraint(
                name="proposal_recommendation_known", condition=Q(recommendation__in=Recommendation.values)
            ),
            models.CheckConstraint(name="proposal_state_known", condition=Q(state__in=ProposalState.values)),
            models.CheckConstraint(
                name="proposal_closed_iff_closing_time",
                condition=Q(state=ProposalState.OPEN, closed_at=None, closed_by=None)
                | ~Q(state=ProposalState.OPEN) & Q(closed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="proposal_judged_by_another",
                condition=~Q(state__in=[ProposalState.CONFIRMED, ProposalState.SENT_BACK])
                | Q(closed_by__isnull=False) & ~Q(closed_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="proposal_with_prejudice_is_against",
                condition=Q(with_prejudice=False) | Q(recommendation=Recommendation.INELIGIBLE),
            ),
            models.CheckConstraint(
                name="proposal_words_erased_with_salt",
                condition=Q(note=None, told=None, salt=None)
                | Q(note__isnull=False, told__isnull=False, salt__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk} about claim {self.claim_id}"

    @property
    def is_open(self) -> bool:
        return self.state == ProposalState.OPEN


class Return(AppendOnly):
    """Why a senior reviewer took an assessed claim back to review, for whoever reviews it next.
    `digest` is SHA-256(salt || note), in hex."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="returns")
    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    note = models.TextField(null=True)  # noqa: DJ001 - null is erased
    salt = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)

    covered_by: ClassVar[Cover] = Told(
        key=("digest",),
        made={
            "review.returned": {
                "digest": "facts.note",
                "claim__public_id": "claim",
                "proposal__public_id": "facts.proposal",
                "by__public_id": "actor.id",
                "at": "about",
            }
        },
        digests={"digest": ("salt", "note")},
    )
    personal_data: ClassVar[tuple[str, ...]] = ("note", "salt")
    section_of: ClassVar[dict[str, str | None]] = {"note": None, "salt": None}
    impersonal_data: ClassVar[tuple[str, ...]] = ("digest",)

    class Meta:
        verbose_name = _("return to review")
        verbose_name_plural = _("returns to review")
        constraints = [
            models.CheckConstraint(
                name="return_note_erased_with_salt",
                condition=Q(note=None, salt=None) | Q(note__isnull=False, salt__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"return {self.pk} of claim {self.claim_id}"


class BatchState(models.TextChoices):
    OPEN = "open", _("Being prepared")
    SUBMITTED = "submitted", _("Before the Board")
    DECIDED = "decided", _("Decided")


class Batch(models.Model):
    """Claims that the Board decides on together (rules.md 18). `public_id` is the decision's id too.

    `members_digest` stands for what was submitted, `decision_digest` for what was decided: SHA-256, in
    hex, of the RFC 8785 list of [number, version digest, outcome], sorted by number.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=BatchState, default=BatchState.OPEN)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    members_digest = models.CharField(max_length=64, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)  # when it was entered
    decided_on = models.DateField(null=True)  # the day of the Board's session
    legal_basis = models.CharField(max_length=300, blank=True)
    decision_digest = models.CharField(max_length=64, blank=True)

    covered_by: ClassVar[Cover] = Told(
        key=("public_id",),
        made={
            "batch.made": {
                "public_id": "facts.batch",
                "made_by__public_id": "actor.id",
                "made_at": "about",
                "state": f"={BatchState.OPEN.value}",
            }
        },
        changed=(
            Change(
                "batch.submitted",
                match={"public_id": "facts.batch"},
                sets={
                    "state": f"={BatchState.SUBMITTED.value}",
                    "submitted_by__public_id": "actor.id",
                    "submitted_at": "at",
                    "members_digest": "facts.digest",
                },
            ),
            Change(
                "board.decided",
                match={"public_id": "facts.batch"},
                sets={
                    "state": f"={BatchState.DECIDED.value}",
                    "decided_by__public_id": "actor.id",
                    "decided_at": "at",
                    "decided_on": "facts.decided_on",
                    "decision_digest": "facts.digest",
                },
            ),
        ),
        also=lambda key: _other_decision(key),
        beside=("title", "legal_basis"),
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = (
        "title",
        "state",
        "members_digest",
        "legal_basis",
        "decision_digest",
    )

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = [
            models.CheckConstraint(name="batch_state_known", condition=Q(state__in=BatchState.values)),
            models.CheckConstraint(
                name="batch_submitted_by_somebody_with_digest",
                condition=Q(state=BatchState.OPEN, submitted_by=None, submitted_at=None, members_digest="")
                | ~Q(state=BatchState.OPEN)
                & Q(submitted_by__isnull=False, submitted_at__isnull=False)
                & ~Q(members_digest=""),
            ),
            models.CheckConstraint(
                name="batch_decided_on_a_day_with_basis_and_digest",
                condition=Q(state=BatchState.DECIDED)
                & Q(decided_by__isnull=False, decided_at__isnull=False, decided_on__isnull=False)
                & ~Q(legal_basis="")
                & ~Q(decision_digest="")
                | ~Q(state=BatchState.DECIDED)
                & Q(decided_by=None, decided_at=None, decided_on=None, legal_basis="", decision_digest=""),
            ),
            models.CheckConstraint(
                name="batch_decided_by_another_than_submitted_it",
                condition=Q(decided_by=None) | ~Q(decided_by=F("submitted_by")),
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="batch_by_state")]

    def __str__(self) -> str:
        return self.title


class Removal(models.TextChoices):
    """Why a claim left a batch. The first three happen by themselves; the others the secretariat chooses."""

    AMENDED = "amended", _("The claimant changed the claim")
    WITHDRAWN = "withdrawn", _("The claimant withdrew the claim")
    RETURNED = "returned", _("The claim was returned to review")
    MISTAKE = "mistake", _("It was added by mistake")
    LATER = "later", _("It goes to the Board later")


RECOMMENDABLE = (State.RECORDED, State.REJECTED_WITHOUT_PREJUDICE, State.REJECTED_WITH_PREJUDICE)
DECIDABLE = (*RECOMMENDABLE, State.UNDER_REVIEW)


class MemberQuerySet(models.QuerySet["Member"]):
    def undecided(self) -> Self:
        """In a batch, and the Board's decision on it not yet written into the claim."""
        return self.filter(removed_at=None, applied_at=None)

    def to_be_applied(self) -> Self:
        return self.undecided().exclude(outcome="")


class Member(models.Model):
    """A claim in a batch, pinned to the version and the confirmed proposal that the Board judges by.
    `outcome` is the Board's, "" until it has decided; `outcome_note` its words for the claimant, and
    `outcome_reason` the mandate's reason if it decides otherwise than was proposed."""

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="members")
    claim = models.ForeignKey(Claim, models.PROTECT, related_name="memberships")
    version = models.ForeignKey(ClaimVersion, models.PROTECT, related_name="+")
    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="+")
    recommended = models.CharField(max_length=28, choices=State)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    outcome = models.CharField(max_length=28, choices=State, blank=True)
    outcome_reason = models.CharField(max_length=ID_LENGTH, blank=True)
    outcome_note = models.TextField(blank=True)
    removed_at = models.DateTimeField(null=True)
    removed_because = models.CharField(max_length=12, choices=Removal, blank=True)
    applied_at = models.DateTimeField(null=True)

    objects = MemberQuerySet.as_manager()

    covered_by: ClassVar[Cover] = Told(
        key=("claim__public_id", "batch__public_id"),
        made={
            "batch.member_added": {
                "claim__public_id": "claim",
                "batch__public_id": "facts.batch",
                "version__digest": "version",
                "recommended": "facts.recommended",
                "added_by__public_id": "actor.id",
                "added_at": "about",
                "removed_at": "=",
                "removed_because": "=",
                "applied_at": "=",
            }
        },
        changed=(
            Change(
                "batch.member_taken_out",
                match={"claim__public_id": "claim", "batch__public_id": "facts.batch", "removed_at": "="},
                sets={"removed_at": "about", "removed_because": "facts.because"},
            ),
            Change(
                "claim.decided",
                match={"claim__public_id": "claim", "batch__public_id": "facts.decision", "removed_at": "="},
                sets={"outcome": "facts.outcome", "applied_at": "about"},
            ),
        ),
        beside=("proposal", "outcome_reason", "outcome_note"),
    )
    personal_data: ClassVar[tuple[str, ...]] = ("outcome_note",)
    section_of: ClassVar[dict[str, str | None]] = {"outcome_note": None}
    impersonal_data: ClassVar[tuple[str, ...]] = (
        "recommended",
        "outcome",
        "outcome_reason",
        "removed_because",
    )

    class Meta:
        verbose_name = _("claim in a batch")
        verbose_name_plural = _("claims in batches")
        constraints = [
            models.UniqueConstraint(
                fields=["claim"],
                name="member_one_undecided_batch_per_claim",
                condition=Q(removed_at=None, applied_at=None),
            ),
            models.CheckConstraint(
                name="member_recommended_for_the_board", condition=Q(recommended__in=RECOMMENDABLE)
            ),
            models.CheckConstraint(
                name="member_outcome_is_one_of_the_boards", condition=Q(outcome__in=["", *DECIDABLE])
            ),
            models.CheckConstraint(
                name="member_removed_with_reason",
                condition=Q(removed_at=None, removed_because="")
                | Q(removed_at__isnull=False, removed_because__in=Removal.values),
            ),
            models.CheckConstraint(
                name="member_decided_or_removed", condition=Q(removed_at=None) | Q(outcome="")
            ),
            models.CheckConstraint(
                name="member_applied_once_decided", condition=Q(applied_at=None) | ~Q(outcome="")
            ),
        ]
        indexes = [
            models.Index(
                fields=["claim"],
                name="member_to_be_applied",
                condition=Q(removed_at=None, applied_at=None) & ~Q(outcome=""),
            )
        ]

    def __str__(self) -> str:
        return f"claim {self.claim_id} in batch {self.batch_id}"


def _other_decision(batch_id: int) -> str:
    """Whether the members of a decided batch are others than its digest stands for: until the decision is
    written into a claim, this alone tells what it is."""
    batch = Batch.objects.get(pk=batch_id)
    members = Member.objects.filter(batch=batch, removed_at=None)
    rows = sorted(map(list, members.values_list("claim__number", "version__digest", "outcome")))
    digest = hashlib.sha256(rfc8785.dumps(rows)).hexdigest()
    if batch.decision_digest and digest != batch.decision_digest:
        return "its claims and their outcomes are not what the Board decided"
    return ""


class Clearance(models.Model):
    """Somebody named for a sensitive category; to everybody else its claims do not exist (rules.md 13).
    Changed in review.clearances alone; the ledger remembers the past."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="clearances")
    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    given_at = models.DateTimeField()

    covered_by: ClassVar[Cover] = Told(
        key=("person__public_id", "category__code"),
        made={
            "clearance.given": {
                "person__public_id": "facts.person",
                "category__code": "facts.category",
                "given_by__public_id": "actor.id",
                "given_at": "about",
            }
        },
        removed={
            "clearance.withdrawn": {"person__public_id": "facts.person", "category__code": "facts.category"}
        },
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ()

    class Meta:
        verbose_name = _("clearance")
        verbose_name_plural = _("clearances")
        constraints = [
            models.UniqueConstraint(fields=["person", "category"], name="clearance_given_once"),
            models.CheckConstraint(name="clearance_given_by_another", condition=~Q(given_by=F("person"))),
        ]

    def __str__(self) -> str:
        return f"clearance of {self.person_id} for category {self.category_id}"
