"""The desk: a claim as it was frozen, its evidence beside it, and below what may be done about it now.

Whatever an act refuses, the page comes back with everything as it was typed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from claims import lifecycle
from claims.models import Access, Attachment, Claim, ClaimVersion, State
from claims.versions import erased
from claims.views.held import PersonRequest, typed_before
from evidence import custody, serving
from evidence.models import CustodyKind
from review import access, assignments, checklists, decisions
from review.forms import AskForm, ChecklistForm, ProposeForm, ReturnForm, SendBackForm
from review.models import Assignment, Checklist, Proposal
from review.views import reading
from review.views.pages import REFUSED, page, show

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; frame-src 'self'"
)
"""That of every page, and frames: a PDF of the evidence is shown in one."""

REMEMBERED = timedelta(hours=24)
"""So long after looking at a claim one is told what became of it when an act comes too late."""

Refusals = (access.Refused, lifecycle.MoveRefused)


@page(access.REVIEW)
@require_safe
def claim(request: PersonRequest, number: str) -> HttpResponseBase:
    return _desk(request, get_object_or_404(_readable(request.user), number=number))


def _readable(user: User) -> Any:
    return access.readable_by(Claim.objects.select_related("category", "filed_by", "refiles"), user)


@page(access.REVIEW)
@require_safe
def file(request: PersonRequest, number: str, file_id: UUID) -> HttpResponseBase:
    """A piece of evidence of the version on the desk: to look at with `?show=1`, else to download. Each
    look is written down."""
    found = get_object_or_404(_readable(request.user), number=number)
    version = ClaimVersion.objects.get(claim=found, number=found.version)
    if str(file_id) not in {piece["id"] for piece in reading.files(version)}:
        raise Http404
    attachment = get_object_or_404(
        Attachment.objects.select_related("evidence_file__blob"),
        claim=found,
        evidence_file__public_id=file_id,
    )
    received = attachment.evidence_file
    inline = "show" in request.GET
    try:
        answer: HttpResponseBase = serving.response(received, inline=inline)
    except serving.Unreadable as refusal:
        status = 403 if isinstance(refusal, serving.Quarantined) else 503
        return show(request, "unreadable", _("Evidence"), status=status, reason=str(refusal), number=number)
    kind = CustodyKind.VIEWED if inline else CustodyKind.DOWNLOADED
    custody.record(received, kind, by=request.user.actor)
    access.record_view(found, request.user, file=received.public_id)
    return answer


# --- What stands at the bottom of the desk ---


@dataclass(frozen=True)
class Situation:
    """Who has the claim, what is proposed, and what this person may do about it now."""

    assignment: Assignment | None
    is_mine: bool
    proposal: Proposal | None
    checklist: Checklist | None
    heard: bool
    may_work: bool
    may_ask: bool
    may_judge: bool
    may_go_on: bool
    may_take: bool
    may_release: bool
    may_return: bool

    @classmethod
    def of(cls, claim: Claim, version: ClaimVersion, user: User) -> "Situation":
        assignment = assignments.active(claim)
        proposals = Proposal.objects.filter(claim=claim).confirmable()
        proposal = proposals.select_related("proposed_by", "checklist", "version").first()
        is_mine = assignment is not None and assignment.reviewer_id == user.pk
        is_senior = user.has_perm(access.RETURN)
        under_review = claim.state == State.UNDER_REVIEW
        return cls(
            assignment=assignment,
            is_mine=is_mine,
            proposal=proposal,
            checklist=proposal.checklist if proposal else checklists.newest(version),
            heard=decisions.was_heard(claim),
            may_work=is_mine and under_review and proposal is None,
            may_ask=is_mine and under_review,
            may_judge=proposal is not None and proposal.proposed_by_id != user.pk,
            may_go_on=is_mine and claim.state == State.INFORMATION_REQUESTED,
            may_take=not is_mine
            and claim.state in (access.ON_A_DESK if is_senior else access.QUEUED)
            and proposal is None
            and (assignment is None or assignment.is_over),
            may_release=assignment is not None and (is_mine or is_senior),
            may_return=is_senior and claim.state in lifecycle.AWAITING and claim.bound_by is None,
        )


class Typed:
    """The forms of the desk. Those named in `judged` are read and say what is wrong with them; the others are
    shown as they were typed, or as they stand in the beginning."""

    def __init__(
        self,
        version: ClaimVersion,
        checklist: Checklist | None,
        data: QueryDict | None,
        judged: tuple[str, ...] = (),
    ) -> None:
        saved = ChecklistForm.initial_from(checklist.given) if checklist else {}
        tests = checklists.tests(version)
        makers: dict[str, Callable[..., forms.Form]] = {
            "checklist": lambda *a, **k: ChecklistForm(tests, *a, **k),
            "ask": AskForm,
            "propose": ProposeForm,
            "send_back": SendBackForm,
            "return": ReturnForm,
        }
        self.forms = {
            name: make(data)
            if name in judged
            else make(initial=data.dict() if data else self._initial(name, saved))
            for name, make in makers.items()
        }
        self.judged = [self.forms[name] for name in judged]

    @staticmethod
    def _initial(name: str, saved: dict[str, str]) -> dict[str, Any]:
        return {"checklist": saved, "ask": AskForm.first()}.get(name, {})

    def words(self) -> list[tuple[str, str]]:
        """What was typed, with its label: to be copied by somebody who can no longer send it."""
        return [
            (str(field.label), _shown(field, str(value)))
            for form in self.forms.values()
            for field in form
            if (value := form.data.get(field.name) if form.is_bound else form.initial.get(field.name))
        ]

    @property
    def wrong(self) -> list[forms.Form]:
        return [form for form in self.judged if form.errors]


def _shown(field: forms.BoundField, value: str) -> str:
    choices = getattr(field.field, "choices", [])
    flat = [
        pair for name, group in choices for pair in (group if isinstance(group, list) else [(name, group)])
    ]
    return str(dict(flat).get(value, value))


def _desk(
    request: PersonRequest,
    claim: Claim,
    typed: Typed | None = None,
    *,
    data: QueryDict | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    access.record_view(claim, request.user)
    versions = {v.number: v for v in claim.versions.filter(number__gte=claim.version - 1)}
    version, before = versions[claim.version], versions.get(claim.version - 1)
    situation = Situation.of(claim, version, request.user)
    typed = typed or Typed(version, situation.checklist, data)
    response = show(
        request,
        "claim",
        str(claim.number),
        status=status,
        claim=claim,
        version=version,
        difference=reading.difference(claim, version, before) if before else None,
        parts=reading.parts(claim, version),
        own_account=reading.own_account(version),
        signed_by=reading.signed_by(version),
        erased=erased(version),
        pieces=reading.evidence(version, before),
        region=reading.region(claim),
        requests=reading.requests(claim, version),
        story=reading.story(claim),
        situation=situation,
        reason=reading.reason_title(situation.proposal) if situation.proposal else "",
        refusal=refusal,
        groups=typed.forms["checklist"].groups,  # type: ignore[attr-defined]
        forms=typed.forms,
        form=typed.forms["propose"],
        wrong=typed.wrong,
        earlier=reading.earlier(claim),
        returns=claim.returns.select_related("by").order_by("-id"),
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response


# --- Acts ---


Do = Callable[[PersonRequest, Claim, Typed], str]


def act(*judged: str, permission: str = access.REVIEW) -> Callable[[Do], Callable[..., HttpResponseBase]]:
    """A page that posts to one act and answers where to go on. `judged`: the forms that it needs.

    Opened without a post (one signed in again), it is the desk with what was typed.
    """

    def decorate(do: Do) -> Callable[..., HttpResponseBase]:
        @page(permission)
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(do)
        def view(request: PersonRequest, number: str) -> HttpResponseBase:
            if request.method != "POST":
                found = get_object_or_404(_readable(request.user), number=number)
                data = typed_before(request)
                return _desk(request, found, data=data) if data else redirect("review:claim", number)
            found = _met(request.user, number)
            version = ClaimVersion.objects.get(claim=found, number=found.version)
            typed = Typed(version, None, request.POST, judged)
            if typed.wrong:
                return _again(request, found, typed)
            try:
                then = do(request, found, typed)
            except Refusals as refusal:
                return _again(request, found, typed, refusal=str(refusal), status=REFUSED)
            if then == "typed":
                return _again(request, found, typed)
            return redirect(then, number) if then == "review:claim" else redirect(then)

        return view

    return decorate


def _met(user: User, number: str) -> Claim:
    """A claim that this person may read, or could until a moment ago: then the act says what became of it."""
    claims = Claim.objects.select_related("category", "filed_by")
    if found := access.readable_by(claims, user).filter(number=number).first():
        return found
    found = get_object_or_404(claims, number=number)
    looks = Access.objects.filter(
        claim=found.public_id,
        actor_kind=user.actor.kind,
        actor_id=user.actor.id,
        at__gte=timezone.now() - REMEMBERED,
        purpose__in=("review", "confirmation", "senior"),
    )
    if not looks.exists():
        raise Http404
    return found


def _again(
    request: PersonRequest, claim: Claim, typed: Typed, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    """The same page with what was typed. Of a claim that is no longer this person's, that alone is shown."""
    found = _readable(request.user).filter(pk=claim.pk).first()
    if found:
        return _desk(request, found, typed, refusal=refusal, status=status)
    gone = refusal or _("This claim is no longer on your desk. What you typed is still here for you to copy.")
    return show(
        request,
        "kept",
        str(claim.number),
        status=REFUSED,
        refusal=gone,
        words=typed.words(),
        number=claim.number,
    )


def _seen_version(request: PersonRequest) -> int:
    """The version that was on the page; 0, which no claim has, if the page does not say."""
    typed = request.POST.get("version_number", "")
    return int(typed) if typed.isdecimal() and len(typed) < 10 else 0


def _save_checklist(request: PersonRequest, claim: Claim, typed: Typed) -> None:
    """Whatever is done with a claim, the checklist beside it is kept as it was typed."""
    form = typed.forms["checklist"]
    if not isinstance(form, ChecklistForm) or form.is_empty:
        return
    checklists.save(
        claim,
        by=request.user,
        version_number=_seen_version(request),
        answers=form.answers,
        notes=form.notes,
    )


@act("checklist")
def checklist(request: PersonRequest, claim: Claim, typed: Typed) -> str:
    _save_checklist(request, claim, typed)
    messages.success(request, _("The checklist is saved."))
    unsent = any(request.POST.get(name, "").strip() for name in ("ask_text", "reason", "told", "note"))
    return "typed" if unsent else "review:claim"


@act("checklist", "ask")
def ask(request: PersonRequest, claim: Claim, typed: Typed) -> str:
    _save_checklist(request, claim, typed)
    said = typed.forms["ask"].cleaned_data
    decisions.ask(
        claim,
        by=request.user,
        version_number=_seen_version(request),
        text=said["ask_text"],
        due_on=said["ask_due_on"],
    )
    messages.success(request, _("The claimant is told. The claim waits on your desk for the answer."))
    return "review:claim"


@act()
def go_on(request: PersonRequest, claim: Claim, typed: Typed) -> str:
    decisions.go_on(claim, by=request.user)
    messages.success(request, _("The request is closed, and the review goes on."))
    return "review:claim"


@act("checklist", "propose")
def propose(request: PersonRequest, claim: Claim, typed: Typed) -> str:
    _save_checklist(request, claim, typed)
    said = typed.forms["propose"].cleaned_data
    decisions.propose(
        claim,
        by=request.user,
        version_number=_seen_version(request),
        recommendation=typed.forms["propose"].recommendation,  # type: ignore[attr-defined]
        reason=said["reason"],
        note=said["note"],
        told=said["told"],
        with_prejudice=said["with_prejudice"],
    )
    messages.success(request, _("Proposed. Another reviewer confirms it or sends it back to you."))
    return "review:claim"


@act()
def confirm(request: PersonRequest, claim: Claim, typed: Typed) -> str:
    decisions.confirm(_proposal(request, claim), by=request.user)
    messages.success(request, _("Confirmed: %(number)s goes to the Board.") % {"number": claim.number})
    return "review:queue"


@act("send_back")
def send_back(request: PersonRequest, claim: Claim, typed: Typed) -> str:
    note = typed.forms["send_back"].cleaned_data["back_note"]
    decisions.send_back(_proposal(request, claim), by=request.user, note=note)
    messages.success(
        request, _("Sent back: %(number)s is with its reviewer again.") % {"number": claim.number}
    )
    return "review:queue"


def _proposal(request: PersonRequest, claim: Claim) -> Proposal:
    try:
        public_id = UUID(request.POST.get("proposal", ""))
    except ValueError:
        raise Http404 from None
    return get_object_or_404(Proposal, claim=claim, public_id=public_id)


@act("return", permission=access.RETURN)
def return_to_review(request: PersonRequest, claim: Claim, typed: Typed) -> str:
    decisions.return_to_review(claim, by=request.user, note=typed.forms["return"].cleaned_data["return_note"])
    messages.success(
        request, _("The claim is under review again. Its claimant sees that, and not your words.")
    )
    return "review:claim"
