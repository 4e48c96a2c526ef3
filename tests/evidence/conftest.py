import hypothesis
import pytest
from django.utils import translation

hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one must not fail a test
hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def evidence_dir(settings, tmp_path):
    """Each test has an evidence storage of its own."""
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    return settings.EVIDENCE_DIR


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield
