"""Why a file is not kept. Each sentence tells the sender, in their language, what to do instead."""

from collections.abc import Collection

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from evidence.kinds import named


class Refused(Exception):
    """The file is not kept. The text can be shown to the sender."""


def empty() -> Refused:
    return Refused(_("The file is empty. Check that it opens on your device and send it again."))


def too_large(limit: int) -> Refused:
    return Refused(
        _("The file is larger than %(limit)s. Make it smaller or split it, and send it again.")
        % {"limit": filesizeformat(limit)}
    )


def too_many() -> Refused:
    return Refused(_("Too many files at once. We did not keep this one: send it again by itself."))


def not_stored() -> Refused:
    return Refused(
        _("We could not store the file just now and kept nothing of it. Send it again in a few minutes.")
    )


def not_accepted(accepted: Collection[str]) -> Refused:
    return Refused(
        _("We cannot take this kind of file here. Send one of these: %(kinds)s.") % {"kinds": named(accepted)}
    )


def unreadable_text() -> Refused:
    return Refused(
        _("We cannot read the letters in this text. Save it as UTF-8 or as a PDF document and send that.")
    )


def archive() -> Refused:
    return Refused(_("We cannot take archives. Unpack this one and send the files in it one by one."))


def other_document() -> Refused:
    return Refused(
        _(
            "We cannot take documents in this format. Open it, save it as PDF (or as docx, xlsx, pptx, odt, "
            "ods or odp) and send that."
        )
    )


def unreadable_document() -> Refused:
    return Refused(
        _(
            "This document is damaged or incomplete, and does not open. Send it again, or save a copy of it "
            "as PDF and send that."
        )
    )


def oversized_document() -> Refused:
    return Refused(
        _("This document becomes far too large when it is opened. Save it as PDF and send the PDF.")
    )


def stuffed_document() -> Refused:
    return Refused(
        _(
            "This document has an archive or a program in it. Take it out, and send the files of the archive "
            "one by one; or save the document as PDF and send the PDF."
        )
    )


def two_in_one() -> Refused:
    return Refused(
        _(
            "Another file, an archive, is hidden in this one. Open it, save a copy and send the copy; send "
            "the files of the archive one by one."
        )
    )


def other_picture() -> Refused:
    return Refused(_("We cannot take pictures in this format. Save it as JPEG or PNG and send it again."))


def other_recording() -> Refused:
    return Refused(
        _(
            "We cannot take recordings in this format. Keep the original safe, save a copy as MP4 (video) or "
            "MP3 (sound) and send the copy."
        )
    )


def program() -> Refused:
    return Refused(
        _("This file is a program, and we take no programs. Send a picture, a PDF document or plain text.")
    )


def web_page() -> Refused:
    return Refused(
        _("We cannot take web pages, SVG or XML. Save it as a PDF document, or send a picture of it.")
    )
