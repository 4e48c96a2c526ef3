"""What people type is read the way they mean it, or refused with a sentence that says what to do."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.answers import parsing
from claims.answers.parsing import Unreadable

RIGHT_TO_LEFT = "\u200f\u202bעברית\u202c"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1234", "1234"),
        ("0", "0"),
        ("007", "7"),
        ("0,5", "0.5"),
        ("0.50", "0.50"),
        ("1234,5", "1234.5"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1’234.50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234", "1234"),
        ("1.234", "1234"),
        ("1.234.567", "1234567"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567,89", "1234567.89"),
        (" 12 ", "12"),
        ("１２", "12"),
        ("999999999999999,99", "999999999999999.99"),
    ],
)
def test_an_amount_is_read_as_it_is_meant(typed, meant):
    assert parsing.number(typed, places=2, thousands=True) == Decimal(meant)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "багато",
        "1 234,50 грн",
        "₴5",
        "-5",
        "+5",
        "1e5",
        "1/2",
        "½",
        ".5",
        "5.",
        "1,,5",
        "1,23,456",
        "1.23.4",
        "12,3456,789",
        "1,234.567.8",
        "1.234,567,8",
        "١٢",
        "1_000",
        "NaN",
        "5\x00",
    ],
)
def test_what_is_not_an_amount_is_refused(typed):
    with pytest.raises(Unreadable, match="Enter the amount as a number, like 1 234,50"):
        parsing.number(typed, places=2, thousands=True)


@pytest.mark.parametrize("typed", ["1,5555", "0,123", "12.345,678"])
def test_an_amount_has_two_decimals_at_most(typed):
    with pytest.raises(Unreadable, match="at most 2 digits after the comma"):
        parsing.number(typed, places=2, thousands=True)


def test_a_number_may_have_fifteen_digits_before_the_comma():
    assert parsing.number("0" * 20 + "9" * 15, places=2) == Decimal("9" * 15)
    with pytest.raises(Unreadable, match="too large"):
        parsing.number("9" * 16, places=2)


def test_a_lone_separator_before_three_digits_is_a_decimal_one_where_decimals_are_long():
    assert parsing.number("1,234", places=6) == Decimal("1.234")


def test_a_whole_number_may_be_grouped_but_has_no_decimals():
    assert parsing.number("1 234", places=0) == 1234
    assert parsing.number("1,234", places=0, thousands=True) == 1234
    with pytest.raises(Unreadable, match="Enter a whole number, without a comma"):
        parsing.number("12,5", places=0, thousands=True)


@given(st.decimals(min_value=0, max_value=10**15 - 1, places=2, allow_nan=False, allow_infinity=False))
def test_every_way_to_write_an_amount_is_read_as_the_same_amount(amount):
    written = f"{amount:,.2f}"
    for group, comma in ((" ", ","), ("\u00a0", ","), (",", "."), (".", ","), ("'", "."), ("", ".")):
        typed = written.replace(",", "_").replace(".", comma).replace("_", group)
        assert parsing.number(typed, places=2, thousands=True) == amount


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_refused(typed):
    with contextlib.suppress(Unreadable):
        assert parsing.number(typed, places=2, thousands=True) >= 0


@pytest.mark.parametrize(
    ("day", "month", "year", "meant"),
    [
        ("", "", "2022", "2022"),
        ("", "3", "2022", "2022-03"),
        ("7", "3", "2022", "2022-03-07"),
        ("07", "03", "2022", "2022-03-07"),
        (" 7 ", "3 ", " 2022", "2022-03-07"),
        ("29", "2", "2024", "2024-02-29"),
        ("７", "３", "２０２２", "2022-03-07"),
        ("", "", "1900", "1900"),
    ],
)
def test_a_date_is_as_exact_as_it_was_given(day, month, year, meant):
    assert parsing.partial_date(day, month, year) == meant


@pytest.mark.parametrize(
    ("day", "month", "year", "sentence"),
    [
        ("7", "3", "", "year with four digits"),
        ("", "", "22", "year with four digits"),
        ("", "", "20222", "year with four digits"),
        ("", "", "торік", "year with four digits"),
        ("", "", "٢٠٢٢", "year with four digits"),
        ("", "", "1899", "before 1900"),
        ("7", "", "2022", "Enter the month too"),
        ("", "13", "2022", "from 1 to 12"),
        ("", "0", "2022", "from 1 to 12"),
        ("", "березень", "2022", "as numbers"),
        ("7-го", "3", "2022", "as numbers"),
        ("-1", "3", "2022", "as numbers"),
        ("29", "2", "2022", "not in the calendar"),
        ("31", "4", "2022", "not in the calendar"),
        ("0", "3", "2022", "not in the calendar"),
        ("\x00", "3", "2022", "as numbers"),
    ],
)
def test_what_is_not_a_date_is_refused(day, month, year, sentence):
    with pytest.raises(Unreadable, match=sentence):
        parsing.partial_date(day, month, year)


def test_a_partial_date_sorts_by_its_first_day():
    assert [parsing.first_day(d).isoformat() for d in ("2022", "2022-03", "2022-03-07")] == [
        "2022-01-01",
        "2022-03-01",
        "2022-03-07",
    ]


@pytest.mark.parametrize("not_one", ["", "22", "2022-3", "2022-13", "2022-02-30", "2022-03-07T10", "٢٠٢٢"])
def test_only_a_partial_date_has_a_first_day(not_one):
    with pytest.raises(ValueError):  # noqa: PT011 - whichever of the two says so
        parsing.first_day(not_one)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1/2", "1/2"),
        (" 1 / 2 ", "1/2"),
        ("1⁄2", "1/2"),
        ("½", "1/2"),
        ("2/4", "2/4"),
        ("50 %", "1/2"),
        ("33,5%", "67/200"),
        ("100%", "1/1"),
        ("0,5", "1/2"),
        ("0.25", "1/4"),
        ("1", "1/1"),
        ("1/1", "1/1"),
        ("999998/999999", "999998/999999"),
    ],
)
def test_a_share_is_read_as_a_fraction(typed, meant):
    assert parsing.fraction(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "3/2",
        "2",
        "150 %",
        "0",
        "0/5",
        "0 %",
        "-1/2",
        "1/0",
        "1/-2",
        "половина",
        "",
        "%",
        "1/1000000",
        "1/2/3",
        "1e-3",
        "1_0/20",
        "0x1",
        "1/2\x00",
        "٢/٣",
        "1e-999999999",
        "0," + "1" * 100_000,
    ],
)
def test_what_is_not_a_share_up_to_one_is_refused(typed):
    with pytest.raises(Unreadable, match="Enter the share as a fraction"):
        parsing.fraction(typed)


@given(st.integers(1, 999_999), st.integers(1, 999_999))
def test_every_share_up_to_one_can_be_typed(a, b):
    part, whole = sorted((a, b))
    assert parsing.fraction(f"{part}/{whole}") == f"{part}/{whole}"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Олена  ", "Олена"),
        ("О’Коваленко-Ґава", "О’Коваленко-Ґава"),
        ("рядок\r\nдругий\rтретій", "рядок\nдругий\nтретій"),
        ("й", "й"),
        ("🕯️👩‍👧", "🕯️👩‍👧"),
        (RIGHT_TO_LEFT, RIGHT_TO_LEFT),
        (" \n\t ", ""),
    ],
)
def test_a_text_is_kept_as_typed_but_for_line_ends_composition_and_outer_space(typed, kept):
    assert parsing.text(typed, max_length=100) == kept


def test_a_text_of_twenty_thousand_characters_is_kept():
    account = "😢" * 20_000
    assert parsing.text(account + "\r\n", max_length=20_000) == account


def test_a_longer_text_is_refused_with_its_length_and_the_limit():
    with pytest.raises(Unreadable, match="20001 characters; at most 20000 fit here. Shorten it, or add"):
        parsing.text("а" * 20_001, max_length=20_000)


def test_a_nul_is_refused():
    with pytest.raises(Unreadable, match="hidden character"):
        parsing.text("до\x00після", max_length=100)
