"""Claim numbers for made-up claims: a permutation, so that within a seed none comes twice."""

import hashlib

from claims import numbers

HALF = 20  # bits: eight characters of five bits are two halves
MASK = (1 << HALF) - 1
RESERVE = 1 << (2 * HALF - 1)


class Numbers:
    """The number of the nth claim of a seed: a Feistel network over all bodies, walked on past those whose
    check character is misread (claims.numbers). Walking along a permutation is one again."""

    def __init__(self, prefix: str, seed: int) -> None:
        self.prefix = prefix
        digest = hashlib.sha256(f"claim numbers of seed {seed}".encode()).digest()
        self._keys = [int.from_bytes(digest[n : n + 8]) for n in range(0, 32, 8)]

    def number(self, index: int, attempt: int = 0) -> str:
        """`attempt` counts those before it that somebody else's claim has already: each time another one,
        which no other claim of the seed has either."""
        value = index if not attempt else RESERVE + index * 16 + attempt
        while True:
            value = self._next(value)
            body = "".join(numbers.ALPHABET[value >> shift & 31] for shift in range(35, -1, -5))
            check = numbers.check_character(self.prefix + body)
            if check in numbers.ALPHABET:
                return f"{self.prefix}-{body[:4]}-{body[4:]}-{check}"

    def _next(self, value: int) -> int:
        left, right = value >> HALF, value & MASK
        for key in self._keys:
            mixed = (right * 0x9E3779B97F4A7C15 ^ key) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
            left, right = right, left ^ (mixed >> 40 & MASK)
        return left << HALF | right
