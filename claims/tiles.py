"""Where each region stands on the map of tiles: tiles.csv of the mandate, drawn by hand so that it resembles
the country. A mandate without the file has no map, only the table."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from claims.mandates import MandateError, Text

COLUMNS = ["region", "column", "row", "short_uk", "short_en"]


@dataclass(frozen=True)
class Tile:
    region: str
    column: int
    row: int
    short: Text


@lru_cache(maxsize=1)
def current() -> tuple[Tile, ...]:
    """The map of this deployment's mandate, read once per process."""
    return read(settings.MANDATE_DIR / "tiles.csv")


def read(path: Path) -> tuple[Tile, ...]:
    """Raises MandateError."""
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if reader.fieldnames != COLUMNS:
            raise MandateError(f"{path.name}: header: expected {','.join(COLUMNS)}")
        tiles = []
        for row in reader:
            if not (row["column"].isdecimal() and row["row"].isdecimal()):
                raise MandateError(
                    f"{path.name}: line {reader.line_num}: expected whole numbers for the place"
                )
            short = Text(uk=row["short_uk"], en=row["short_en"])
            tiles.append(Tile(row["region"], int(row["column"]), int(row["row"]), short))
    for twice in ({t.region for t in tiles}, {(t.column, t.row) for t in tiles}):
        if len(twice) < len(tiles):
            raise MandateError(f"{path.name}: expected each region and each place once")
    return tuple(tiles)
