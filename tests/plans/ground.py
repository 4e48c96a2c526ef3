"""A register of many claims, with work of every kind in hand: made once in a run, for the plans to be read.

A tenth of the claims is seeded. The others are copies of them by SQL, filed by copies of the people, with a
number and a time of their own, a third of them with their ledger entries, and without the frozen texts, as if
those had been erased: that takes a third of the time. Proposals, desks, batches and letters, which seeded
claims do not have, are added by SQL too. PLANS_CLAIMS says how many there are.
"""

import os
from typing import Any

from django.db import connections

from accounts.models import User
from accounts.roles import Role
from claims import seeding, statistics
from ledger import following, sealing
from tests import make

PEOPLE = {
    "reviewer": ("mykola", Role.REVIEWER),
    "senior": ("senia", Role.SENIOR_REVIEWER),
    "secretary": ("svitlana", Role.BOARD_SECRETARY),
    "director": ("dariia", Role.EXECUTIVE_DIRECTOR),
    "board": ("bohdan", Role.BOARD_MEMBER),
}
CLAIMS = int(os.environ.get("PLANS_CLAIMS", "100000"))
SEED = 5
COPIES = 9  # of each seeded claim
TOLD = 3  # of these, so many with their ledger entries

COPY = """
CREATE TEMPORARY TABLE person AS
    SELECT account.id AS original, n, nextval(pg_get_serial_sequence('accounts_user', 'id')) AS id
    FROM accounts_user AS account CROSS JOIN generate_series(1, {copies}) AS n
    WHERE email LIKE '%@seeded.example.org' AND EXISTS (
        SELECT FROM claims_claim WHERE filed_by_id = account.id
    );
ANALYZE person;
INSERT INTO accounts_user (id, public_id, email, {of_account}) OVERRIDING SYSTEM VALUE
    SELECT person.id, gen_random_uuid(), n || '.' || email, {of_account}
    FROM person JOIN accounts_user AS account ON account.id = original;
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
    SELECT account.id, email, true, true FROM person JOIN accounts_user AS account ON account.id = person.id;
CREATE TEMPORARY TABLE copied AS
    SELECT claim.id AS original, n, gen_random_uuid() AS public_id, claim.public_id AS was
    FROM claims_claim AS claim CROSS JOIN generate_series(1, {copies}) AS n ORDER BY n, claim.id;
ALTER TABLE copied ADD id bigint;
UPDATE copied SET id = nextval(pg_get_serial_sequence('claims_claim', 'id'));
CREATE INDEX ON copied (original);
ANALYZE copied;
INSERT INTO claims_claim (id, public_id, number, submitted_at, filed_by_id, {of_claim})
    OVERRIDING SYSTEM VALUE
    SELECT copied.id, copied.public_id,
           CASE WHEN number IS NOT NULL THEN upper('UA-' || substr(md5(copied.id::text), 1, 12)) END,
           submitted_at - copied.n * interval '5 hours', person.id, {of_claim}
    FROM copied JOIN claims_claim AS claim ON claim.id = copied.original
    JOIN person ON (person.original, person.n) = (filed_by_id, copied.n) ORDER BY copied.id;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE claims_claimversion DISABLE TRIGGER claims_claimversion_whole;
INSERT INTO claims_claimversion
        (claim_id, number, made_at, assurance, signature, manifest, digest, category_version_id)
    SELECT copied.id, number, made_at, assurance, signature, manifest, digest, category_version_id
    FROM copied JOIN claims_claimversion AS version ON version.claim_id = copied.original
    ORDER BY copied.id, number;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE claims_claimversion ENABLE TRIGGER claims_claimversion_whole;
INSERT INTO claims_outcome (claim_id, version_id, outcome, rule, digest, decided_on, entered_at)
    SELECT copied.id, version.id, outcome, rule, outcome.digest, decided_on, entered_at
    FROM copied JOIN claims_outcome AS outcome ON outcome.claim_id = copied.original
    JOIN claims_claim AS claim ON claim.id = copied.id
    JOIN claims_claimversion AS version ON version.claim_id = copied.id AND version.number = claim.version;
INSERT INTO ledger_entry (salt, body)
    SELECT salt, replace(body, was::text, copied.public_id::text)
    FROM copied JOIN ledger_entry AS entry ON entry.claim = was WHERE n <= {told} ORDER BY n, entry.id;
"""

# Whoever reviewed the seeded claims did so here too; a few are on the desks of PEOPLE.
WORK = """
CREATE TEMPORARY TABLE officer AS
    SELECT row_number() OVER (ORDER BY id) - 1 AS n, id FROM accounts_user
    WHERE email LIKE 'reviewer%' OR id IN ({reviewer}, {senior});
CREATE TEMPORARY TABLE reviewed AS
    SELECT claim.id, claim.state, version.id AS version, one.id AS one, other.id AS other
    FROM claims_claim AS claim
    JOIN claims_claimversion AS version ON version.claim_id = claim.id AND version.number = claim.version
    JOIN officer AS one ON one.n = claim.id % 8 JOIN officer AS other ON other.n = (claim.id + 1) % 8
    WHERE state NOT IN ('submitted', 'needs_fixing', 'withdrawn');
ANALYZE reviewed;
INSERT INTO review_assignment (claim_id, reviewer_id, taken_at, expires_at, ended_because)
    SELECT id, CASE WHEN id % 400 < 3 THEN {reviewer} WHEN id % 400 < 6 THEN {senior} ELSE one END,
           now() - interval '9 hours',
           CASE WHEN id % 2 = 0 THEN now() + interval '8 hours' ELSE now() - interval '1 hour' END, ''
    FROM reviewed WHERE state = 'information_requested' OR state = 'under_review' AND id % 3 > 0;
INSERT INTO review_assignment (claim_id, reviewer_id, taken_at, expires_at, ended_at, ended_because)
    SELECT id, CASE WHEN id % 40 = 0 THEN {reviewer} ELSE one END,
           now() - interval '90 days', now() - interval '89 days', now() - interval '90 days', 'reviewed'
    FROM reviewed;
INSERT INTO claims_informationrequest (public_id, claim_id, digest, asked_at, due_on, reply, asked_by_id)
    SELECT gen_random_uuid(), id, '', now() - interval '1 day', current_date + 10, '', one
    FROM reviewed WHERE state = 'information_requested' AND NOT EXISTS (
        SELECT FROM claims_informationrequest AS request
        WHERE request.claim_id = reviewed.id AND answered_at IS NULL AND closed_at IS NULL
    );
INSERT INTO review_checklist (claim_id, version_id, by_id, at, digest)
    SELECT id, version, one, now() - interval '89 days', '' FROM reviewed;
INSERT INTO review_proposal (public_id, claim_id, version_id, checklist_id, recommendation, reason, digest,
        with_prejudice, proposed_by_id, proposed_at, state, closed_at, closed_by_id, closing_note)
    SELECT gen_random_uuid(), reviewed.id, version, checklist.id,
           CASE WHEN reviewed.state IN ('eligible', 'recorded') THEN 'eligible' ELSE 'ineligible' END,
           'all_tests_met', '', false, one, now() - interval '89 days',
           CASE WHEN is_open THEN 'open' ELSE 'confirmed' END,
           CASE WHEN NOT is_open THEN now() - interval '88 days' END,
           CASE WHEN NOT is_open THEN other END, ''
    FROM reviewed JOIN review_checklist AS checklist ON checklist.claim_id = reviewed.id
    CROSS JOIN LATERAL (SELECT reviewed.state = 'under_review' AS is_open) AS proposal
    WHERE reviewed.state <> 'information_requested'
        AND (reviewed.state <> 'under_review' OR reviewed.id % 6 = 0);
CREATE TEMPORARY TABLE member AS
    SELECT *, gen_random_uuid() AS batch_id FROM (
        SELECT state, batch, array_agg(id) AS claims,
               CASE WHEN state <> 'eligible' OR batch % 5 = 4 THEN 'decided'
                    WHEN batch % 5 = 3 THEN 'submitted' WHEN batch % 5 < 2 THEN 'open' END AS batch_state
        FROM (
            SELECT id, state, (row_number() OVER (PARTITION BY state ORDER BY id) - 1) / 500 AS batch
            FROM reviewed
            WHERE state IN ('eligible', 'recorded', 'rejected_with_prejudice', 'rejected_without_prejudice')
        ) AS numbered GROUP BY 1, 2
    ) AS batches WHERE batch_state IS NOT NULL ORDER BY batch, state;
INSERT INTO review_batch (public_id, title, state, made_by_id, made_at, submitted_by_id, submitted_at,
        members_digest, decided_by_id, decided_at, decided_on, legal_basis, decision_digest)
    SELECT batch_id, 'A batch', batch_state, {secretary}, now(),
           CASE WHEN batch_state <> 'open' THEN {director} END,
           CASE WHEN batch_state <> 'open' THEN now() END,
           CASE WHEN batch_state <> 'open' THEN 'x' ELSE '' END,
           CASE WHEN batch_state = 'decided' THEN {board} END,
           CASE WHEN batch_state = 'decided' THEN now() END,
           CASE WHEN batch_state = 'decided' THEN current_date END,
           CASE WHEN batch_state = 'decided' THEN 'Rules' ELSE '' END,
           CASE WHEN batch_state = 'decided' THEN 'x' ELSE '' END
    FROM member;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE review_member DISABLE TRIGGER USER; -- a batch that is submitted takes in nothing
INSERT INTO review_member (batch_id, claim_id, version_id, proposal_id, recommended, added_by_id, added_at,
        outcome, outcome_reason, outcome_note, removed_because, applied_at)
    SELECT batch.id, proposal.claim_id, proposal.version_id, proposal.id,
           CASE WHEN member.state = 'eligible' THEN 'recorded' ELSE member.state END, {secretary}, now(),
           CASE WHEN batch_state <> 'decided' THEN '' WHEN member.state = 'eligible' THEN 'recorded'
                ELSE member.state END,
           '', '', '', CASE WHEN member.state <> 'eligible' THEN now() END
    FROM member JOIN review_batch AS batch ON batch.public_id = batch_id
    CROSS JOIN LATERAL unnest(claims) AS one (claim) JOIN review_proposal AS proposal ON claim_id = one.claim;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE review_member ENABLE TRIGGER USER;
UPDATE claims_claim SET bound_by = batch_id FROM member CROSS JOIN LATERAL unnest(claims) AS one (claim)
    WHERE member.state = 'eligible' AND batch_state = 'decided' AND id = one.claim;
INSERT INTO claims_notice (claim_id, recipient_id, entry_index, kind, state, attempts, due_at)
    SELECT id, filed_by_id, id, 'claim.submitted', CASE WHEN id % 1000 = 0 THEN 'waiting' ELSE 'sent' END,
           0, now() - interval '1 hour'
    FROM claims_claim WHERE state <> 'draft' AND id % 3 = 0 AND NOT discreet;
INSERT INTO review_clearance (person_id, category_id, given_by_id, given_at)
    SELECT person, category.id, {director}, now()
    FROM claims_category AS category CROSS JOIN (VALUES ({secretary}), ({board})) AS named (person)
    WHERE sensitive;
INSERT INTO ledger_follower (name, next_index)
    SELECT 'notices', max(index) - 600 FROM ledger_leaf;
"""


def fill() -> None:
    seeding.seed(CLAIMS // (COPIES + 1), SEED)
    with connections["owner"].cursor() as cursor:
        of_claim = _others(cursor, "claims_claim", "id public_id number submitted_at filed_by_id")
        of_account = _others(cursor, "accounts_user", "id public_id email")
        cursor.execute(COPY.format(of_claim=of_claim, of_account=of_account, copies=COPIES, told=TOLD))
    while sealing.seal():
        pass
    while following.lag(statistics.FOLLOWER) >= statistics.AT_ONCE:
        statistics.follow()
    work()


def _others(cursor: Any, table: str, columns: str) -> str:
    """The names of all columns of this table but these."""
    cursor.execute(
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
        " WHERE table_name = %s AND column_name <> ALL(%s)",
        [table, columns.split()],
    )
    return str(cursor.fetchone()[0])


def work() -> None:
    people = {who: make.staff(name, role) for who, (name, role) in PEOPLE.items()}
    with connections["owner"].cursor() as cursor:
        cursor.execute(WORK.format(**{who: person.pk for who, person in people.items()}))
        cursor.execute("VACUUM ANALYZE")


def person(who: str) -> User:
    return User.objects.with_email(f"{PEOPLE[who][0]}@example.org").get()
