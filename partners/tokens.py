"""OAuth 2: the library's pieces that we replace, because what it does by default is not safe here.

Without these, a request that names no scope would get every scope, checking a secret would cost a quarter
of a second of processor time, and an expired token would stay in the database for ever.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from oauth2_provider.models import get_access_token_model
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes

from partners import scopes
from partners.models import Application

RANDOM_BYTES = 32


def new_secret(*_: Any) -> str:
    """256 random bits, for a client's secret or an access token."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def hashed(secret: str) -> str:
    """How a client's secret is kept. One round is enough: nobody guesses 256 random bits, and a slow hash
    would only let strangers keep the server busy."""
    salt = secrets.token_hex(16)
    return f"sha256${salt}${_digest(salt, secret)}"


def fits(secret: str, kept: str) -> bool:
    _name, salt, digest = kept.split("$")
    return hmac.compare_digest(_digest(salt, secret), digest)


def _digest(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}{secret}".encode()).hexdigest()


class GrantedScopes(BaseScopes):
    """What an application was granted, and nothing that was not asked for."""

    def get_all_scopes(self) -> Mapping[str, Any]:
        return scopes.SENTENCES

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        granted: str = application.scopes
        return granted.split()

    def get_default_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return []


class Validator(OAuth2Validator):
    def _load_application(self, client_id: str | None, request: Any) -> Application | None:
        """Also where the library would ask the database for a NUL, or another server for the client."""
        if request.client is None:
            found = Application.objects.select_related("partner").filter(client_id=client_id).first()
            request.client = found if found and found.is_usable(request) else None
        return request.client

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return fits(provided_secret, stored_secret)

    def _save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        get_access_token_model().objects.filter(
            application=request.client, expires__lt=timezone.now()
        ).delete()
        super()._save_bearer_token(token, request, *args, **kwargs)
