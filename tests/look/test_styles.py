"""The style sheets and the script: small, from here alone, and readable by everyone."""

import gzip
import re
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR, "registry", "static", "registry")
SHEETS = sorted(STATIC.glob("*.css"))


def compressed(*names: str) -> int:
    return sum(len(gzip.compress((STATIC / name).read_bytes())) for name in names)


def palettes() -> dict[str, dict[str, str]]:
    """The colours of values.css. What dark does not name, it takes from light."""
    light, dark = (STATIC / "values.css").read_text().split("@media (prefers-color-scheme: dark)")
    colour = re.compile(r"--([a-z-]+): (#[0-9A-F]{6});")
    return {"light": dict(colour.findall(light)), "dark": dict(colour.findall(light) + colour.findall(dark))}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


TEXT = [
    *product(["text", "soft", "link", "link-strong", "error", "done", "notice"], ["page", "canvas"]),
    *product(["text", "notice", "link"], ["notice-page"]),
    ("on-link", "link"),
    ("on-link", "link-strong"),
    ("on-error", "error"),
    ("on-focus", "focus"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_has_the_contrast_that_wcag_aa_asks_for(scheme, ink, ground):
    colours = palettes()[scheme]
    assert contrast(colours[ink], colours[ground]) >= 4.5


def test_every_colour_that_a_sheet_names_is_one_of_ours():
    """A misspelt one is no error to a browser: it draws nothing."""
    named = {name for sheet in SHEETS for name in re.findall(r"var\(--([a-z-]+)\)", sheet.read_text())}
    ours = {name for sheet in SHEETS for name in re.findall(r"--([a-z-]+):", sheet.read_text())}
    assert named <= ours


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "canvas"])
def test_borders_of_controls_can_be_seen(scheme, ground):
    colours = palettes()[scheme]
    assert contrast(colours["edge"], colours[ground]) >= 3


def test_contrast_is_measured_as_wcag_measures_it():
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda p: p.name)
def test_a_style_sheet_asks_nobody_else_for_anything(sheet):
    addresses = re.findall(r"""(?:url\(|@import )\s*["']?([^"')]+)""", sheet.read_text())
    assert [a for a in addresses if not (STATIC / a).is_file() and a != "url("] == []
    assert "//" not in sheet.read_text()


def test_the_script_asks_only_this_site():
    assert re.findall(r"https?:|//[a-z]|\beval\b|innerHTML", (STATIC / "site.js").read_text()) == []


def test_colours_stand_in_one_place():
    assert [p.name for p in SHEETS if re.search(r"#[0-9A-Fa-f]{6}", p.read_text())] == ["values.css"]


def test_styles_and_script_stay_small():
    assert compressed("values.css", "site.css") < 9_000
    assert compressed("site.js") < 3_000


def test_a_page_costs_less_than_100_kb_with_every_font():
    fonts = sum(p.stat().st_size for p in (STATIC / "fonts").glob("*.woff2"))
    assert fonts + compressed("values.css", "site.css", "site.js", "icon.svg") < 80_000


def test_the_fonts_cover_ukrainian():
    ranges = re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", (STATIC / "values.css").read_text())
    covered = {code for low, high in ranges for code in range(int(low, 16), int(high or low, 16) + 1)}
    letters = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
    assert [c for c in letters + letters.upper() + "’ʼ«»–—№₴€" if ord(c) not in covered] == []
