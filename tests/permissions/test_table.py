"""One table of who gets which answer: table.txt, read by people and held by these tests.

A line is a method, an address in a situation, and the status for each column of `world.COLUMNS`. An address
that is missing there fails; so does an answer that differs. A line that fails is printed as it would stand.
"""

from pathlib import Path

import pytest

from tests.permissions import api, world

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).with_name("table.txt")


def read():
    """{(method, case): statuses} of the table."""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    parts = [(line[:4].strip(), *line[4:].split("|")) for line in lines]
    return {(method, case.strip()): statuses.split() for method, case, statuses in parts}


def line(method, case, statuses):
    return f"{method:<4} {case!s:<56} | {' '.join(f'{s:<4}' for s in statuses).rstrip()}"


@pytest.fixture(autouse=True)
def _as_in_the_demo(settings, tmp_path):
    """The second factor, which the demo does not ask for, has tests of its own."""
    settings.DEMO = True
    settings.EVIDENCE_DIR = tmp_path / "evidence"


def test_every_address_of_the_project_is_in_the_table():
    judged = {case.split(" [")[0] for _method, case in read()}
    assert {name for name, _pattern in world.addresses()} - judged == set()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("group", world.GROUPS)
def test_people_get_what_the_table_says(group, method):
    table, cases, sessions = read(), world.GROUPS[group](), world.sign_in()
    differing = [
        line(method, case, found)
        for case in cases
        if method in case.methods
        and (found := world.answers(case, method, sessions)) != table.get((method, str(case)))
    ]
    assert differing == [], "these lines differ from table.txt:\n" + "\n".join(differing)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_partners_get_what_the_table_says(method):
    table, cases, tokens = read(), api.cases(), api.tokens()
    differing = [
        line(method, case, found)
        for case in cases
        if (found := api.answers(case, method, tokens)) != table.get((method, str(case)))
    ]
    assert differing == [], "these lines differ from table.txt:\n" + "\n".join(differing)
