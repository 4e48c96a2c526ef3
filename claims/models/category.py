import json
from functools import lru_cache
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from claims import mandates
from ledger.covering import Checked, Cover, Told
from ledger.models import AppendOnly


class CategoryState(models.TextChoices):
    DRAFT = "draft", _("In preparation")
    OPEN = "open", _("Open")
    SUSPENDED = "suspended", _("Paused")
    CLOSED = "closed", _("Closed")


class CategoryQuerySet(models.QuerySet["Category"]):
    def public(self) -> Self:
        """Categories that people may read about, those in preparation left out; A2.10 comes after A2.9."""
        return self.exclude(state=CategoryState.DRAFT).order_by("group", Length("code"), "code")


class Category(models.Model):
    """A kind of damage that can be claimed. `state` changes only in claims.catalogue."""

    code = models.CharField(max_length=12, unique=True)
    group = models.CharField(max_length=8)
    title_uk = models.CharField(max_length=300)
    title_en = models.CharField(max_length=300)
    sensitive = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=CategoryState, default=CategoryState.DRAFT)
    newest = models.ForeignKey("CategoryVersion", models.PROTECT, null=True, related_name="+")

    objects = CategoryQuerySet.as_manager()

    covered_by: ClassVar[Cover] = Checked()
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("code", "group", "title_uk", "title_en", "state")

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(name="category_state_known", condition=Q(state__in=CategoryState.values))
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"

    @property
    def title(self) -> str:
        return self.title_uk if (get_language() or "uk").startswith("uk") else self.title_en

    @property
    def is_open(self) -> bool:
        return self.state == CategoryState.OPEN


class CategoryVersion(AppendOnly):
    """One wording of a category, for ever: a claim is pinned to the version that it answered.

    `content` is the RFC 8785 text of {"category": ..., "claimants": {kind: ...}} as in the mandate's
    files, `digest` its SHA-256 in hex.
    """

    category = models.ForeignKey(Category, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    content = models.TextField()
    digest = models.CharField(max_length=64)
    loaded_at = models.DateTimeField(auto_now_add=True)

    covered_by: ClassVar[Cover] = Told(
        key=("category__code", "version"),
        made={
            "category.version_loaded": {
                "category__code": "facts.category",
                "version": "facts.category_version",
                "digest": "facts.digest",
                "loaded_at": "about",
            }
        },
        digests={"digest": ("", "content")},
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("content", "digest")

    class Meta:
        verbose_name = _("category version")
        verbose_name_plural = _("category versions")
        constraints = [
            models.UniqueConstraint(fields=["category", "version"], name="category_version_once"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


@lru_cache(maxsize=512)
def definition(version_id: int) -> mandates.Category:
    """The typed category of one version. Kept for the life of the process: versions never change."""
    content, code = CategoryVersion.objects.values_list("content", "category__code").get(pk=version_id)
    return mandates.category(json.loads(content), code)
