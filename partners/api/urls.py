"""The addresses of the API, under /api/v1/. None ends with a slash."""

from django.urls import path

from partners.api import docs, oauth, views

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
    path("schema", views.Schema.as_view(), name="schema"),
    path("docs", docs.page, name="docs"),
]
