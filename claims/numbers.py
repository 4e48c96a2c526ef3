"""Claim numbers: `UA-7K4M-2P9Q-F`. The mandate's prefix, eight random characters of Crockford's Base32
(they tell nothing about order or volume), and an ISO 7064 MOD 37,36 check character over both."""

import re
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHECKED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOOKALIKES = str.maketrans("АВСЕНІКМОРТХУЗ", "ABCEHIKMOPTXY3")
MISREAD = str.maketrans("ILO", "110")
BODY = 8


def draw(prefix: str) -> str:
    """A new number. Redrawn while its check character is I, L, O or U, which are misread (rules.md 9)."""
    while True:
        body = "".join(secrets.choice(ALPHABET) for _ in range(BODY))
        check = check_character(prefix + body)
        if check in ALPHABET:
            return f"{prefix}-{body[:4]}-{body[4:]}-{check}"


def check_character(text: str) -> str:
    """ISO 7064 MOD 37,36 over capital letters and digits. UA7K4M2P9Q gives F."""
    product = 36
    for character in text:
        product = ((product + CHECKED.index(character)) % 36 or 36) * 2 % 37
    return CHECKED[(37 - product) % 36]


def read(text: str, *, prefix: str) -> str | None:
    """The number that somebody typed, or None. Small letters, spaces, dashes of any kind, Cyrillic
    look-alikes and the letters I, L and O for 1 and 0 are understood; a wrong check character is not."""
    plain = re.sub(r"[\W_]", "", text).upper().translate(LOOKALIKES)
    if not plain.startswith(prefix) or len(plain) != len(prefix) + BODY + 1:
        return None
    body, check = plain[len(prefix) : -1].translate(MISREAD), plain[-1].translate(MISREAD)
    if any(c not in ALPHABET for c in body) or check_character(prefix + body) != check:
        return None
    return f"{prefix}-{body[:4]}-{body[4:]}-{check}"


def category_code(text: str) -> str:
    """A category's code as typed: the official pages themselves write «А3.1» with a Cyrillic letter."""
    plain = re.sub(r"\s", "", text).upper().translate(LOOKALIKES)
    return re.sub(r"[^A-Z0-9]", ".", plain)
