"""Claim numbers tell nothing, are read as people type them, and a wrong letter is noticed."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims import numbers

BODIES = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=8, max_size=8)
DRAWN = BODIES.filter(lambda body: numbers.check_character("UA" + body) not in "ILOU").map(
    lambda body: f"UA-{body[:4]}-{body[4:]}-{numbers.check_character('UA' + body)}"
)


def read(text):
    return numbers.read(text, prefix="UA")


def test_the_check_character_is_iso_7064_mod_37_36():
    assert numbers.check_character("UA7K4M2P9Q") == "F"
    assert numbers.check_character("A12425GABC1234002") == "M"  # the example of the Global Release Identifier


def test_a_number_has_a_prefix_eight_random_characters_and_a_check_character():
    drawn = {numbers.draw("UA") for _ in range(300)}
    assert len(drawn) == 300
    assert all(read(number) == number for number in drawn)


def test_a_number_whose_check_character_is_misread_is_drawn_again(monkeypatch):
    misread = next(
        b for b in map("0000000{}".format, numbers.ALPHABET) if numbers.check_character("UA" + b) in "ILOU"
    )
    characters = iter(misread + "7K4M2P9Q")
    monkeypatch.setattr(secrets, "choice", lambda alphabet: next(characters))
    assert numbers.draw("UA") == "UA-7K4M-2P9Q-F"


@given(DRAWN)
def test_a_number_is_read_back(number):
    assert read(number) == number


@pytest.mark.parametrize(
    "typed",
    [
        "UA-7K4M-2P9Q-F",
        "ua-7k4m-2p9q-f",
        "UA7K4M2P9QF",
        " UA 7K4M 2P9Q F ",
        "UA–7K4M—2P9Q−F",
        "UA_7K4M_2P9Q_F",
        "U\u200bA7K4M2P9QF",
        "UА-7К4М-2Р9Q-F",
        "uа-7к4м-2р9q-f",
    ],
)
def test_small_letters_spaces_dashes_and_cyrillic_look_alikes_are_understood(typed):
    assert read(typed) == "UA-7K4M-2P9Q-F"


@given(DRAWN, st.sampled_from(["Il1", "LL1", "iІ1", "OО0", "oо0"]))
def test_i_l_and_o_are_read_as_the_digits_that_they_look_like(number, alike):
    body = number[2:].replace(alike[2], alike[0])
    assert read("UA" + body) == number
    assert read("UA" + number[2:].replace(alike[2], alike[1])) == number


@given(DRAWN, st.data())
def test_one_wrong_character_is_noticed(number, data):
    at = data.draw(st.sampled_from([n for n, c in enumerate(number) if c != "-"]))
    wrong = data.draw(st.sampled_from([c for c in numbers.ALPHABET if c != number[at]]))
    assert read(number[:at] + wrong + number[at + 1 :]) is None


@given(st.text(max_size=20))
def test_anything_else_is_no_number(typed):
    assert read(typed) is None


@pytest.mark.parametrize(
    "typed", ["", "UA", "7K4M-2P9Q-F", "XX-7K4M-2P9Q-F", "UA-7K4M-2P9Q-F7", "UA-7U4M-2P9Q-F"]
)
def test_what_has_another_shape_is_no_number(typed):
    assert read(typed) is None


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("A3.1", "A3.1"),
        ("a3.1", "A3.1"),
        ("А3.1", "A3.1"),
        ("а3.1", "A3.1"),
        (" С 3.1 ", "C3.1"),
        ("В1.1", "B1.1"),
    ],
)
def test_a_category_code_is_understood_with_cyrillic_letters(typed, code):
    assert numbers.category_code(typed) == code
