from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ledger.covering import Cover, Told
from ledger.models import AppendOnly


class MandateVersion(AppendOnly):
    """One wording of mandate.toml, for ever: its tests of eligibility, notices and consents are what people
    were asked. A claim's core section names it by `digest`, the SHA-256 of `content` in hex."""

    content = models.TextField()
    digest = models.CharField(max_length=64, unique=True)
    loaded_at = models.DateTimeField(auto_now_add=True)

    covered_by: ClassVar[Cover] = Told(
        key=("digest",),
        made={"mandate.loaded": {"digest": "facts.digest", "loaded_at": "about"}},
        digests={"digest": ("", "content")},
    )
    personal_data: ClassVar[tuple[str, ...]] = ()
    impersonal_data: ClassVar[tuple[str, ...]] = ("content", "digest")

    class Meta:
        verbose_name = _("mandate version")
        verbose_name_plural = _("mandate versions")

    def __str__(self) -> str:
        return self.digest
