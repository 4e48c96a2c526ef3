"""A small register in which much has happened, for those who look whether it still fits together."""

import os
from dataclasses import replace
from pathlib import Path

from django.db import transaction

from accounts import membership
from accounts.roles import Role
from claims import catalogue, consents, lifecycle, mandates
from claims.models import ClaimVersion
from claims.models.category import CategoryState
from ledger.log import SYSTEM, Kind, append
from ledger.models import Checkpoint
from partners import agreements
from partners.models import Application
from review import assignments, clearances, decisions
from review.models import Clearance
from tests import make

NOTED = Kind("test.noted", is_open=False, facts={"number": int})
CHECKS = (b"%PDF-1.7\n% a deed\n", b"%PDF-1.7\n% a photograph\n")


def register() -> None:
    """Claims in every state, with all the acts that lead there."""
    manager = make.staff("maria", Role.REGISTER_MANAGER)
    make.recorded(by="olena", answers=make.answers(), files=CHECKS)
    make.rejected(by="petro", files=CHECKS[:1])
    make.rejected(by="petro", for_good=True)
    amended = make.amend(make.claim(by="olena", answers=make.answers("A3.1")), cause="Ракета.")
    consents.change(
        amended,
        {mandates.current().consents[0].id: True},
        notice=mandates.current().privacy_notice.version,
        by=amended.filed_by,
    )
    make.withdraw(make.asked(make.under_review(filed_by="hanna")).claim)
    returned = make.confirmed(filed_by="hanna", by="mykola")
    decisions.return_to_review(returned, by=make.staff("senia", Role.SENIOR_REVIEWER), note="Look again.")
    sent_back = make.proposed(filed_by="ivan", note="A", told="B")
    decisions.send_back(sent_back, by=make.staff("mykola", Role.REVIEWER), note="Why?")
    make.decided(make.confirmed(filed_by="ivan"))  # not yet written in
    make.before_the_board(make.confirmed(filed_by="ivan"))
    released = make.under_review(filed_by="ivan")
    assignments.release(released, by=make.staff("iryna", Role.REVIEWER))
    closed = make.asked(make.under_review(filed_by="ivan"))
    lifecycle.close_request(closed, by=make.staff("iryna", Role.REVIEWER), office=Role.REVIEWER)
    erased = make.amend(make.claim(by="stepan", answers=make.answers(), files=CHECKS[:1]), cause="Міна.")
    make.erased(erased, "account", "claimant")
    make.erasure(make.claim(by="stepan"), "loss", version=None)
    make.erased(erased, "loss", version=ClaimVersion.objects.get(claim=erased, number=1))
    make.draft(by="ivan", answers={"full_name": {"family_name": "Коваль", "given_name": "Іван"}})
    director = make.staff("dariia", Role.EXECUTIVE_DIRECTOR)
    membership.grant(make.user("zoia"), Role.AUDITOR, by=director)
    membership.revoke(make.user("zoia"), Role.AUDITOR, by=director)
    clearances.give(make.staff("iryna", Role.REVIEWER), make.category("A2.3"), by=director)
    clearances.give(make.staff("mykola", Role.REVIEWER), make.category("A2.3"), by=director)
    clearances.withdraw(Clearance.objects.latest("id"), by=director)
    ministry = agreements.create("Ministry", terms=agreements.DEMO_TERMS, by=SYSTEM)
    wider = replace(agreements.DEMO_TERMS, sections=("core", "loss", "place"))
    agreements.change(ministry, wider, by=manager)
    client_id, _secret = agreements.add_application(ministry, scopes=["claims:read"], by=manager)
    agreements.add_application(ministry, scopes=["claims:read"], by=manager)
    agreements.revoke_application(Application.objects.get(client_id=client_id), by=manager)
    agreements.suspend(ministry, by=manager)
    agreements.create("Commission", terms=agreements.DEMO_TERMS, by=SYSTEM)
    catalogue.change_state(make.category("A3.2"), CategoryState.SUSPENDED, by=manager)
    with transaction.atomic():
        for number in range(260):  # so that there are whole tiles
            append(NOTED, by=SYSTEM, office="system", facts={"number": number})


def signed(memory: Path) -> Checkpoint:
    """Everything sealed, signed, and remembered outside the database some time ago."""
    checkpoint = make.checkpoint()
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(checkpoint.note)
    os.utime(memory, (0, 0))
    return checkpoint
