"""The order of a draft's steps: what comes before and after each, and how far one is."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from claims.answers import checking
from claims.mandates import Page
from claims.models import Claim

LAST = ("evidence", "own_account", "consents", "check", "declaration")


@dataclass(frozen=True)
class Task:
    title: str
    url: str
    state: str
    """"todo", "begun" or "done"."""


@dataclass(frozen=True)
class StepPlace:
    """Where a step stands, in words: «Step 3 of about 14», and the section it belongs to."""

    number: int
    total: int
    section: str


def home(claim: Claim) -> str:
    """Where the sections of a draft are listed: on a claim's own page, or on that of the changes to it."""
    return reverse("claims:claim" if claim.is_draft else "claims:change", args=[claim.public_id])


class Steps:
    def __init__(self, claim: Claim) -> None:
        self.claim, self.draft, whole = claim, claim.draft, claim.form
        asked = {q.id for q in checking.asked(whole, self.draft.answers)}
        self.parts = whole.parts
        self.pages: list[Page] = [p for p in whole.pages if any(q.id in asked for q in p.questions)]
        self.order = ["eligibility", *(p.id for p in self.pages), *LAST]

    def url(self, step: str) -> str:
        if step in ("eligibility", *LAST):
            return reverse(f"claims:{step}", args=[self.claim.public_id])
        return reverse("claims:page", args=[self.claim.public_id, step])

    def after(self, step: str) -> str:
        """The next step within the same section; at a section's end the task list."""
        here = self.order.index(step) if step in self.order else -1
        following = self.order[here + 1 :][:1]
        if following and self._section(following[0]) == self._section(step):
            return self.url(following[0])
        return home(self.claim)

    def before(self, step: str) -> str:
        here = self.order.index(step) if step in self.order else 0
        previous = self.order[here - 1] if here else ""
        if previous and self._section(previous) == self._section(step):
            return self.url(previous)
        return home(self.claim)

    def place(self, step: str) -> StepPlace:
        section = self._section(step)
        title = next((str(p.title) for p in self.parts if p.id == section), "")
        within = [s for s in self.order if self._section(s) == section]
        number = within.index(step) + 1 if step in within else 1
        return StepPlace(number, len(within), title)

    def _section(self, step: str) -> str:
        part = next((p.part for p in self.pages if p.id == step), step)
        return {"own_account": "evidence", "declaration": "check"}.get(part, part)

    def tasks(self) -> list[Task]:
        """The lines of the task list."""
        lines = [self._task(_("Before you begin"), ["eligibility"])]
        for part in self.parts:
            pages = [p.id for p in self.pages if p.part == part.id]
            if pages:
                lines.append(self._task(str(part.title), pages))
        lines.append(self._task(_("Evidence"), ["evidence", "own_account"]))
        lines.append(self._task(_("Who may see your claim"), ["consents"]))
        return lines

    def _task(self, title: str, steps: list[str]) -> Task:
        seen = [s for s in steps if s in self.draft.pages]
        state = "done" if len(seen) == len(steps) else "begun" if seen else "todo"
        first = next((s for s in steps if s not in self.draft.pages), steps[0])
        return Task(title, self.url(steps[0] if state == "done" else first), state)
