"""Categories as the register holds them: loading a mandate, opening and closing a category."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import rfc8785
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from claims import entries
from claims.mandates import Category as Definition
from claims.mandates import Folder, Mandate, MandateError, Notice, Raw
from claims.models import Category, CategoryVersion, Claim, MandateVersion, Place
from claims.models.category import CategoryState
from claims.models.category import definition as versioned
from claims.models.place import folded
from ledger import log

PLACE_COLUMNS = ["code", "kind", "region", "name_uk", "name_en", "parents_uk"]


class ChangeRefused(Exception):
    """The category stays as it is; str() is a translated sentence that says why."""


@transaction.atomic
def load(folder: Folder) -> list[str]:
    """Bring categories and their versions from a mandate folder; what is there already stays.

    Answers what is new, a line each. Raises MandateError where a version that was loaded before has
    other content now: claims are pinned to it.
    """
    news = _load_mandate(folder.mandate)
    for code, (definition, raw) in folder.categories.items():
        content = rfc8785.dumps(raw)
        digest = hashlib.sha256(content).hexdigest()
        category, _new = Category.objects.select_for_update().get_or_create(
            code=code, defaults={"state": definition.status, **_facts(definition)}
        )
        known = category.versions.filter(version=definition.version).first()
        if known is None:
            category.newest = _load_version(category, definition, content.decode(), digest)
            if definition.sensitive != category.sensitive:
                # Whoever submits or amends has locked the claim before reading its category: this waits for
                # them here, or they for the end of this. So a claim is always as sensitive as its category.
                Claim.objects.filter(category=category).update(sensitive=definition.sensitive)
            for field, value in _facts(definition).items():
                setattr(category, field, value)
            category.save()
            news.append(f"{code} version {definition.version}")
        elif known.digest != digest:
            raise MandateError(
                f"categories/{code}.toml: version: expected a number above {definition.version}, because "
                "this version was loaded before with other content (or with other pages in claimants/)"
            )
    return news


def _load_mandate(mandate: Mandate) -> list[str]:
    """Keep this wording of mandate.toml. A notice that was changed must have a new version: people agreed to
    the text, and their answer names the version."""
    notices = ("privacy_notice", "declaration")
    for old in map(json.loads, MandateVersion.objects.values_list("content", flat=True)):
        for name in notices:
            notice: Notice = getattr(mandate, name)
            known = old[name]
            texts = (known["text"]["uk"].strip(), known["text"]["en"].strip())
            if known["version"] == notice.version and texts != (notice.text.uk, notice.text.en):
                raise MandateError(
                    f"mandate.toml: {name}.version: expected another one than {notice.version!r}, because "
                    "that was loaded before with another text"
                )
    _version, is_new = MandateVersion.objects.get_or_create(
        digest=mandate.digest, defaults={"content": mandate.content}
    )
    if not is_new:
        return []
    log.append(entries.MANDATE_LOADED, by=log.SYSTEM, office="system", facts={"digest": mandate.digest})
    return [f"mandate.toml {mandate.digest[:12]}"]


def _facts(definition: Definition) -> dict[str, object]:
    return {
        "group": definition.group,
        "title_uk": definition.title.uk,
        "title_en": definition.title.en,
        "sensitive": definition.sensitive,
    }


def _load_version(category: Category, definition: Definition, content: str, digest: str) -> CategoryVersion:
    if category.versions.filter(version__gte=definition.version).exists():
        raise MandateError(
            f"categories/{category.code}.toml: version: expected a number above those loaded before"
        )
    if category.newest_id and not set(versioned(category.newest_id).claimants) <= set(definition.claimants):
        raise MandateError(
            f"categories/{category.code}.toml: claimants: expected every kind of the version before, "
            "because there may be drafts; close the category instead"
        )
    version = CategoryVersion.objects.create(
        category=category, version=definition.version, content=content, digest=digest
    )
    log.append(
        entries.CATEGORY_VERSION_LOADED,
        by=log.SYSTEM,
        office="system",
        facts={"category": category.code, "category_version": version.version, "digest": digest},
    )
    return version


@transaction.atomic
def change_state(category: Category, to: CategoryState, *, by: User) -> None:
    """Open, pause or close a category. Drafts in it are kept."""
    if not by.has_perm("claims.change_category"):
        raise ChangeRefused(_("Only a register manager opens and closes categories."))
    category = Category.objects.select_for_update(of=("self",)).get(pk=category.pk)
    before = category.state
    if before == to:
        raise ChangeRefused(_("The category has this state already."))
    if to == CategoryState.DRAFT:
        raise ChangeRefused(_("A category that was shown does not go back into preparation."))
    category.state = to
    category.save(update_fields=["state"])
    log.append(
        entries.CATEGORY_STATE_CHANGED,
        by=by.actor,
        office=Role.REGISTER_MANAGER if Role.REGISTER_MANAGER in by.roles else "superuser",
        facts={"category": category.code, "state_before": before, "state_after": to.value},
    )


@transaction.atomic
def load_places(path: Path, regions: set[str]) -> int:
    """Bring the places of places.csv. Answers how many rows are new or changed."""
    columns = [f.column for f in Place._meta.concrete_fields]
    rows = list(_places(path, regions))
    names = ", ".join(columns)
    updates = ", ".join(f"{c} = excluded.{c}" for c in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO claims_place ({names}) "  # noqa: S608 - own column names
            f"SELECT * FROM unnest({', '.join(['%s::text[]'] * len(columns))}) "
            f"ON CONFLICT (code) DO UPDATE SET {updates} "
            "WHERE (claims_place.*) IS DISTINCT FROM (excluded.*)",
            [[row[c] for row in rows] for c in columns],
        )
        return cursor.rowcount


def _places(path: Path, regions: set[str]) -> Iterator[Raw]:
    def mistake(expected: str) -> MandateError:
        return MandateError(f"{path.name}: line {reader.line_num}: {expected}")

    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            if reader.fieldnames != PLACE_COLUMNS:
                raise MandateError(f"{path.name}: header: expected {','.join(PLACE_COLUMNS)}")
            for row in reader:
                if None in row or None in row.values():
                    raise mistake(f"expected {len(PLACE_COLUMNS)} values")
                if row["region"] not in regions:
                    raise mistake("region: expected a code of [[regions]] in mandate.toml")
                if row["code"] in seen:
                    raise mistake(f"code: expected each code once, but {row['code']!r} comes twice")
                seen.add(row["code"])
                yield {**row, "folded_uk": folded(row["name_uk"]), "folded_en": folded(row["name_en"])}
    except FileNotFoundError:
        raise MandateError(f"{path.name}: expected this file beside mandate.toml") from None
    except UnicodeDecodeError as error:
        raise MandateError(f"{path.name}: expected UTF-8: {error}") from None
