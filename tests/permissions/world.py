"""The world in which tests/permissions/table.txt was judged: who asks, about which claims and batches, and
what a well-meant form would send."""

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from claims import figures, filing
from claims.models import Category, Claim
from claims.versions import Declaration
from ledger import sealing
from ledger.log import SYSTEM
from ledger.models import Entry
from partners import agreements
from review import batches, clearances
from tests import make

PEOPLE: Mapping[str, tuple[str, Role | None]] = {
    "owner": ("olena", None),  # filed the claims in question
    "other": ("petro", None),  # another claimant
    "intake": ("inna", Role.INTAKE_OFFICER),
    "holder": ("iryna", Role.REVIEWER),  # has the claims on her desk, and proposed
    "reviewer": ("mykola", Role.REVIEWER),
    "senior": ("senia", Role.SENIOR_REVIEWER),
    "director": ("dariia", Role.EXECUTIVE_DIRECTOR),
    "board": ("bohdan", Role.BOARD_MEMBER),
    "secretary": ("svitlana", Role.BOARD_SECRETARY),
    "manager": ("maryna", Role.REGISTER_MANAGER),
    "dpo": ("denys", Role.DATA_PROTECTION_OFFICER),
    "translator": ("taras", Role.TRANSLATOR),
    "support": ("sofiia", Role.SUPPORT_AGENT),
    "auditor": ("andrii", Role.AUDITOR),
    "superuser": ("emergency", None),
}
COLUMNS = ("signed out", *PEOPLE)


@dataclass(frozen=True)
class Case:
    """One address in one situation, and what is posted to it."""

    name: str
    situation: str
    url: str
    sent: Mapping[str, Any] = field(default_factory=dict)
    methods: Collection[str] = ("GET", "POST")

    def __str__(self) -> str:
        return f"{self.name} [{self.situation}]" if self.situation else self.name


def addresses() -> Iterator[tuple[str, str]]:
    """Every address of the project: its name (or its pattern, where it has none) and its pattern."""

    def walk(resolver: URLResolver, before: str, spaces: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for pattern in resolver.url_patterns:
            where = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
                yield from walk(pattern, where, inner)
            else:
                yield ":".join((*spaces, pattern.name)) if pattern.name else where, where

    return walk(get_resolver(), "", ())


def answers(case: Case, method: str, sessions: Mapping[str, str]) -> list[str]:
    """The status that each column of the table gets, with a + if an act was done: the ledger tells. What one
    person does is undone before the next asks."""
    return [_status(sessions[who], case, method) for who in COLUMNS]


def sign_in() -> dict[str, str]:
    """A session for each column."""
    sessions = {"signed out": ""}
    for who in PEOPLE:
        browser = Client()
        browser.force_login(_person(who))
        sessions[who] = browser.cookies[settings.SESSION_COOKIE_NAME].value
    return sessions


def _status(session: str, case: Case, method: str) -> str:
    browser = Client(headers={"accept-language": "en"}, raise_request_exception=False)
    if session:
        browser.cookies[settings.SESSION_COOKIE_NAME] = session
    before, entries = transaction.savepoint(), Entry.objects.count()
    answer = browser.generic("GET", case.url) if method == "GET" else browser.post(case.url, case.sent)
    list(answer)  # a file that is not read to its end stays open
    acted = Entry.objects.count() > entries
    transaction.savepoint_rollback(before)
    return f"{answer.status_code}{'+' if acted else ''}"


def _person(who: str) -> User:
    name, role = PEOPLE[who]
    person = make.staff(name, role) if role else make.user(name)
    if who == "superuser":
        User.objects.filter(pk=person.pk).update(is_superuser=True)
    return User.objects.get(pk=person.pk)


# --- What is asked for ---


def public() -> list[Case]:
    """What is the same for everybody, and what everybody has for themselves."""
    make.checkpoint()  # `readyz` does not like an entry that has waited long
    figures.publish()
    told = {"email": "petro@example.org", "password": make.PASSWORD, "password1": make.PASSWORD}
    sent: dict[str, Mapping[str, Any]] = {
        "set_language": {"language": "en"},
        "account_signup": {"email": "new@example.org", "password1": make.PASSWORD},
        "account_login": {"login": "petro@example.org", "password": make.PASSWORD},
        "account_reset_password": told,
        "account_reauthenticate": told,
    }
    arguments: dict[str, list[Any]] = {
        "demo_mail_message": ["none"],
        "account_confirm_email": ["none"],
        "account_reset_password_from_key": ["0", "none"],
        "claims:category": ["A3.1"],
        "claims:start": ["A3.1"],
        "claims:statistics_table": ["regions"],
        "partners:category": ["A3.1"],
        "partners:tile": ["0/000.p/1"],
    }
    names = [name for name, _pattern in addresses() if name.startswith(("account_", "mfa_", "set_language"))]
    names += ["healthz", "readyz", "demo_mail", "demo_mail_message", "claims:list", "claims:start"]
    names += [f"claims:{page}" for page in ("home", "categories", "category", "places")]
    names += [f"claims:{page}" for page in ("statistics", "statistics_table")]
    names += [f"claims:{page}" for page in ("privacy", "help", "accessibility")]
    names += [f"partners:{page}" for page in ("categories", "category", "statistics", "schema", "docs")]
    names += [f"partners:{page}" for page in ("token", "revoke", "checkpoint", "vkeys", "tile")]
    proofs = {"partners:inclusion": "?index=0&size=1", "partners:consistency": "?first=1&second=1"}
    return [_case(name, "", *arguments.get(name, ()), sent=sent.get(name)) for name in names] + [
        Case(name, "", reverse(name) + query) for name, query in proofs.items()
    ]


def claims() -> list[Case]:
    """Everything that can be done with one claim, in each situation in which the answer differs."""
    draft = make.draft(by="olena", answers={**make.REQUIRED["individual"], "owned_by": "shares"})
    make.evidence(draft)
    filed = make.claim(by="olena", answers={"owned_by": "shares"}, files=[make.PDF])
    changing = make.claim(by="olena", answers={"owned_by": "shares"}, files=[make.PDF])
    filing.reopen(changing, by=changing.filed_by)
    asked = make.asked(make.under_review(by="iryna", filed_by="olena", files=[make.PDF]))
    make.checkpoint()  # before there is one, nobody has a proof
    pages: dict[str, tuple[list[Any], Mapping[str, Any]]] = {
        name: ([], {}) for name in ("claim", "filed", "filed_file", "receipt", "eligibility", "evidence")
    }
    pages |= {f"receipt_{form}": ([1], {}) for form in ("act", "json", "pdf", "proof")}
    pages |= {
        "page": (["owners"], {}),
        "item": (["co_owners"], {"share": "1/2"}),
        "add_evidence": ([], {}),
        "own_account": ([], {}),
        "consents": ([], {}),
        "check": ([], {}),
        "declaration": ([], asdict(Declaration.of_current_texts("Олена", language="en"))),
        "discard": ([], {}),
        "change": ([], {}),
        "withdraw": ([], {}),
        "change_consents": ([], {}),
    }
    cases = []
    for situation, claim in (("draft", draft), ("filed", filed), ("changing", changing)):
        file_id = claim.attachments.get().evidence_file.public_id
        of_claim = pages | {
            "file": ([file_id], {}),
            "piece": ([file_id], {"type": "", "description": ""}),
            "request": ([asked.public_id], {"text": "Here.", "send": "1"}),
        }
        for page, (more, sent) in of_claim.items():
            query = f"?item={uuid.UUID(int=1)}" if page == "item" else ""
            case = _case(f"claims:{page}", situation, claim.public_id, *more, sent=sent)
            cases.append(Case(case.name, case.situation, case.url + query, case.sent))
    reply = {"text": "Here.", "send": "1"}
    cases.append(_case("claims:request", "asked", asked.claim.public_id, asked.public_id, sent=reply))
    return cases


def desk() -> list[Case]:
    """The queue, and a claim in each situation in which staff meet it."""
    cases = [_case("review:queue", ""), _case("review:take_oldest", "")]
    make.claim(by="vira", files=[make.PDF])
    sensitive = make.claim("C3.1", by="vira", files=[make.PDF])
    Claim.objects.filter(pk=sensitive.pk).update(sensitive=True)
    held = make.under_review(by="iryna", filed_by="vira", files=[make.PDF])
    asked = make.asked(make.under_review(by="iryna", filed_by="vira", files=[make.PDF])).claim
    proposed = make.proposed(by="iryna", filed_by="vira", files=[make.PDF]).claim
    own = make.proposed(by="ivan", filed_by="mykola", files=[make.PDF]).claim
    awaiting = make.confirmed(by="ivan", proposed_by="iryna", filed_by="vira", files=[make.PDF])
    decided = make.recorded(by="vira", files=[make.PDF])
    situations = {
        "in the queue": make.claim(by="vira", files=[make.PDF]),
        "sensitive": sensitive,
        "held by holder": held,
        "asked by holder": asked,
        "proposed by holder": proposed,
        "filed by reviewer, proposed": own,
        "awaiting, proposed by holder": awaiting,
        "recorded": decided,
        "a draft": make.draft(by="vira"),
    }
    for situation, claim in situations.items():
        number = claim.number or str(claim.public_id)
        file_id = next((a.evidence_file.public_id for a in claim.attachments.all()), uuid.UUID(int=1))
        proposal = claim.proposals.order_by("-id").first()
        sent: dict[str, Mapping[str, Any]] = {
            "claim": {},
            "take": {},
            "release": {},
            "checklist": {"version_number": claim.version},
            "ask": {
                "version_number": claim.version,
                "ask_text": "A photograph, please.",
                "ask_due_on": _soon(),
            },
            "go_on": {},
            "propose": {"version_number": claim.version, "reason": "all_tests_met"},
            "confirm": {"proposal": proposal.public_id if proposal else uuid.UUID(int=1)},
            "send_back": {
                "proposal": proposal.public_id if proposal else uuid.UUID(int=1),
                "back_note": "Why?",
            },
            "return": {"return_note": "Look again."},
        }
        for page, form in sent.items():
            methods = ["GET"] if page == "claim" else ["POST"]
            judged = ("GET", "POST") if situation == "held by holder" else methods
            cases.append(_case(f"review:{page}", situation, number, sent=form, methods=judged))
        cases.append(_case("review:file", situation, number, file_id, methods=["GET"]))
    return cases


def board() -> list[Case]:
    """Batches, papers, decisions, and naming people for sensitive categories."""
    category = make.category("C3.1")
    Category.objects.filter(pk=category.pk).update(sensitive=True)
    category.refresh_from_db()
    named = make.staff("iryna", Role.REVIEWER)
    clearances.give(named, category, by=make.staff("dariia", Role.EXECUTIVE_DIRECTOR))
    rejected = make.rejected(by="vira")
    free = make.confirmed(by="ivan", filed_by="vira")
    erasing = make.claim(by="vira")
    proposing = {"version": "", "sections": ["account"], "ground": "unlawful", "reason": "No."}
    cases = [
        _case("review:erasures", ""),
        _case("review:erasure_propose", "", make.claim(by="vira").number, sent=proposing),
        _case("review:erasure_propose", "own", make.claim(by="denys").number, sent=proposing),
        _case("review:batches", "", sent={"title": "April"}),
        _case("review:board", ""),
        _case("review:figures", ""),
        _case("review:reopen", "", sent=_reopening(rejected)),
        _case("review:clearances", "", sent={"email": "mykola@example.org", "category": "C3.1"}),
        _case("review:clearance_withdraw", "", sent={"person": str(named.public_id), "category": "C3.1"}),
    ]
    proposed = make.erasure(erasing, "account", by="dmytro")
    own = make.erasure(make.claim(by="denys"), "account", by="dmytro")
    for situation, erasure in (("proposed", proposed), ("in an own claim", own)):
        confirming = {"number": erasure.claim.number}
        cases.append(_case("review:erasure", situation, erasure.public_id, sent=confirming))
        cases.append(_case("review:erasure_drop", situation, erasure.public_id))
    situations = {
        "open": make.batch(make.confirmed(by="ivan", filed_by="vira")),
        "submitted": make.before_the_board(make.confirmed(by="ivan", filed_by="vira"), by="daryna"),
        "decided": make.decided(make.confirmed(by="ivan", filed_by="vira")),
    }
    for situation, batch in situations.items():
        member = batch.members.get()
        sent: dict[str, Mapping[str, Any]] = {
            "batch": {},
            "batch_add": {"numbers": [free.number]},
            "batch_take_out": {"number": member.claim.number, "because": "later"},
            "batch_submit": {},
            "paper": {},
            "decide": {
                "decided_on": timezone.localdate().isoformat(),
                "legal_basis": "Rules, article 12",
                "seen_digest": batches.paper(batch).digest,
            },
        }
        cases += [
            _case(f"review:{page}", situation, batch.public_id, sent=form) for page, form in sent.items()
        ]
    return cases


def _reopening(claim: Claim) -> Mapping[str, Any]:
    return {
        "number": claim.number,
        "ground": "new_facts",
        "reason": "A witness was found.",
        "decided_on": timezone.localdate().isoformat(),
    }


def staff_area() -> list[Case]:
    """Django's own pages of the staff area: people, categories, partners."""
    person = make.user("petro")
    partner = agreements.create("Ministry", terms=agreements.DEMO_TERMS, by=SYSTEM)
    client_id, _secret = agreements.add_application(partner, scopes=["claims:read"], by=SYSTEM)
    key = make.category("A3.1").pk
    sealing.seal()
    terms = replace(agreements.DEMO_TERMS, states=("submitted", "recorded"))
    arguments: dict[str, tuple[list[Any], Mapping[str, Any]]] = {
        "app_list": (["claims"], {}),
        "view_on_site": ([1, 1], {}),
        "accounts_user_roles": ([person.public_id], {"role": "reviewer"}),
        "partners_partner_terms": (
            [partner.public_id],
            {
                "all_categories": "on",
                "all_regions": "on",
                "states": terms.states,
                "sections": terms.sections,
                "seen": agreements.DEMO_TERMS.digest,
                "read": terms.digest,
            },
        ),
        "partners_partner_activity": ([partner.public_id], {"suspend": "1"}),
        "partners_partner_credentials": ([partner.public_id], {"scopes": ["claims:read"]}),
        "partners_partner_revoke": ([partner.public_id], {"client": client_id}),
        "claims_category_changelist": ([], {"action": "pause", "_selected_action": key}),
        "claims_category_change": ([key], {"state": "suspended"}),
    }
    cases = []
    for name, pattern in addresses():
        if not pattern.startswith("admin/") or name.startswith("review:"):
            continue
        page = name.removeprefix("admin:")
        default = {"ledger": 0, "claims": key, "accounts": person.public_id, "partners": partner.public_id}
        if page == name:  # an address without a name: an old form of one, or whatever else is asked for
            url = "/" + pattern.replace("<path:object_id>", "1").replace("(?P<url>.*)$", "nothing/there/")
            cases.append(Case(name, "", url))
            continue
        more, sent = arguments.get(page, ([], {}))
        if "<path:object_id>" in pattern and not more:
            more = [default[page.split("_")[0]]]
        cases.append(_case(name, "", *more, sent=sent))
    return cases


GROUPS: Mapping[str, Callable[[], list[Case]]] = {
    "public": public,
    "claims": claims,
    "desk": desk,
    "board": board,
    "staff_area": staff_area,
}


def _soon() -> str:
    return (timezone.localdate() + timedelta(days=14)).isoformat()


def _case(
    name: str,
    situation: str,
    *arguments: Any,
    sent: Mapping[str, Any] | None = None,
    methods: Collection[str] = ("GET", "POST"),
) -> Case:
    return Case(name, situation, reverse(name, args=arguments), sent or {}, methods)
