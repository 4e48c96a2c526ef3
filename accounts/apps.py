from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"


class RegistryAdminConfig(admin_apps.AdminConfig):
    """Django's admin on our own site, so that apps can say `admin.site` and nobody imports the project."""

    default = False  # this module's own app is AccountsConfig
    default_site = "accounts.admin_site.RegistryAdminSite"
