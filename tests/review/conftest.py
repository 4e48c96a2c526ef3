import pytest
from django.test import Client
from django.utils import translation

from accounts.roles import Role
from claims.models import Category
from tests import make


@pytest.fixture(autouse=True)
def evidence_dir(settings, tmp_path):
    """Each test has an evidence storage of its own."""
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    return settings.EVIDENCE_DIR


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def signed_in():
    """A browser in which this person is signed in, in English."""

    def sign_in(name, *roles):
        client = Client(headers={"accept-language": "en"})
        client.force_login(make.user(name, *roles))
        return client

    return sign_in


@pytest.fixture
def reviewer():
    return lambda name: make.staff(name, Role.REVIEWER)


@pytest.fixture
def senior():
    return make.staff("senia", Role.SENIOR_REVIEWER)


@pytest.fixture
def sensitive():
    """From now on the category is sensitive, for claims that are submitted later."""

    def mark(code="A3.1"):
        Category.objects.filter(code=code).update(sensitive=True)
        return make.category(code)

    return mark
