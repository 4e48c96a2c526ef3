import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def evidence_dir(settings, tmp_path):
    """Each test has an evidence storage of its own."""
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    return settings.EVIDENCE_DIR


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield
