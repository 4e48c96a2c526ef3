"""The kinds of file that we keep, and what may be marked on one. A kind is found in the content, never in the
name or in what the sender's machine says: recognising.py looks at the stream, containers.py inside."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Family(TextChoices):
    """What a mandate sets limits for, and what people are told that they may send."""

    PICTURE = "picture", _("pictures")
    PDF = "pdf", _("PDF")
    OFFICE = "office", _("office documents")
    VIDEO = "video", _("video")
    SOUND = "sound", _("sound recordings")
    MAIL = "mail", _("e-mails")
    TEXT = "text", _("plain text")


@dataclass(frozen=True)
class Kind:
    """Whoever downloads a file of this kind gets it under one of its extensions. `opens_in_browser` is for
    what a browser shows without running anything of it."""

    media_type: str
    family: Family
    label: Promise
    extensions: tuple[str, ...]
    opens_in_browser: bool = False


_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"

JPEG = Kind("image/jpeg", Family.PICTURE, _("JPEG picture"), (".jpg", ".jpeg", ".jpe", ".jfif"), True)
PNG = Kind("image/png", Family.PICTURE, _("PNG picture"), (".png",), True)
WEBP = Kind("image/webp", Family.PICTURE, _("WebP picture"), (".webp",), True)
HEIC = Kind("image/heic", Family.PICTURE, _("HEIC picture"), (".heic", ".heif", ".hif"))
TIFF = Kind("image/tiff", Family.PICTURE, _("TIFF picture"), (".tif", ".tiff", ".dng"))
PDF = Kind("application/pdf", Family.PDF, _("PDF document"), (".pdf",), True)
DOCX = Kind(
    f"{_OOXML}.wordprocessingml.document",
    Family.OFFICE,
    _("Word document"),
    (".docx", ".docm", ".dotx", ".dotm"),
)
XLSX = Kind(
    f"{_OOXML}.spreadsheetml.sheet",
    Family.OFFICE,
    _("Excel spreadsheet"),
    (".xlsx", ".xlsm", ".xltx", ".xltm"),
)
PPTX = Kind(
    f"{_OOXML}.presentationml.presentation",
    Family.OFFICE,
    _("PowerPoint presentation"),
    (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
)
ODT = Kind(f"{_ODF}.text", Family.OFFICE, _("OpenDocument text"), (".odt",))
ODS = Kind(f"{_ODF}.spreadsheet", Family.OFFICE, _("OpenDocument spreadsheet"), (".ods",))
ODP = Kind(f"{_ODF}.presentation", Family.OFFICE, _("OpenDocument presentation"), (".odp",))
# Word, Excel and PowerPoint wrap what has a password in one and the same box; which it was stays unknown.
LOCKED_OFFICE = Kind(
    "application/encrypted",
    Family.OFFICE,
    _("office document with a password"),
    (".docx", ".xlsx", ".pptx", ".docm", ".xlsm", ".pptm"),
)
MP4 = Kind("video/mp4", Family.VIDEO, _("MP4 video"), (".mp4", ".m4v"))
QUICKTIME = Kind("video/quicktime", Family.VIDEO, _("QuickTime video"), (".mov", ".qt"))
THREE_GP = Kind("video/3gpp", Family.VIDEO, _("3GP video"), (".3gp", ".3gpp", ".3g2"))
WEBM = Kind("video/webm", Family.VIDEO, _("WebM video"), (".webm",))
MATROSKA = Kind("video/matroska", Family.VIDEO, _("Matroska video"), (".mkv", ".mka"))
M4A = Kind("audio/mp4", Family.SOUND, _("M4A sound"), (".m4a", ".m4b", ".mp4"))
AAC = Kind("audio/aac", Family.SOUND, _("AAC sound"), (".aac",))
MP3 = Kind("audio/mpeg", Family.SOUND, _("MP3 sound"), (".mp3",))
OGG = Kind("audio/ogg", Family.SOUND, _("Ogg sound"), (".ogg", ".oga", ".opus", ".spx"))
WAV = Kind("audio/wav", Family.SOUND, _("WAV sound"), (".wav",))
AMR = Kind("audio/amr", Family.SOUND, _("AMR sound"), (".amr",))
FLAC = Kind("audio/flac", Family.SOUND, _("FLAC sound"), (".flac",))
EMAIL = Kind("message/rfc822", Family.MAIL, _("e-mail"), (".eml",))
TEXT = Kind("text/plain", Family.TEXT, _("plain text"), (".txt", ".text", ".log", ".csv"))

PICTURES = (JPEG, PNG, WEBP, HEIC, TIFF)
OFFICE = (DOCX, XLSX, PPTX, ODT, ODS, ODP, LOCKED_OFFICE)
VIDEOS = (MP4, QUICKTIME, THREE_GP, WEBM, MATROSKA)
SOUNDS = (M4A, AAC, MP3, OGG, WAV, AMR, FLAC)
KINDS = {kind.media_type: kind for kind in (*PICTURES, PDF, *OFFICE, *VIDEOS, *SOUNDS, EMAIL, TEXT)}

MANY_KINDS = 6  # above it people are told the families, not each kind


def named(accepted: Collection[str]) -> str:
    """The accepted kinds in words, for a sentence."""
    kinds = [kind for kind in KINDS.values() if kind.media_type in accepted]
    if len(kinds) <= MANY_KINDS:
        return ", ".join(str(kind.label) for kind in kinds)
    return ", ".join(str(family.label) for family in Family if any(kind.family is family for kind in kinds))


class Mark(TextChoices):
    """What was seen in a file when it was received, for those who open it. It is kept all the same."""

    MACROS = "macros", _("Has macros or scripts in it: open it only where they cannot run")
    ENCRYPTED = "encrypted", _("Is protected, perhaps with a password")
    DAMAGED = "damaged", _("Is damaged or incomplete")
    EMBEDDED = "embedded", _("Has other files in it")
    APPENDED = "appended", _("Goes on after its proper end")

    @property
    def advice(self) -> str:
        """What the sender can do about it; "" if there is nothing to do."""
        return str(_ADVICE.get(self, ""))


_ADVICE = {
    Mark.MACROS: _(
        "This document has macros (small programs) in it. We keep it, but do not run them. If you can, save "
        "it as PDF and send that too.",
    ),
    Mark.ENCRYPTED: _(
        "This document is protected, perhaps with a password. If you can, send a copy without it.",
    ),
    Mark.DAMAGED: _(
        "This file seems to be damaged or incomplete. We keep it. Check that it opens on your device; if "
        "you can, send it again.",
    ),
    Mark.EMBEDDED: _(
        "This document has other files in it. If they matter for your claim, send each of them by itself too."
    ),
}
