"""The pages of signing in, under /account/. The names are allauth's; what we do not offer is not routed."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import path, re_path

from accounts import views

urlpatterns = [
    path("", views.overview, name="account_overview"),
    path("language/", views.set_language, name="set_language"),
    path("sign-up/", account.signup, name="account_signup"),
    path("sign-in/", account.login, name="account_login"),
    path("sign-out/", account.logout, name="account_logout"),
    path("closed/", account.account_inactive, name="account_inactive"),
    path("check-your-mail/", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm/(?P<key>[-:\w]+)/$", views.ConfirmEmailView.as_view(), name="account_confirm_email"),
    path("e-mail/", account.email, name="account_email"),
    path("password/", account.password_change, name="account_change_password"),
    path("password/forgotten/", account.password_reset, name="account_reset_password"),
    path("password/forgotten/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/new/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("again/", account.reauthenticate, name="account_reauthenticate"),
    path("second-step/", mfa.index, name="mfa_index"),
    path("second-step/needed/", views.second_factor_needed, name="account_second_factor_needed"),
    path("second-step/code/", mfa.authenticate, name="mfa_authenticate"),
    path("second-step/again/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("second-step/app/", totp.activate_totp, name="mfa_activate_totp"),
    path("second-step/app/qr.svg", views.qr_code, name="mfa_qr_code"),
    path("second-step/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("second-step/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("second-step/codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("second-step/codes/file/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
]
