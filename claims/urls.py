from django.urls import path

from claims.views import changing, evidence, filing, following, public, requests, statistics, submitting

app_name = "claims"
urlpatterns = [
    path("", public.home, name="home"),
    path("categories/", public.categories, name="categories"),
    path("categories/<str:code>/", public.category, name="category"),
    path("places/", public.places, name="places"),
    path("privacy/", public.privacy, name="privacy"),
    path("help/", public.help_page, name="help"),
    path("statistics/", statistics.page, name="statistics"),
    path("statistics/<slug:name>.csv", statistics.table, name="statistics_table"),
    path("accessibility/", public.accessibility, name="accessibility"),
    path("claims/", following.claims, name="list"),
    path("claims/new/<str:code>/", filing.start, name="start"),
    path("claims/<uuid:claim_id>/", following.claim, name="claim"),
    path("claims/<uuid:claim_id>/filed/", following.filed, name="filed"),
    path("claims/<uuid:claim_id>/filed.json", following.filed_file, name="filed_file"),
    path("claims/<uuid:claim_id>/receipt/", following.receipt, name="receipt"),
    path("claims/<uuid:claim_id>/files/<uuid:file_id>/", following.file, name="file"),
    path("claims/<uuid:claim_id>/requests/<uuid:request_id>/", requests.answer, name="request"),
    path("claims/<uuid:claim_id>/change/", changing.change, name="change"),
    path("claims/<uuid:claim_id>/withdraw/", changing.withdraw, name="withdraw"),
    path("claims/<uuid:claim_id>/consents/change/", changing.change_consents, name="change_consents"),
    path("claims/<uuid:claim_id>/eligibility/", filing.eligibility, name="eligibility"),
    path("claims/<uuid:claim_id>/questions/<slug:page_id>/", filing.page, name="page"),
    path("claims/<uuid:claim_id>/questions/<slug:page_id>/item/", filing.item, name="item"),
    path("claims/<uuid:claim_id>/evidence/", evidence.evidence, name="evidence"),
    path("claims/<uuid:claim_id>/evidence/add/", evidence.add_evidence, name="add_evidence"),
    path("claims/<uuid:claim_id>/evidence/<uuid:file_id>/", evidence.piece, name="piece"),
    path("claims/<uuid:claim_id>/own-account/", evidence.own_account, name="own_account"),
    path("claims/<uuid:claim_id>/consents/", filing.consents, name="consents"),
    path("claims/<uuid:claim_id>/check/", submitting.check, name="check"),
    path("claims/<uuid:claim_id>/declaration/", submitting.declaration, name="declaration"),
    path("claims/<uuid:claim_id>/delete/", filing.discard, name="discard"),
]
