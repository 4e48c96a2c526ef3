import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from claims.mandates import BY_QUESTION, PLACE_KINDS, ClaimantKind, FilingForm
from claims.mandates import Category as Definition
from claims.models.category import Category, CategoryVersion, definition
from claims.models.claimant import Claimant
from ledger.covering import Checked, Cover, Untold
from ledger.log import Standing


class State(models.TextChoices):
    """Where a claim stands, in the words that claimants and partners see (rules.md 15 to 17)."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    NEEDS_FIXING = "needs_fixing", _("A file must be replaced")
    UNDER_REVIEW = "under_review", _("Under review")
    INFORMATION_REQUESTED = "information_requested", _("More information needed")
    ELIGIBLE = "eligible", _("Awaiting the Board’s decision")
    INELIGIBLE = "ineligible", _("Awaiting the Board’s decision")
    RECORDED = "recorded", _("Recorded in the Register")
    REJECTED_WITHOUT_PREJUDICE = "rejected_without_prejudice", _("Not recorded, you can file again")
    REJECTED_WITH_PREJUDICE = "rejected_with_prejudice", _("Not recorded, you cannot file again")
    WITHDRAWN = "withdrawn", _("Withdrawn at your request")


AWAITING_DECISION = "awaiting_decision"
OPEN_STATES = (
    State.SUBMITTED.value,
    State.NEEDS_FIXING.value,
    State.UNDER_REVIEW.value,
    State.INFORMATION_REQUESTED.value,
    AWAITING_DECISION,
    State.RECORDED.value,
    State.REJECTED_WITHOUT_PREJUDICE.value,
    State.REJECTED_WITH_PREJUDICE.value,
    State.WITHDRAWN.value,
)
"""The states that leave the house, in the order of a claim's life. `eligible` and `ineligible` never do."""


class ClaimQuerySet(models.QuerySet["Claim"]):
    def visible_to(self, user: User) -> Self:
        """Claims that this person filed. To everyone else a claim does not exist (404)."""
        return self.filter(filed_by=user)

    def newest_first(self) -> Self:
        return self.order_by("-id")


class Claim(models.Model):
    """One claimant's claim in one category. `state` changes only in claims.lifecycle.

    What was said stands in the frozen ClaimVersion; the columns here are what lists, searches and
    agreements ask about. `amount` is as declared. A partial date keeps its text (`2022-03`) and its
    first day, by which it sorts.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(max_length=20, null=True, editable=False)  # noqa: DJ001 - unique
    # Where an index below begins with the column, or nobody looks for a claim by it, it has none of its own.
    category = models.ForeignKey(Category, models.PROTECT, related_name="claims", db_index=False)
    category_version = models.ForeignKey(CategoryVersion, models.PROTECT, related_name="+", db_index=False)
    sensitive = models.BooleanField(default=False)
    claimant_kind = models.CharField(max_length=16)
    claimant = models.ForeignKey(Claimant, models.PROTECT, null=True, related_name="claims")
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="claims_filed", db_index=False
    )
    refiles = models.ForeignKey("self", models.PROTECT, null=True, related_name="refiled_as", db_index=False)
    language = models.CharField(max_length=2)
    discreet = models.BooleanField(default=False)  # no letters about this claim (rules.md 12)
    state = models.CharField(max_length=28, choices=State, default=State.DRAFT, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)
    bound_by = models.UUIDField(null=True, editable=False)  # a decision of the Board, not yet written in
    reviewed_before = models.BooleanField(default=False, editable=False)
    region = models.CharField(max_length=8, blank=True)
    place = models.ForeignKey("Place", models.PROTECT, null=True, related_name="+", db_index=False)
    place_kind = models.CharField(max_length=16, blank=True, db_default="")
    event_on = models.CharField(max_length=10, blank=True)
    event_first_day = models.DateField(null=True)
    amount = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, editable=False)
    recorded_at = models.DateTimeField(null=True, editable=False)
    changed_at = models.DateTimeField(null=True, editable=False)

    objects = ClaimQuerySet.as_manager()

    covered_by: ClassVar[Cover] = Checked(beside=("created_at",))
    personal_data: ClassVar[tuple[str, ...]] = ("event_on", "amount", "currency")
    section_of: ClassVar[dict[str, str | None]] = dict.fromkeys(personal_data, BY_QUESTION)
    impersonal_data: ClassVar[tuple[str, ...]] = (
        "number",
        "claimant_kind",
        "language",
        "state",
        "region",
        "place_kind",
    )

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        indexes = [
            models.Index(fields=["filed_by", "-id"], name="claim_of_person"),
            models.Index(fields=["state", "id"], name="claim_by_state"),
            models.Index(fields=["state", "submitted_at", "id"], name="claim_by_state_and_age"),
            models.Index(
                fields=["category", "state", "submitted_at", "id"], name="claim_by_category_and_age"
            ),
            models.Index(fields=["region", "state", "submitted_at", "id"], name="claim_by_region_and_age"),
            models.Index(
                fields=["category", "region", "state", "submitted_at", "id"], name="claim_by_both_and_age"
            ),
            *(
                models.Index(
                    fields=[field], name=f"claim_by_{field}", condition=Q(**{f"{field}__isnull": False})
                )
                for field in ("refiles", "place")
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["number"], name="claim_number_once"),
            models.CheckConstraint(name="claim_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="claim_past_draft_has_number_and_time",
                condition=Q(state=State.DRAFT, number=None, submitted_at=None, version=0)
                | ~Q(state=State.DRAFT)
                & Q(number__isnull=False, submitted_at__isnull=False, claimant__isnull=False, version__gte=1),
            ),
            models.CheckConstraint(
                name="claim_recorded_iff_recording_time",
                condition=Q(state=State.RECORDED, recorded_at__isnull=False)
                | ~Q(state=State.RECORDED) & Q(recorded_at=None),
            ),
            models.CheckConstraint(
                name="claim_bound_only_while_awaiting_the_board",
                condition=Q(bound_by=None) | Q(state__in=[State.ELIGIBLE, State.INELIGIBLE]),
            ),
            models.CheckConstraint(
                name="claim_place_kind_known", condition=Q(place_kind__in=["", *PLACE_KINDS])
            ),
            models.CheckConstraint(
                name="claim_amount_has_currency",
                condition=Q(amount=None, currency="") | Q(amount__isnull=False) & ~Q(currency=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number or str(self.public_id)

    @property
    def state_label(self) -> str:
        """The state in the words of rules.md 17."""
        if self.state == State.UNDER_REVIEW and self.reviewed_before:
            return gettext("Under review again")
        return str(State(self.state).label)

    @property
    def is_draft(self) -> bool:
        return self.state == State.DRAFT

    @property
    def is_outdated(self) -> bool:
        """Whether the category has a newer wording than the one that this claim answers."""
        return self.category_version_id != self.category.newest_id

    @property
    def form(self) -> FilingForm:
        """Everything that this claimant is asked."""
        return self.definition.form(ClaimantKind(self.claimant_kind))

    @property
    def definition(self) -> Definition:
        """The category in the wording that this claim answers."""
        return definition(self.category_version_id)

    @property
    def standing(self) -> Standing:
        """What an agreement is judged by, as ledger entries carry it. Open entries would give away the
        recommendation by the claim's state before the Board's decision, so it is not in it (rules.md 16)."""
        awaiting = self.state in (State.ELIGIBLE, State.INELIGIBLE)
        state = AWAITING_DECISION if awaiting else State(self.state).value
        return Standing(category=self.category.code, region=self.region or None, state=state)


class Draft(models.Model):
    """What has been answered so far: in a claim that is not submitted, or in changes to one that is. Gone
    once it is sent.

    `answers` maps a question's id to its answer, `origins` to where it came from, `entries` to the random
    ids of a group's items, in their order. `pages` lists the pages that were saved, `eligibility` maps a
    test to its answer, `consents` is {"notice": version, "choices": {purpose: given}} once asked.
    `category_version` is the wording that changes answer, which may be newer than the claim's; the first
    draft of a claim has none and answers the claim's own.
    """

    claim = models.OneToOneField(Claim, models.CASCADE, primary_key=True, related_name="draft")
    category_version = models.ForeignKey(CategoryVersion, models.PROTECT, null=True, related_name="+")
    answers = models.JSONField(default=dict)
    origins = models.JSONField(default=dict)
    entries = models.JSONField(default=dict)
    eligibility = models.JSONField(default=dict)
    consents = models.JSONField(default=dict)
    pages = models.JSONField(default=list)
    own_account = models.TextField(blank=True)
    saved_at = models.DateTimeField(null=True)

    covered_by: ClassVar[Cover] = Untold("what was not sent is nobody's record yet")
    personal_data: ClassVar[tuple[str, ...]] = (
        "answers",
        "origins",
        "eligibility",
        "consents",
        "own_account",
    )
    section_of: ClassVar[dict[str, str | None]] = {
        "answers": BY_QUESTION,
        "origins": BY_QUESTION,
        "eligibility": "core",
        "consents": "core",
        "own_account": "account",
    }
    impersonal_data: ClassVar[tuple[str, ...]] = ("entries", "pages")

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")

    def __str__(self) -> str:
        return str(self.claim_id)


class PersonCovered(models.Model):
    """Somebody else whom a claim is about (the deceased, a child), named in its last version.

    Kept apart from the frozen text so that overlapping family claims can be found (the lack of it
    cost the UNCC dearly: facts.md 4).
    """

    claim = models.ForeignKey(Claim, models.CASCADE, related_name="persons_covered")
    role = models.CharField(max_length=40)
    family_name = models.CharField(max_length=300, blank=True)
    given_name = models.CharField(max_length=300, blank=True)
    patronymic = models.CharField(max_length=300, blank=True)
    born = models.CharField(max_length=10, blank=True)

    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = ("family_name", "given_name", "patronymic", "born")
    section_of: ClassVar[dict[str, str | None]] = dict.fromkeys(personal_data, BY_QUESTION)
    impersonal_data: ClassVar[tuple[str, ...]] = ("role",)

    class Meta:
        verbose_name = _("person covered")
        verbose_name_plural = _("persons covered")

    def __str__(self) -> str:
        return f"{self.role} in claim {self.claim_id}"


class AidItem(models.Model):
    """Aid, insurance or compensation received, expected or applied for (rules.md 8). Nothing is
    deducted from the claim: the item travels with it."""

    claim = models.ForeignKey(Claim, models.CASCADE, related_name="aid_items")
    payer = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=40, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)
    received_on = models.CharField(max_length=10, blank=True)
    number = models.CharField(max_length=300, blank=True)

    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = ("payer", "amount", "currency", "received_on", "number")
    section_of: ClassVar[dict[str, str | None]] = dict.fromkeys(personal_data, BY_QUESTION)
    impersonal_data: ClassVar[tuple[str, ...]] = ("kind", "status")

    class Meta:
        verbose_name = _("aid item")
        verbose_name_plural = _("aid items")

    def __str__(self) -> str:
        return f"aid in claim {self.claim_id}"
