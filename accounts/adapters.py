"""Where allauth asks how this register signs people in, writes to them and keeps their second factors."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.utils import passthrough_next_redirect_url
from allauth.core import context as current
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from keys import ring

LOGIN_FAILED_ANYWHERE = {"app": "allauth.account", "action": "login_failed_anywhere"}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("This account is closed."),
        "duplicate_email": _("This is your e-mail address already."),
        "email_password_mismatch": _(
            "We found no account with this e-mail address and password. Check both, or set a new password."
        ),
        "enter_current_password": _("This is not your present password. Enter it again."),
        "incorrect_code": _("This code is not right. Enter the one that your app shows now."),
        "incorrect_password": _("This password is not right. Enter it again."),
        "invalid_password_reset": _("This link has been used or is too old. Ask for a new one."),
        "rate_limited": _("That was tried too often. Wait a few minutes, then try again."),
        "too_many_login_attempts": _("That was tried too often. Wait five minutes, then try again."),
    }

    def new_user(self, request: HttpRequest) -> User:
        return User(language=get_language() or settings.LANGUAGE_CODE)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index") if request.user.is_staff else resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """With the page the person came from, so that the link leads back there on another device too."""
        url = super().get_email_confirmation_url(request, emailconfirmation)
        return passthrough_next_redirect_url(request, url, REDIRECT_FIELD_NAME)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """False if the address has become somebody else's since the link was sent."""
        try:
            with transaction.atomic():
                return super().confirm_email(request, email_address)
        except IntegrityError:
            return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Address and place: who fails elsewhere does not keep the address's owner out."""
        return f"{self._address_key(request, **credentials)}:{ratelimit.get_ip(request)}"

    def _address_key(self, request: HttpRequest, **credentials: Any) -> str:
        return super()._get_login_attempts_cache_key(request, **credentials)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Limits failures at this place, then (more generously) from all places together."""
        super().pre_authenticate(request, **credentials)
        key = self._address_key(request, **credentials)
        counted = ratelimit.consume(request, key=key, **LOGIN_FAILED_ANYWHERE)
        if counted is None:
            raise self.validation_error("too_many_login_attempts")
        self._login_failed_rl_usage.usage += counted.usage  # taken back when the password is right

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """After a new password was set by a link in a letter."""
        super()._delete_login_attempts_cached_email(request, **credentials)
        key = self._address_key(request, **credentials)
        ratelimit.clear(request, key=key, **LOGIN_FAILED_ANYWHERE)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language of the person who reads it, not of the one who caused it."""
        user = context.get("user") or User.objects.with_email(email).first()
        with override(user.language if user else get_language()):
            super().send_mail(template_prefix, email, context)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        super().send_notification_mail(template_prefix, user, {"user": user} | (context or {}), email)

    def send_account_already_exists_mail(self, email: str) -> None:
        sign_in = passthrough_next_redirect_url(
            current.request, reverse("account_login"), REDIRECT_FIELD_NAME
        )
        context = {
            "login_url": current.request.build_absolute_uri(sign_in),
            "password_reset_url": current.request.build_absolute_uri(reverse("account_reset_password")),
        }
        self.send_mail("account/email/account_already_exists", email, context)


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "add_email_blocked": _(
            "Your account is protected by a second step. Remove it, change the address, then set it up again."
        ),
        "cannot_generate_recovery_codes": _("Set up the second step first."),
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
        "unverified_email": _("First confirm your e-mail address with the link that we sent."),
    }

    def encrypt(self, text: str) -> str:
        return ring.encrypt_text(text, context=self._context())

    def decrypt(self, encrypted_text: str) -> str:
        return ring.decrypt_text(encrypted_text, context=self._context())

    @staticmethod
    def _context() -> bytes:
        """Names the owner, so that a row copied to another person opens nothing there.

        allauth does not say whose secret it is: the one who is signed in, or (forms.AnyCode) signing in.
        """
        owner = getattr(current.request, "asked_for_code", current.request.user)
        return f"accounts.second-factor:{owner.pk}".encode()
