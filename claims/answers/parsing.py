"""What people type, read the way they mean it. Each function raises Unreadable with a whole sentence."""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

SPACES = dict.fromkeys(map(ord, " \u00a0\u202f\u2009\t'’"), None)
NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
PARTIAL_DATE = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?")
FRACTION = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")
SHARE = re.compile(r"[0-9]{1,6}/[1-9][0-9]{0,5}|[0-9]{1,6}(?:[.,][0-9]{1,6})?%?")
EARLIEST_YEAR = 1900


class Unreadable(ValueError):
    """str() is a translated sentence that says what to do."""


def text(value: str, *, max_length: int) -> str:
    """The text with line ends as \\n, composed letters, no space around it. Emoji and right-to-left
    marks stay; a NUL cannot be kept by any system that the record will pass through."""
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if "\x00" in value:
        raise Unreadable(
            _("The text contains a hidden character that cannot be stored. Type this part again.")
        )
    if len(value) > max_length:
        raise Unreadable(
            _(
                "The text has %(length)s characters; at most %(limit)s fit here. "
                "Shorten it, or add the rest as a file."
            )
            % {"length": len(value), "limit": max_length}
        )
    return value


def number(value: str, *, places: int, thousands: bool = False) -> Decimal:
    """A number at or above zero, as "1 234,50", "1,234.50" or "1234.5". With `thousands`, a lone
    separator before exactly three digits groups them ("1,234" is 1234: money has two decimals)."""
    if not places:
        wrong = Unreadable(_("Enter a whole number in digits, like 25."))
    elif thousands:
        wrong = Unreadable(_("Enter the amount as a number, like 1 234,50."))
    else:
        wrong = Unreadable(_("Enter a number in digits, like 12,5."))
    digits = unicodedata.normalize("NFKC", value).translate(SPACES)
    if not NUMBER.fullmatch(digits):
        raise wrong
    marks = [c for c in digits if c in ".,"]
    whole, decimals = digits, ""
    if marks:
        groups = re.split("[.,]", digits)
        lone_group = thousands and len(marks) == 1 and len(groups[1]) == 3 and groups[0] != "0"
        if len(set(marks)) == 2 and marks.count(marks[-1]) == 1:
            whole, decimals = "".join(groups[:-1]), groups[-1]
            groups = groups[:-1]
        elif len(marks) == 1 and not lone_group:
            whole, decimals = groups
            groups = groups[:1]
        elif len(set(marks)) == 1:
            whole = "".join(groups)
        else:
            raise wrong
        if len(groups) > 1 and (len(groups[0]) > 3 or any(len(g) != 3 for g in groups[1:])):
            raise wrong
    if decimals and not places:
        raise Unreadable(_("Enter a whole number, without a comma."))
    if len(decimals) > places:
        raise Unreadable(_("Enter at most %(places)s digits after the comma.") % {"places": places})
    if len(whole.lstrip("0")) > 15:
        raise Unreadable(_("This number is too large. Check the digits."))
    return Decimal(f"{whole}.{decimals}" if decimals else whole)


def partial_date(day: str, month: str, year: str) -> str:
    """`2022`, `2022-03` or `2022-03-07` from three boxes; the day, or day and month, may be empty."""
    day, month, year = (unicodedata.normalize("NFKC", part).strip() for part in (day, month, year))
    if not (year.isascii() and year.isdigit() and len(year) == 4):
        raise Unreadable(_("Enter the year with four digits, like 2022."))
    if int(year) < EARLIEST_YEAR:
        raise Unreadable(_("Check the year: it is before %(year)s.") % {"year": EARLIEST_YEAR})
    if day and not month:
        raise Unreadable(_("Enter the month too, or leave the day empty."))
    for part in (day, month):
        if part and not (part.isascii() and part.isdigit() and len(part) <= 2):
            raise Unreadable(_("Enter the day and the month as numbers, like 7 and 3."))
    if not month:
        return year
    if not 1 <= int(month) <= 12:
        raise Unreadable(_("Enter the month as a number from 1 to 12."))
    if not day:
        return f"{year}-{int(month):02}"
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise Unreadable(_("This day is not in the calendar. Check the day and the month.")) from None


def first_day(partial: str) -> date:
    """The first day that a partial date can mean. Raises ValueError for what is not one."""
    if not PARTIAL_DATE.fullmatch(partial):
        raise ValueError(partial)
    return date.fromisoformat((partial + "-01-01")[:10])


def fraction(value: str) -> str:
    """A share above 0 and up to 1 as "1/2", from "1/2", "½", "50 %" or "0,5"."""
    wrong = Unreadable(_("Enter the share as a fraction, like 1/2, or as a percentage, like 50 %."))
    plain = unicodedata.normalize("NFKC", value).replace("\u2044", "/").translate(SPACES)
    if not SHARE.fullmatch(plain):
        raise wrong
    share = Fraction(plain.removesuffix("%").replace(",", "."))
    if plain.endswith("%"):
        share /= 100
    if not 0 < share <= 1 or share.denominator > 999_999:
        raise wrong
    return plain if FRACTION.fullmatch(plain) else f"{share.numerator}/{share.denominator}"
