"""Lists cost the same however long they are, and find their rows by index."""

import pytest
from django.db import connection, connections

from accounts.roles import Role
from claims.models import Claim, State
from review import access, assignments, batches
from review.models import Batch, Member
from tests import make

MANY = 6000
IN_ORDER = (
    "free",
    "free of a category",
    "free of a region",
    "free of both",
    "all",
    "candidates",
    "further candidates",
)
COPIES = """
    INSERT INTO claims_claim ({columns}, public_id, number, state)
    SELECT {columns}, gen_random_uuid(), 'UA-' || lpad(n::text, 9, '0'),
           (ARRAY['submitted', 'under_review', 'eligible', 'ineligible', 'withdrawn'])[1 + n %% 5]
    FROM claims_claim, generate_series(1, %s) AS n WHERE claims_claim.id = %s
"""


@pytest.mark.django_db
@pytest.mark.parametrize("length", [1, 30])
def test_lists_take_one_query_each(length, django_assert_num_queries, reviewer):
    for n in range(length):
        make.confirmed(filed_by=f"claimant{n}") if n % 2 else make.claim(by=f"claimant{n}")
    user = reviewer("iryna")
    claims = Claim.objects.select_related("category")
    lists = [
        access.free(access.in_queue(claims, user)),
        access.readable_by(claims, user),
        access.reopenable_by(claims, make.staff("bohdan", Role.BOARD_MEMBER)),
        access.batches_readable_by(Batch.objects.all(), make.staff("svitlana", Role.BOARD_SECRETARY)),
        batches.candidates(make.user("svitlana")),
    ]
    assert user.roles  # remembered from here on
    for rows in lists:
        with django_assert_num_queries(1):
            for row in rows[:50]:
                str(row)
                str(getattr(row, "category", ""))


@pytest.mark.django_db
@pytest.mark.parametrize("length", [1, 30])
def test_a_desk_and_what_is_to_be_confirmed_take_two_queries_each(length, django_assert_num_queries):
    """What is on the desk or proposed, and the claims."""
    for n in range(length):
        make.under_review(by="iryna", filed_by=f"a{n}")
        make.proposed(by="mykola", filed_by=f"b{n}")
    user = make.user("iryna")
    claims = Claim.objects.select_related("category")
    for narrow in (access.mine, access.to_confirm):
        with django_assert_num_queries(2):
            assert len([row.category.code for row in narrow(claims, user)]) == length


@pytest.mark.django_db
@pytest.mark.parametrize("length", [1, 30])
def test_a_paper_takes_three_queries(length, django_assert_num_queries):
    batch = make.batch(*(make.confirmed(filed_by=f"claimant{n}") for n in range(length)))
    with django_assert_num_queries(3):
        paper = batches.paper(batch)
        assert len(paper.members) == length
        assert all(m.claim.category.code and m.proposal.reason and m.version.digest for m in paper.members)


@pytest.mark.django_db
def test_deciding_on_more_claims_takes_no_more_queries(django_assert_max_num_queries):
    batch = make.before_the_board(*(make.confirmed(filed_by=f"claimant{n}") for n in range(12)))
    with django_assert_max_num_queries(30):
        make.decided(submitted=batch)


@pytest.fixture
def thousands():
    claim = make.claim()
    columns = ", ".join(
        f'"{f.column}"'
        for f in Claim._meta.concrete_fields
        if f.name not in ("id", "public_id", "number", "state")
    )
    with connection.cursor() as cursor:
        cursor.execute(COPIES.format(columns=columns), [MANY, claim.pk])
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.committing
def test_no_list_reads_all_claims(thousands):
    user = make.staff("iryna", Role.REVIEWER)
    bohdan = make.staff("bohdan", Role.BOARD_MEMBER)
    number = Claim.objects.filter(state=State.UNDER_REVIEW).first().number
    claims = Claim.objects.all()
    queue = access.in_queue(claims, user).filter(state=State.SUBMITTED).order_by("submitted_at", "id")
    lists = {
        "free": access.free(queue)[:51],
        "free of a category": access.free(queue).filter(category=make.category())[:51],
        "free of a region": access.free(queue).filter(region="UA-46")[:51],
        "free of both": access.free(queue).filter(category=make.category(), region="UA-46")[:51],
        "all": queue[:51],
        "one to read": access.readable_by(claims, user).filter(number=number),
        "one to reopen": access.reopenable_by(claims, bohdan).filter(number=number),
        "candidates": batches.candidates(user)[:51],
        "further candidates": batches.candidates(user, ("eligible", 3000))[:51],
        "to be applied": claims.filter(
            pk__in=Member.objects.to_be_applied().values("claim"), bound_by__isnull=False
        ).order_by("pk")[:100],
    }
    plans = {name: rows.explain() for name, rows in lists.items()}
    assert [name for name, plan in plans.items() if "Seq Scan on claims_claim " in plan] == []
    assert [name for name, plan in plans.items() if "Sort" in plan and name in IN_ORDER] == []
    assert "ROW((state)::text, id) > ROW" in plans["further candidates"].partition("Index Cond:")[2]


@pytest.mark.committing
def test_the_oldest_of_thousands_is_taken(thousands):
    for name in ("iryna", "mykola"):
        assert assignments.take_oldest(by=make.staff(name, Role.REVIEWER)).claim.state == "under_review"
