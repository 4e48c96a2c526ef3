"""Every address of the site. The rules behind them live in the apps."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from registry import demo_mail, health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("demo/mail/", demo_mail.messages, name="demo_mail"),
    path("demo/mail/<str:name>/", demo_mail.message, name="demo_mail_message"),
    path("account/", include("accounts.urls")),
    *([path("admin/review/", include("review.urls"))] if settings.REVIEW else []),
    path("admin/", admin.site.urls),
    path("api/v1/", include("partners.api.urls")),
    path("", include("claims.urls")),
]

handler400 = "registry.errors.bad_request"
handler404 = "registry.errors.not_found"
handler500 = "registry.errors.server_error"
