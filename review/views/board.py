"""What the Board decides on: papers without names, and entering its decision."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from claims import access as looks
from claims import mandates
from claims.models import Claim, InformationRequest, State
from claims.views.held import PersonRequest, typed_before
from review import access
from review import batches as acts
from review.forms import DecideForm, ReopenForm, outcomes
from review.models import DECIDABLE, Batch, BatchState, Member
from review.views import reading
from review.views.batches import MemberRow, member_rows, newest_first
from review.views.pages import REFUSED, page, show

READERS = (access.DECIDE, access.VIEW_BATCHES, access.PREPARE, access.SUBMIT)


@page(*READERS)
@require_safe
def board(request: PersonRequest) -> HttpResponseBase:
    """Papers, newest first."""
    rows, older = newest_first(_papers(request.user), request.GET.get("older", ""))
    may_reopen = request.user.has_perm(access.DECIDE)
    return show(request, "board", _("Papers of the Board"), batches=rows, older=older, may_reopen=may_reopen)


def _papers(user: User) -> QuerySet[Batch]:
    batches = Batch.objects.exclude(state=BatchState.OPEN).select_related("submitted_by", "decided_by")
    return access.batches_readable_by(batches, user)


@page(*READERS)
@require_safe
def paper(request: PersonRequest, batch_id: UUID) -> HttpResponseBase:
    return _show(request, get_object_or_404(_papers(request.user), public_id=batch_id), DecideForm())


@dataclass(frozen=True)
class PaperRow:
    """A claim on the paper. `outcome` and `note` are what the Board decided otherwise, as typed so far."""

    row: MemberRow
    asked: int
    answered: int
    decided: str
    outcome: str
    reason: str
    note: str


def _show(
    request: PersonRequest, batch: Batch, form: DecideForm, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    held = request.user.permissions  # not what a superuser may besides: this asks for an office
    office = next(access.office(request.user, p) for p in READERS if p in held)
    looks.record(None, by=request.user.actor, office=office, purpose="board_paper")
    seen = acts.paper(batch)
    rows = _rows(seen.members, form)
    may_decide = request.user.has_perm(access.DECIDE) and batch.state == BatchState.SUBMITTED
    decided = Counter(row.decided or row.row.recommended for row in rows)
    return show(
        request,
        "paper",
        batch.title,
        status=status,
        batch=batch,
        rows=rows,
        gone=member_rows(seen.gone),
        totals=sorted(decided.items()),
        digest=seen.digest,
        form=form,
        refusal=refusal,
        outcomes=outcomes(DECIDABLE),
        is_waiting=batch.state == BatchState.SUBMITTED,
        reasons=mandates.current().reasons,
        typed=_typed(batch, rows if may_decide else [], form) if refusal else [],
        unwritten=sum(1 for member in seen.members if member.outcome and not member.applied_at),
        may_decide=may_decide,
    )


def _rows(members: list[Member], form: DecideForm) -> list[PaperRow]:
    requests = InformationRequest.objects.filter(claim__in=[member.claim_id for member in members])
    counts = requests.values_list("claim").annotate(Count("id"), Count("answered_at"))
    heard = {claim: (asked, answered) for claim, asked, answered in counts.order_by()}
    return [
        PaperRow(
            row,
            *heard.get(row.member.claim_id, (0, 0)),
            decided=reading.outcome_words(row.member.outcome) if row.member.outcome else "",
            outcome=str(form.data.get(f"outcome_{row.member.claim.number}", "")),
            reason=str(form.data.get(f"reason_{row.member.claim.number}", "")),
            note=str(form.data.get(f"note_{row.member.claim.number}", "")),
        )
        for row in member_rows(members)
    ]


def _typed(batch: Batch, rows: list[PaperRow], form: DecideForm) -> list[tuple[str, str]]:
    """What was typed and stands in no field of the page any more: about claims that left, or everything once
    the decision was entered by somebody else."""
    editable = {row.row.member.claim.number for row in rows}
    others = [m.claim.number for m in batch.members.select_related("claim") if m.claim.number not in editable]
    words = {value: str(name) for value, name in outcomes(DECIDABLE)}
    said = [] if rows else [(str(form[f].label), form.data.get(f, "")) for f in ("decided_on", "legal_basis")]
    for number in others:
        chosen = words.get(form.data.get(f"outcome_{number}", ""), "")
        note = form.data.get(f"note_{number}", "").strip()
        said.append((str(number), ". ".join(filter(None, (chosen, note)))))
    return [(label, text) for label, text in said if text]


@page(access.DECIDE)
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: PersonRequest, batch_id: UUID) -> HttpResponseBase:
    """Enter the decision: as recommended, with the exceptions that the rows name."""
    batch = get_object_or_404(_papers(request.user), public_id=batch_id)
    if request.method != "POST":
        data = typed_before(request)
        return _show(request, batch, DecideForm(data)) if data else redirect("review:paper", batch_id)
    form = DecideForm(request.POST)
    if not form.is_valid():
        return _show(request, batch, form)
    members = {m.claim.number: m.pk for m in batch.members.select_related("claim") if m.claim.number}
    chosen = {n: request.POST.get(f"outcome_{n}", "") for n in members}
    try:
        if not {choice for choice in chosen.values() if choice} <= {str(state) for state in DECIDABLE}:
            raise access.Refused(_("This is not an outcome that the Board can choose. Open the paper again."))
        acts.decide(
            batch,
            by=request.user,
            **form.cleaned_data,
            outcomes={members[n]: State(choice) for n, choice in chosen.items() if choice},
            reasons={members[n]: r for n in members if (r := request.POST.get(f"reason_{n}", ""))},
            notes={members[n]: note for n in members if (note := request.POST.get(f"note_{n}", "").strip())},
        )
    except access.Refused as refusal:
        batch = get_object_or_404(_papers(request.user), public_id=batch_id)
        return _show(request, batch, form, refusal=str(refusal), status=REFUSED)
    messages.success(
        request, _("The Board’s decision is entered. It is written into the claims one after the other.")
    )
    return redirect("review:paper", batch_id)


@page(access.DECIDE)
@require_http_methods(["GET", "HEAD", "POST"])
def reopen(request: PersonRequest) -> HttpResponseBase:
    """Take up a claim again that was not recorded."""
    data = request.POST if request.method == "POST" else None
    typed = typed_before(request) if data is None else None
    form = ReopenForm(data) if data is not None else ReopenForm(initial=typed.dict() if typed else {})
    refusal = ""
    if form.is_valid():
        said = form.cleaned_data
        number = said.pop("number")
        claim = access.reopenable_by(Claim.objects.filter(number=number), request.user).first()
        if claim is None:
            form.add_error(
                "number", _("No claim with this number can be reopened. Only one that was not recorded can.")
            )
        else:
            try:
                acts.reopen(claim, by=request.user, **said)
            except access.Refused as problem:
                refusal = str(problem)
            else:
                messages.success(request, _("%(number)s is under review again.") % {"number": number})
                return redirect("review:board")
    status = REFUSED if refusal else 200
    return show(request, "reopen", _("Reopen a claim"), status=status, form=form, refusal=refusal)
