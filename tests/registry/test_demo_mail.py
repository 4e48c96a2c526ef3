"""A demo's letters are readable in the browser, and only a demo's."""

from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from pytest_django import Settings

from registry import demo_mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings: Settings, tmp_path: Path) -> Path:
    settings.DEMO, settings.EMAIL_FILE_PATH = True, str(tmp_path)
    return tmp_path


def send(subject: str, body: str, *, folder: Path) -> None:
    backend = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(folder))
    letter = EmailMultiAlternatives(subject, body, "registry@localhost", ["olena@example.org"])
    letter.attach_alternative("<p>never shown</p>", "text/html")
    backend.send_messages([letter])


@pytest.mark.parametrize("path", ["/demo/mail/", "/demo/mail/any/"])
def test_outside_a_demo_there_is_no_such_page(client: Client, settings: Settings, path: str):
    settings.EMAIL_FILE_PATH = "/tmp"  # noqa: S108
    assert client.get(path).status_code == 404


def test_newest_first(client: Client, demo: Path):
    for subject in ("Перший", "Другий"):
        send(subject, "", folder=demo)
    page = client.get("/demo/mail/").content.decode()
    assert page.index("Другий") < page.index("Перший")


def test_two_letters_in_one_file_are_two(demo: Path):
    backend = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(demo))
    with backend:
        for subject in ("One", "Two"):
            backend.send_messages([EmailMultiAlternatives(subject, "text", "a@localhost", ["b@localhost"])])
    assert [letter.subject for letter in demo_mail.letters(demo)] == ["Two", "One"]


def test_links_of_a_letter_can_be_followed_and_markup_is_only_text(client: Client, demo: Path):
    send("Confirm", "<b>Open</b> http://127.0.0.1:8000/account/confirm/abc:def/ now", folder=demo)
    (letter,) = demo_mail.letters(demo)
    page = client.get(f"/demo/mail/{letter.name}/").content.decode()
    assert 'href="http://127.0.0.1:8000/account/confirm/abc:def/"' in page
    assert "&lt;b&gt;Open&lt;/b&gt;" in page
    assert "never shown" not in page


def test_a_letter_that_is_not_there(client: Client, demo: Path):
    assert client.get("/demo/mail/20260101-1/").status_code == 404
