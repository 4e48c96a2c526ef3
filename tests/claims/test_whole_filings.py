"""Whole claims filed as a browser does it: from the start through every question to the receipt."""

import html
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from claims import mandates
from claims.mandates import Type
from claims.models import Claim, Draft
from tests import make
from tests.claims import typed

pytestmark = pytest.mark.django_db


class Filing:
    """Somebody at a browser with these answers in mind."""

    def __init__(self, browser, code, answers):
        self.browser, self.answers = browser, answers
        self.tasks = browser.post(reverse("claims:start", args=[code])).url
        self.claim = Claim.objects.get()
        self.asked = []

    def go_through_the_sections(self):
        """Section by section as the task list offers them, until none is left."""
        while todo := [t for t in self.browser.get(self.tasks).context["tasks"] if t.state != "done"]:
            step = todo[0].url
            while step != self.tasks:
                step = self.go_through(step)

    def go_through(self, step):
        """Fill in one page and press “Continue”. Gives where that leads."""
        shown = self.browser.get(step)
        assert shown.status_code == 200
        kind = shown.resolver_match.url_name
        action = re.search(r'action="([^"]*evidence/add/)"', shown.content.decode())
        answer = self.browser.post(action[1] if action else step, getattr(self, kind)(shown))
        if answer.status_code == 200:  # a “no” is explained once
            return answer.context["next_step"]
        return answer.url

    def page(self, shown):
        page = shown.context["page"]
        if page.questions[0].type is not Type.GROUP:
            self.asked += [q.id for q in shown.context["form"].asked]
            return typed.page(page, self.answers)
        [group] = page.questions
        self.asked.append(group.id)
        for item in self.answers[group.id]:
            links = re.findall(
                r'href="([^"]*/item/\?[^"]*)"', self.browser.get(shown.request["PATH_INFO"]).content.decode()
            )
            added = self.browser.post(html.unescape(links[-1]), typed.item(group, item))
            assert added.status_code == 302
        return {}

    def eligibility(self, shown):
        return {test.id: "no" for test in mandates.current().eligibility}

    def evidence(self, shown):
        return {"file": SimpleUploadedFile("deed.pdf", make.PDF), "description": "Договір"}

    def own_account(self, shown):
        return {"text": "Решта документів згоріла."}

    def consents(self, shown):
        return {"research": "on"}

    def submit(self):
        check = self.browser.get(reverse("claims:check", args=[self.claim.public_id]))
        assert (check.context["missing"], check.context["problems"]) == (0, [])
        declaration = reverse("claims:declaration", args=[self.claim.public_id])
        hidden = re.findall(
            r'type="hidden" name="(\w+)" value="([^"]*)"', self.browser.get(declaration).content.decode()
        )
        return self.browser.post(declaration, {**dict(hidden), "typed_name": "Олена Коваленко"}, follow=True)


WALKS = [
    ("A2.1", {}),
    ("A2.1", {"death_where": "abroad", "relationship": "other_family_member"}),
    ("A2.1", {"death_where": "vessel"}),
    ("C3.1", {}),
    ("C3.1", {"place_kind": "vessel"}),
    ("A3.1", {}),
]


@pytest.mark.parametrize(("code", "choices"), WALKS)
def test_a_claim_is_filed_with_every_answer_through_the_pages(signed_in, code, choices):
    answers = make.answers(code, **choices)
    filing = Filing(signed_in("olena"), code, answers)
    filing.go_through_the_sections()
    assert sorted(filing.asked) == sorted(answers)
    draft = Draft.objects.get()
    assert draft.answers == answers

    receipt = filing.submit()
    claim = Claim.objects.get()
    assert receipt.redirect_chain == [(reverse("claims:receipt", args=[claim.public_id]), 302)]
    assert claim.number in receipt.content.decode()

    version = claim.versions.get()
    frozen = {}
    for section in mandates.ANSWER_SECTIONS:
        frozen |= {name: said["answer"] for name, said in json.loads(getattr(version, section)).items()}
    assert frozen == {**answers, "own_account": "Решта документів згоріла."}
    assert [f["description"] for f in json.loads(version.evidence)] == ["Договір"]
    core = json.loads(version.core)
    assert set(core["eligibility"].values()) == {"no"}
    assert core["consents"]["choices"]["research"]


def test_the_walks_answer_every_question_of_the_mandate():
    answered = {code: set() for code, _choices in WALKS}
    for code, choices in WALKS:
        answered[code] |= set(make.answers(code, **choices))
    assert answered == {code: {q.id for q in make.form(code).questions} for code in answered}
