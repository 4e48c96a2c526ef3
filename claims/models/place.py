from functools import lru_cache
from typing import ClassVar, Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, IntegerField, Q, Value, When
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

APOSTROPHES = str.maketrans("", "", "'’ʼ`′")


def folded(name: str) -> str:
    """A place name as it is compared: small letters, no apostrophes, single spaces."""
    return " ".join(name.casefold().translate(APOSTROPHES).replace("\x00", "").split())


class PlaceQuerySet(models.QuerySet["Place"]):
    def named(self, words: str) -> Self:
        """Places whose name begins with `words` in either script, then those that contain them; an exact
        name comes first, towns before villages before districts. What stands after a comma must be part of
        the names around it: there are 119 places called Іванівка."""
        name, _comma, around = words.partition(",")
        text = folded(name)
        # Two letters occur in half of all names, and the trigram index cannot find them.
        how = "contains" if len(text) > 2 else "startswith"
        named = Q(**{f"folded_uk__{how}": text}) | Q(**{f"folded_en__{how}": text})
        within = Q(parents_uk__icontains=" ".join(around.replace("\x00", "").split()))
        return self.filter(named, within, kind__in=Place.KINDS).order_by(
            Case(
                When(Q(folded_uk=text) | Q(folded_en=text), then=Value(0)),
                When(Q(folded_uk__startswith=text) | Q(folded_en__startswith=text), then=Value(1)),
                default=Value(2),
                output_field=IntegerField(),
            ),
            Case(
                *(When(kind=kind, then=Value(n)) for n, kind in enumerate(Place.KINDS)),
                output_field=IntegerField(),
            ),
            "code",
        )


class Place(models.Model):
    """A unit of the mandate's official geography; `code` is the codifier's own."""

    KINDS: ClassVar[tuple[str, ...]] = ("K", "M", "X", "C", "B", "P", "O")
    """Kinds that people may name, towns first: who knows only the district or region names that."""

    code = models.CharField(max_length=24, primary_key=True)
    kind = models.CharField(max_length=1)
    region = models.CharField(max_length=8)
    name_uk = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    parents_uk = models.CharField(max_length=200)
    folded_uk = models.CharField(max_length=120)
    folded_en = models.CharField(max_length=120)

    objects = PlaceQuerySet.as_manager()

    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = (
        "code",
        "kind",
        "region",
        "name_uk",
        "name_en",
        "parents_uk",
        "folded_uk",
        "folded_en",
    )

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")
        indexes = [
            GinIndex(
                name="place_names",
                fields=["folded_uk", "folded_en"],
                opclasses=["gin_trgm_ops", "gin_trgm_ops"],
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.name_uk if (get_language() or "uk").startswith("uk") else self.name_en

    @property
    def label(self) -> str:
        """Name with the units around it, so that one of forty Іванівка can be told from the others."""
        return self.official_name if self.name == self.name_uk else f"{self.name_en} ({self.official_name})"

    @property
    def official_name(self) -> str:
        """The name that is kept in a claim, in whatever language it was filed."""
        return f"{self.name_uk}, {self.parents_uk}" if self.parents_uk else self.name_uk


@lru_cache(maxsize=40_000)
def region_of(code: str) -> str | None:
    """The region of a place, None if there is no such place. Remembered: places change with a release."""
    return Place.objects.filter(code=code).values_list("region", flat=True).first() if code else None
