"""The key ring: encrypts with the first key of REGISTRY_KEYS, decrypts with any of them.

`REGISTRY_KEYS="2026-11:base64,2025-01:base64"`: names of your choice, keys of 32 random bytes. To rotate,
put a new key in front and keep the old ones for as long as anything is encrypted with them.

A token is: one byte format (1), one byte length of the key's name, the name, 12 random bytes, AES-256-GCM
ciphertext with its tag. The caller's `context` (what the secret is and whose: b"totp:42") is authenticated
with it, so that a token copied to another row does not decrypt there.
"""

import base64
import binascii
import re
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
NONCE_BYTES = 12
_FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class NotDecrypted(Exception):
    """The token is damaged, was made for another context, or its key is no longer in REGISTRY_KEYS."""


def encrypt(data: bytes, *, context: bytes) -> bytes:
    name, key = next(iter(_ring(settings.REGISTRY_KEYS).items()))
    header = bytes([_FORMAT, len(name)]) + name.encode("ascii")
    nonce = secrets.token_bytes(NONCE_BYTES)
    return header + nonce + key.encrypt(nonce, data, header + context)


def decrypt(token: bytes, *, context: bytes) -> bytes:
    """Raises NotDecrypted."""
    name = key_name(token)
    key = _ring(settings.REGISTRY_KEYS).get(name)
    if key is None:
        raise NotDecrypted(f"REGISTRY_KEYS holds no key named {name!r}.")
    header, rest = token[: 2 + len(name)], token[2 + len(name) :]
    try:
        return key.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], header + context)
    except (InvalidTag, ValueError) as error:
        raise NotDecrypted("The encrypted value is damaged or belongs to something else.") from error


def encrypt_text(text: str, *, context: bytes) -> str:
    """As `encrypt`, for a text column."""
    return base64.urlsafe_b64encode(encrypt(text.encode(), context=context)).decode("ascii")


def decrypt_text(token: str, *, context: bytes) -> str:
    """Raises NotDecrypted."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise NotDecrypted("The encrypted value is not base64.") from error
    return decrypt(raw, context=context).decode()


def key_name(token: bytes) -> str:
    """Which key a token was made with, so that old ones can be found and renewed. Raises NotDecrypted."""
    if len(token) < 2 or token[0] != _FORMAT or len(token) < 2 + token[1] + NONCE_BYTES:
        raise NotDecrypted("The encrypted value has no known form.")
    return token[2 : 2 + token[1]].decode("ascii", errors="replace")


@lru_cache(maxsize=8)
def _ring(text: str) -> dict[str, AESGCM]:
    """The keys by name, in their order. Raises ImproperlyConfigured."""
    ring: dict[str, AESGCM] = {}
    for part in text.split(","):
        name, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not _NAME.fullmatch(name) or name in ring or len(key) != KEY_BYTES:
            raise ImproperlyConfigured(
                "REGISTRY_KEYS must be name:key,name:key with different names and keys of 32 bytes in "
                f"base64. The part named {name!r} is not right."
            )
        ring[name] = AESGCM(key)
    return ring


def check(text: str) -> str:
    """The same text, if it is a key ring. Raises ImproperlyConfigured."""
    _ring(text)
    return text
