"""The web server's role has exactly the rights that each model gives it."""

import pytest
from django.db import connection, connections

pytestmark = pytest.mark.django_db


def test_tests_run_as_the_role_of_the_web_server():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("registry_app",)


@pytest.mark.committing
def test_a_committing_test_has_a_database_of_its_own():
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE kept (n int)")
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone()[0].startswith("test_")


@pytest.mark.committing
def test_what_a_committing_test_leaves_is_gone_for_the_next():
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('kept')")
        assert cursor.fetchone() == (None,)
