"""The addresses of the API, under /api/v1/. None ends with a slash."""

from django.urls import path

from partners.api import docs, ledger, oauth, views

app_name = "partners"
urlpatterns = [
    path("oauth/token", oauth.Token.as_view(), name="token"),
    path("oauth/revoke", oauth.Revoke.as_view(), name="revoke"),
    path("categories", views.Categories.as_view(), name="categories"),
    path("categories/<str:code>", views.OneCategory.as_view(), name="category"),
    path("statistics", views.Statistics.as_view(), name="statistics"),
    path("claims", views.Claims.as_view(), name="claims"),
    path("claims/<str:number>", views.OneClaim.as_view(), name="claim"),
    path("claims/<str:number>/evidence/<str:file_id>", views.Evidence.as_view(), name="evidence"),
    path("changes", views.Changes.as_view(), name="changes"),
    path("ledger/checkpoint", ledger.NewestCheckpoint.as_view(), name="checkpoint"),
    path("ledger/vkeys", ledger.VerifierKeys.as_view(), name="vkeys"),
    path("ledger/tile/<path:tile>", ledger.OneTile.as_view(), name="tile"),
    path("ledger/proof/inclusion", ledger.Inclusion.as_view(), name="inclusion"),
    path("ledger/proof/consistency", ledger.Consistency.as_view(), name="consistency"),
    path("ledger/entries", ledger.Entries.as_view(), name="ledger_entries"),
    path("schema", views.Schema.as_view(), name="schema"),
    path("docs", docs.page, name="docs"),
]
