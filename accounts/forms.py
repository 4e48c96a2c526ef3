"""allauth's forms in our words: a label, an error that says what to do, no placeholder."""

from textwrap import wrap
from typing import Any

from allauth.account import forms as account
from allauth.core import context as current
from allauth.mfa.base import forms as second_factor
from allauth.mfa.totp import forms as totp
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User

EMAIL = {
    "label": _("E-mail address"),
    "errors": {
        "required": _("Enter your e-mail address."),
        "invalid": _("Enter an e-mail address like name@example.org."),
    },
}
PASSWORD = {"label": _("Password"), "errors": {"required": _("Enter your password.")}}
NEW_PASSWORD = {
    "label": _("New password"),
    "hint": _("At least 10 characters. Three or four words that nobody else would put together are good."),
    "errors": {"required": _("Choose a password.")},
}
CODE = {
    "label": _("Code"),
    "hint": _("The six digits that your app shows now, or one of your recovery codes."),
    "errors": {"required": _("Enter the code.")},
    "attributes": {"class": "w10", "inputmode": "numeric"},
}


class PlainWords(forms.Form):
    words: dict[str, dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            words = self.words[name]
            field.label = words["label"]
            field.help_text = words.get("hint", "")
            field.error_messages |= words["errors"]
            field.widget.attrs |= words.get("attributes", {})


class SignInForm(PlainWords, account.LoginForm):
    words = {"login": EMAIL, "password": PASSWORD}


class SignUpForm(PlainWords, account.SignupForm):
    words = {"email": EMAIL, "password1": NEW_PASSWORD | {"label": PASSWORD["label"]}}

    def validate_unique_email(self, value: str) -> str:
        # An address somebody only wants to change to, unconfirmed, does not keep its owner out.
        self.account_already_exists = User.objects.with_email(value).exists()
        return value

    def save(self, request: HttpRequest) -> User:
        with transaction.atomic():
            return super().save(request)

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # takes as long as making an account
        try:
            return super().try_save(request)
        except IntegrityError:  # sent twice at once
            self.account_already_exists = True
            return super().try_save(request)


class ForgottenPasswordForm(PlainWords, account.ResetPasswordForm):
    words = {"email": EMAIL}

    def clean_email(self) -> str:
        email = super().clean_email()
        # A mistyped new address, not yet confirmed, must not open the account to whoever reads that mailbox.
        self.users: list[User] = [user for user in self.users if user.email == email]
        return email


class NewPasswordForm(PlainWords, account.ResetPasswordKeyForm):
    words = {"password1": NEW_PASSWORD}
    password2 = None


class ChangePasswordForm(PlainWords, account.ChangePasswordForm):
    words = {
        "oldpassword": {"label": _("Your present password"), "errors": PASSWORD["errors"]},
        "password1": NEW_PASSWORD,
    }
    password2 = None


class ChangeEmailForm(PlainWords, account.AddEmailForm):
    words = {"email": EMAIL | {"label": _("New e-mail address")}}


class PasswordAgainForm(PlainWords, account.ReauthenticateForm):
    words = {"password": PASSWORD}


class AnyCode(PlainWords, second_factor.BaseAuthenticateForm):
    words = {"code": CODE}

    def clean_code(self) -> str:
        current.request.asked_for_code = self.user  # adapters.SecondFactorAdapter needs to know whose it is
        return super().clean_code()


class CodeForm(AnyCode, second_factor.AuthenticateForm):
    pass


class CodeAgainForm(AnyCode, second_factor.ReauthenticateForm):
    pass


class FirstCodeForm(PlainWords, totp.ActivateTOTPForm):
    words = {"code": CODE | {"hint": _("The six digits that your app shows now.")}}

    @property
    def key(self) -> str:
        """The secret as one types it: in groups of four."""
        return " ".join(wrap(self.secret, 4))
