"""What comes from the environment is read strictly: a wrong value stops the start with a sentence."""

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from ledger import notes
from registry import environment as env

Patch = pytest.MonkeyPatch


@pytest.mark.parametrize("text", ["1", "true", "Yes"])
def test_yes_in_any_case(monkeypatch: Patch, text: str):
    monkeypatch.setenv("FLAG", text)
    assert env.boolean("FLAG", False) is True


def test_a_boolean_that_is_neither_is_refused(monkeypatch: Patch):
    monkeypatch.setenv("FLAG", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="FLAG is 'perhaps'. Write 1 for yes or 0 for no."):
        env.boolean("FLAG", False)


def test_what_is_empty_is_not_set(monkeypatch: Patch):
    monkeypatch.setenv("FLAG", "  ")
    monkeypatch.setenv("PORT", "")
    assert env.boolean("FLAG", True) is True
    assert env.integer("PORT", 8000, least=1, most=65535) == 8000
    assert not env.is_set("FLAG")


@pytest.mark.parametrize("text", ["80a", "-1", "0", "65536", "8 000", "٣"])
def test_an_integer_out_of_its_range_is_refused(monkeypatch: Patch, text: str):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(ImproperlyConfigured, match="PORT is .* from 1 to 65535"):
        env.integer("PORT", 8000, least=1, most=65535)


def test_a_missing_value_says_where_to_read(monkeypatch: Patch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY is not set. docs/operations.md"):
        env.secret("SECRET_KEY")


@pytest.mark.parametrize(
    "text", ["unix:///run/clamav/clamd.ctl", "tcp://clamav:3310", "tcp://[::1]:3310", "tcp://127.0.0.1:3310"]
)
def test_where_the_scanner_listens(monkeypatch: Patch, text: str):
    monkeypatch.setenv("CLAMD_URL", text)
    assert env.scanner("CLAMD_URL") == text


@pytest.mark.parametrize(
    "text",
    [
        "/run/clamav/clamd.ctl",
        "unix://run/clamav/clamd.ctl",
        "unix:clamd.ctl",
        "tcp://clamav",
        "tcp://:3310",
        "tcp://clamav:0",
        "tcp://clamav:65536",
        "tcp://clamav:3310/x",
        "tcp://somebody@clamav:3310",
        "http://clamav:3310",
        "clamav:3310",
    ],
)
def test_what_is_no_place_of_a_scanner_is_refused(monkeypatch: Patch, text: str):
    monkeypatch.setenv("CLAMD_URL", text)
    with pytest.raises(ImproperlyConfigured, match="CLAMD_URL"):
        env.scanner("CLAMD_URL")


def test_there_may_be_no_scanner(monkeypatch: Patch):
    monkeypatch.setenv("CLAMD_URL", " ")
    assert env.scanner("CLAMD_URL") == ""


def test_words_are_separated_by_commas(monkeypatch: Patch):
    monkeypatch.setenv("ALLOWED_HOSTS", "claims.example.org, www.example.org,")
    assert env.words("ALLOWED_HOSTS", ()) == ["claims.example.org", "www.example.org"]


def test_a_secret_may_be_a_file(monkeypatch: Patch, tmp_path: Path):
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert env.secret("SECRET_KEY") == "from a file"


def test_a_secret_given_twice_is_refused(monkeypatch: Patch, tmp_path: Path):
    monkeypatch.setenv("SECRET_KEY", "one")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ImproperlyConfigured, match="Keep one of them"):
        env.secret("SECRET_KEY")


def test_a_secret_file_that_is_missing_or_empty_is_refused(monkeypatch: Patch, tmp_path: Path):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env.secret("SECRET_KEY")
    (tmp_path / "key").touch()
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        env.secret("SECRET_KEY")


def test_a_database_url_in_full(monkeypatch: Patch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:p%40ss@db.example.org:6432/claims?sslmode=require")
    database = env.database("DATABASE_URL")
    assert (database["USER"], database["PASSWORD"]) == ("app", "p@ss")
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example.org", 6432, "claims")
    assert database["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    "url", ["mysql://app@host/db", "postgresql://app@host", "postgresql://host/db", "db"]
)
def test_a_database_url_of_another_form_is_refused(monkeypatch: Patch, url: str):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="postgresql://role:password@host:5432/database"):
        env.database("DATABASE_URL")


def test_mail_by_starttls(monkeypatch: Patch):
    monkeypatch.setenv("EMAIL_URL", "smtp+starttls://bot:secret@mail.example.org")
    mail = env.mail("EMAIL_URL", None)
    assert (mail["EMAIL_HOST"], mail["EMAIL_PORT"]) == ("mail.example.org", 587)
    assert (mail["EMAIL_USE_TLS"], mail["EMAIL_USE_SSL"]) == (True, False)
    assert mail["EMAIL_TIMEOUT"] == 10


def test_mail_into_a_folder(monkeypatch: Patch):
    monkeypatch.delenv("EMAIL_URL", raising=False)
    assert env.mail("EMAIL_URL", "file:///srv/mail")["EMAIL_FILE_PATH"] == "/srv/mail"


@pytest.mark.parametrize("url", ["http://mail.example.org", "smtp://", "smtp://host:99999"])
def test_a_mail_url_of_another_form_is_refused(monkeypatch: Patch, url: str):
    monkeypatch.setenv("EMAIL_URL", url)
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        env.mail("EMAIL_URL", None)


@pytest.mark.parametrize(
    "url",
    ["", "https://tsa.example.org/stamp", "https://we:p%40ss@tsa.example.org", "http://127.0.0.1:3161/"],
)
def test_an_authority_is_asked_by_https_or_on_this_machine(monkeypatch: Patch, url: str):
    monkeypatch.setenv("TSA_URL", url)
    assert env.authority("TSA_URL") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://tsa.example.org/",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@example.org/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://",
        "https://host:99999/",
        "https://host/a b",
        "tsa.example.org",
    ],
)
def test_another_address_of_an_authority_is_refused(monkeypatch: Patch, url: str):
    monkeypatch.setenv("TSA_URL", url)
    with pytest.raises(ImproperlyConfigured, match="TSA_URL must be an https address"):
        env.authority("TSA_URL")


WITNESS = notes.SigningKey.generate("w", notes.COSIGNATURE).verifier.vkey


@pytest.mark.parametrize(
    "url", ["https://w.example/1", "https://w.example:8443", "http://127.0.0.1:18490", "http://[::1]:1/w"]
)
def test_a_witness_is_asked_by_https_or_on_this_machine(monkeypatch: Patch, url: str):
    monkeypatch.setenv("WITNESSES", f"{WITNESS} {url}")
    assert env.witnesses("WITNESSES", "") == [f"{WITNESS} {url}"]


@pytest.mark.parametrize(
    "url",
    [
        "http://w.example/",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@example.org/",
        "ftp://127.0.0.1/",
        "https://",
        "https://host:99999/",
        "https://w.example/?a",
        "https://w.example/#a",
        "",
    ],
)
def test_another_address_of_a_witness_is_refused(monkeypatch: Patch, url: str):
    monkeypatch.setenv("WITNESSES", f"{WITNESS} {url}")
    with pytest.raises(
        ImproperlyConfigured, match="its address: https, or http to a program on this machine"
    ):
        env.witnesses("WITNESSES", "")


def test_a_file_of_certificates_is_there_and_is_pem(monkeypatch: Patch, tmp_path: Path):
    monkeypatch.setenv("ROOTS", "")
    assert env.certificates("ROOTS") is None
    monkeypatch.setenv("ROOTS", str(tmp_path / "roots.pem"))
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env.certificates("ROOTS")
    (tmp_path / "roots.pem").write_text("nothing")
    with pytest.raises(ImproperlyConfigured, match="has no certificate in PEM"):
        env.certificates("ROOTS")
    (tmp_path / "roots.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    assert env.certificates("ROOTS") == tmp_path / "roots.pem"


def test_a_generated_secret_is_made_once_and_is_private(tmp_path: Path):
    file = tmp_path / "data" / "secret-key"
    first = env.generated(file)
    assert env.generated(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert env.generated(tmp_path / "other") != first


@pytest.mark.parametrize(
    ("text", "threshold"), [("?prepare_threshold=none", None), ("", 5), ("?prepare_threshold=0", 0)]
)
def test_statements_are_prepared_unless_a_pool_cannot_bear_it(
    monkeypatch: Patch, text: str, threshold: int | None
):
    monkeypatch.setenv("DATABASE_URL", f"postgresql://app:secret@db.example.org/claims{text}")
    assert env.database("DATABASE_URL")["OPTIONS"]["prepare_threshold"] == threshold


@pytest.mark.parametrize("text", ["never", "-1", "5.0", ""])
def test_another_threshold_is_refused(monkeypatch: Patch, text: str):
    monkeypatch.setenv(
        "DATABASE_URL", f"postgresql://app:secret@db.example.org/claims?prepare_threshold=x{text}"
    )
    with pytest.raises(ImproperlyConfigured, match="prepare_threshold=x.* Write a whole number, or none."):
        env.database("DATABASE_URL")


def test_one_word_of_several_in_any_case(monkeypatch: Patch):
    monkeypatch.setenv("LOG_FORMAT", "JSON")
    assert env.choice("LOG_FORMAT", "text", ("json", "text")) == "json"
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="LOG_FORMAT is 'xml'. Write one of: json, text."):
        env.choice("LOG_FORMAT", "text", ("json", "text"))
