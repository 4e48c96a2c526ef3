"""The page on which anybody checks a receipt: one file, that works saved and offline too.

Style and script stand in the page itself. Its content policy allows exactly these, by their hashes, and
nothing else: no connection, no other file, no address to send a form to.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

FOLDER = Path(__file__).parent
SCRIPTS = ("vendor/noble-ed25519.js", "checking.js", "page.js")


@cache
def style() -> str:
    """The look of all pages without its fonts, which would be other files."""
    colours = _static("values.css")
    return colours[colours.index(":root") :] + _static("site.css") + (FOLDER / "page.css").read_text()


@cache
def script() -> str:
    """What was vendored, unchanged; and ours in a block, where its names are its own."""
    vendored, *ours = [(FOLDER / name).read_text() for name in SCRIPTS]
    return "\n".join([vendored, "{", *ours, "}"])


def elements() -> dict[str, SafeString]:
    """For the template, which may hold no style or script itself."""
    return {
        "style": format_html("<style>{}</style>", mark_safe(style())),  # noqa: S308 -- our own files
        "script": format_html('<script type="module">{}</script>', mark_safe(script())),  # noqa: S308
    }


def policy() -> str:
    return (
        f"default-src 'none'; script-src {_source(script())}; style-src {_source(style())}; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _static(name: str) -> str:
    return Path(str(finders.find(f"registry/{name}"))).read_text()
