"""Secrets at rest: named keys, rotation, and tokens that work in one place only."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from keys import ring

OLD = "2025-01:" + base64.b64encode(b"o" * 32).decode()
NEW = "2026-11:" + base64.b64encode(b"n" * 32).decode()


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> None:
    settings.REGISTRY_KEYS = OLD


def test_what_is_encrypted_comes_back():
    assert ring.decrypt(ring.encrypt(b"seed", context=b"totp:1"), context=b"totp:1") == b"seed"
    assert ring.decrypt_text(ring.encrypt_text("насіння", context=b"totp:1"), context=b"totp:1") == "насіння"


def test_the_same_secret_never_looks_the_same():
    assert ring.encrypt(b"seed", context=b"totp:1") != ring.encrypt(b"seed", context=b"totp:1")


def test_after_rotation_old_tokens_are_read_and_new_ones_use_the_new_key(settings: Settings):
    token = ring.encrypt(b"seed", context=b"totp:1")
    settings.REGISTRY_KEYS = f"{NEW},{OLD}"
    assert ring.decrypt(token, context=b"totp:1") == b"seed"
    assert ring.key_name(token) == "2025-01"
    assert ring.key_name(ring.encrypt(b"seed", context=b"totp:1")) == "2026-11"


def test_without_its_key_a_token_is_not_decrypted(settings: Settings):
    token = ring.encrypt(b"seed", context=b"totp:1")
    settings.REGISTRY_KEYS = NEW
    with pytest.raises(ring.NotDecrypted, match="no key named '2025-01'"):
        ring.decrypt(token, context=b"totp:1")


def test_a_token_in_another_place_is_not_decrypted():
    token = ring.encrypt(b"seed", context=b"totp:1")
    with pytest.raises(ring.NotDecrypted, match="belongs to something else"):
        ring.decrypt(token, context=b"totp:2")


def test_a_token_with_any_bit_changed_is_not_decrypted():
    token = ring.encrypt(b"seed", context=b"totp:1")
    for place in range(len(token)):
        damaged = bytearray(token)
        damaged[place] ^= 1
        with pytest.raises(ring.NotDecrypted):
            ring.decrypt(bytes(damaged), context=b"totp:1")


@pytest.mark.parametrize("token", [b"", b"\x01", b"\x01\xffshort", b"\x02\x01a" + bytes(40)])
def test_what_is_no_token_is_not_decrypted(token: bytes):
    with pytest.raises(ring.NotDecrypted):
        ring.decrypt(token, context=b"totp:1")


def test_a_text_that_is_no_token_is_not_decrypted():
    with pytest.raises(ring.NotDecrypted, match="not base64"):
        ring.decrypt_text("ключ", context=b"totp:1")


@pytest.mark.parametrize("keys", ["", "2026", "2026:", "2026:c2hvcnQ=", f"{OLD},{OLD}", f"a b:{NEW[8:]}"])
def test_a_ring_of_another_form_is_refused(keys: str):
    with pytest.raises(ImproperlyConfigured, match="name:key,name:key"):
        ring.check(keys)
