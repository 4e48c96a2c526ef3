import pytest
from django.test import Client
from django.utils import translation
from hypothesis import settings

from tests import make

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("quick")


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
