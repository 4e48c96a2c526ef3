"""What tests/conftest.py promises to every other test."""

import threading

import pytest
from django.db import connection, connections
from django.template import engines

from claims.models import Category
from tests.conftest import BARE


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_tests_run_as_the_role_of_the_web_server():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("registry_app",)


@pytest.mark.django_db
def test_the_mandate_is_loaded():
    assert Category.objects.exists()


@pytest.mark.committing
def test_a_committing_test_has_a_database_of_its_own(own_database: str):
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE kept (n int)")
    assert database() == own_database


@pytest.mark.committing
def test_what_a_committing_test_leaves_is_gone_for_the_next():
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('kept')")
        assert cursor.fetchone() == (None,)


@pytest.mark.committing
def test_threads_use_the_same_database_and_need_not_close_it(own_database: str):
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(database())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [own_database] * 3


class TestWithoutMandate:
    @pytest.fixture
    def database_template(self) -> str:
        return BARE

    @pytest.mark.django_db
    def test_tests_that_roll_back_may_choose_an_empty_database(self):
        assert not Category.objects.exists()

    @pytest.mark.committing
    def test_tests_that_commit_may_too(self):
        assert not Category.objects.exists()


@pytest.mark.django_db
def test_afterwards_the_mandate_is_there_again():
    assert Category.objects.exists()


def test_a_variable_that_is_not_there_fails_in_a_template_of_ours(settings):
    template = engines["django"].from_string("{{ no_such_thing }}")
    assert template.render({}) == ""  # not in a file of ours
    with pytest.raises(pytest.fail.Exception, match="undefined variable"):
        engines["django"].get_template("components/header.html").render({})
