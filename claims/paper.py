"""A receipt on paper: a PDF/UA-1 for people, with the receipt itself attached. Made when it is asked for, in
some milliseconds, and not kept.

`receipt.typ` lays out what it is given as data: no text of anybody becomes markup.
"""

import json
import re
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from qrcode.image.svg import SvgPathImage
from qrcode.main import QRCode

from claims import mandates, receipts
from claims.models import Claim, ClaimVersion
from claims.receipts import Place
from ledger.models import Entry

LAYOUT = Path(__file__).with_name("receipt.typ")
# PDF/UA allows no character for which the fonts have no shape, and a file may be named in any script.
_NOT_PRINTED = re.compile("[^ -~\u00a0-\u00ac\u00ae-\u017f\u0401-\u045f\u0490\u0491–—‘’“”„•…№₴€]")

Row = dict[str, Any]


def pdf(claim: Claim, entry: Entry, said: str) -> bytes:
    """The receipt of this act in the language of the page. `said` is the sentence that tells the act."""
    where, filed = receipts.place(entry), receipts.version(entry)
    return laid_out(
        _paper(claim, entry, said, where, filed),
        receipt=receipts.text(receipts.written(entry, where, filed)),
        code=f"{_address()}#{entry.leaf_hash.hex()}",
    )


def laid_out(paper: Row, *, receipt: str, code: str) -> bytes:
    """`receipt` is attached, `code` becomes the QR code."""
    made: bytes = typst.compile(
        LAYOUT,
        root=LAYOUT.parent,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=["ua-1"],
        sys_inputs={"paper": json.dumps(paper), "receipt": receipt, "qr": _qr(code)},
    )
    return made


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


def _qr(content: str) -> str:
    code, svg = QRCode(border=0, mask_pattern=3), BytesIO()  # trying all masks takes ten times as long
    code.add_data(content, optimize=0)
    code.make()
    code.make_image(image_factory=SvgPathImage).save(svg)
    return svg.getvalue().decode()


def _paper(claim: Claim, entry: Entry, said: str, where: Place | None, filed: ClaimVersion | None) -> Row:
    number, files = str(claim.number), receipts.evidence(filed)
    facts = [_row(_("When"), _time(entry.at))]
    if not claim.discreet:
        facts.append(_row(_("Category"), f"{claim.category.code} · {claim.category.title}"))
    codes = [_code(_("This act in the log"), entry.leaf_hash.hex())]
    if filed:
        codes.append(_code(_("Everything you filed"), filed.digest))
    codes += [_code(_printed(file["name"]), file["sha256"]) for file in files]
    return {
        "lang": (get_language() or "uk")[:2],
        "title": _("Receipt") if claim.discreet else f"{_('Receipt')} {number}",
        "register": _printed(str(mandates.current().name)),
        "heading": _("Receipt"),
        "attached": _("The receipt, to be checked by a program"),
        "number_label": _("Claim number"),
        "number": number,
        "act": said,
        "facts": facts,
        "standing_heading": _("In the public log"),
        **_standing(entry, where),
        "codes_heading": _("Codes (SHA-256)"),
        "codes_intro": _(
            "Each code stands for exactly what we received. If one letter were changed, it would differ."
        ),
        "codes": codes,
        "codes_note": _evidence_is_gone() if filed and filed.evidence is None else "",
        "proves_heading": _("What this proves"),
        "proves": _proves(where, has_files=bool(files)),
        "not_heading": _("What it does not prove"),
        "not": [
            _("That what was said is true: the review and the Board judge that."),
            _("Who the person is who filed the claim."),
            _("That anything will be paid."),
        ],
        "check_heading": _("How to check it"),
        "check": [
            _("Scan the code, or open %(address)s. The check runs in your browser and sends nothing.")
            % {"address": _address()},
            _("Choose this PDF, as you downloaded it: the receipt that is checked is attached to it."),
            _("Choose your files of evidence too, if you want them compared."),
            _("An expert can do the same with other programs: the formats are public."),
        ],
        "qr": _("QR code with the address of the page that checks this receipt"),
    }


def _standing(entry: Entry, where: Place | None) -> Row:
    log = _row(_("Name of the log"), settings.LEDGER_ORIGIN)
    if where is None:
        promised = _("We promise in writing that it will stand in the public log by %(time)s.")
        return {"standing": promised % {"time": _time(receipts.promised_by(entry))}, "standing_facts": [log]}
    witnesses, stamped_at = where.witnesses, where.stamped_at
    rows = [log, _row(_("Number in the log, from 0"), str(where.index))]
    if witnesses:
        rows.append(_row(_("Also signed by"), *(f"{name}, {_time(at)}" for name, at in witnesses)))
    if stamped_at:
        rows.append(_row(_("Time confirmed by an outside authority"), _time(stamped_at)))
    return {"standing": _("It stands in the public log."), "standing_facts": rows}


def _proves(where: Place | None, *, has_files: bool) -> list[str]:
    if where is None:
        acted = _("That we promised to enter this act in the public log, exactly as it is here.")
    elif where.witnesses or where.stamped_at:
        acted = _(
            "That this act stood in the public log, exactly as it is here, no later than the times above."
        )
    else:
        acted = _("That this act stands in the public log, exactly as it is here.")
    files = _("That a file which has one of the codes above is the file that we received.")
    return [acted, files] if has_files else [acted]


def _evidence_is_gone() -> str:
    return _("The list of your files was erased under data-protection law. The other codes still hold.")


def _address() -> str:
    return str(settings.SITE_URL) + reverse("claims:verify")


def _time(at: datetime) -> str:
    mandate = mandates.current()
    return f"{date_format(at.astimezone(mandate.zone), 'DATETIME_FORMAT')}, {mandate.time_zone_name}"


def _printed(text: str) -> str:
    return _NOT_PRINTED.sub("?", text)


def _row(label: str, *text: str) -> Row:
    return {"label": label, "text": [_printed(line) for line in text]}


def _code(label: str, digest: str) -> Row:
    groups = [digest[at : at + 4] for at in range(0, len(digest), 4)]
    return {"label": label, "code": [" ".join(groups[:8]), " ".join(groups[8:])]}
