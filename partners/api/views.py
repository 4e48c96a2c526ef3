"""What partners pull. Each view names its scope; what a scope then shows, the agreement decides."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.translation import override
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from claims import access, figures, mandates, numbers
from claims.models import Category, Claim
from evidence import custody, serving
from evidence.models import CustodyKind, EvidenceFile
from partners import agreements, changes, feed, scopes
from partners.api import categories, problems, schema, serializers
from partners.api.problems import Invalid
from partners.models import Partner

OFFICE = "partner"
JSON = "application/json"
PUBLIC_IS_KEPT = "public, max-age=300"
cursors = signing.Signer(salt="partners.cursor")


class ApiView(APIView):
    """Speaks English, refuses parameters that it does not know, and remembers those that it does."""

    http_method_names: ClassVar[Sequence[str]] = ["get"]
    query_class: ClassVar[type[serializers.Query]] = serializers.Query
    query: Mapping[str, Any]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with override("en"):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)
        self.query = self.query_class.read(request.query_params)


class PublicView(ApiView):
    http_method_names = ("get", "head")
    authentication_classes = ()
    permission_classes = ()


class NdjsonRenderer(BaseRenderer):
    """Names the media type, so that it can be asked for."""

    media_type = serializers.NDJSON
    format = "ndjson"


class AsItIs(BaseContentNegotiation):
    """A file has one form, whatever is asked for."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        return renderers[0], JSON


def answer(text: str, **headers: str) -> HttpResponse:
    """JSON that is written already."""
    return HttpResponse(
        text, content_type=JSON, headers={"Cache-Control": "no-store", "Content-Language": "en", **headers}
    )


class Claims(ApiView):
    required_scope = scopes.CLAIMS_READ
    query_class = serializers.ClaimsQuery
    renderer_classes = (JSONRenderer, NdjsonRenderer)

    @extend_schema(**serializers.CLAIMS)
    def get(self, request: Request) -> HttpResponseBase:
        streams = isinstance(request.accepted_renderer, NdjsonRenderer)
        out_of_place = [name for name in self.query if (name in serializers.ClaimsQuery.STREAM) != streams]
        if out_of_place:
            form = JSON if streams else serializers.NDJSON
            raise Invalid(*((name, f"This parameter goes with {form} only.") for name in out_of_place))
        partner: Partner = request.user
        index = str(feed.ledger_index())  # before anything is read: what comes later is then in the changes
        terms = agreements.current(partner)
        after = self.query.get("after_number") if streams else self._after(partner)
        access.record(None, by=partner.actor, office=OFFICE, purpose="pull")
        if streams:
            lines = feed.stream(terms, after=after, end="end" in self.query)
            return StreamingHttpResponse(
                lines,
                content_type=serializers.NDJSON,
                # The proxy in front hands each line on as it comes.
                headers={"Ledger-Index": index, "Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            )
        page = feed.page(
            terms,
            after=after,
            limit=self.query.get("limit", serializers.DEFAULT),
            category=self.query.get("category"),
            region=self.query.get("region"),
            state=self.query.get("state"),
        )
        more = cursors.sign_object([str(partner.public_id), page.last]) if page.more else None
        text = f'{{"results": [{", ".join(page.lines)}], "next_cursor": {json.dumps(more)}}}'
        return answer(text, **{"Ledger-Index": index})

    def _after(self, partner: Partner) -> str | None:
        """The number that the cursor stands for. A cursor is made for one partner and no other."""
        if "cursor" not in self.query:
            return None
        try:
            owner, number = cursors.unsign_object(self.query["cursor"])
        except signing.BadSignature:
            owner, number = None, None
        if owner != str(partner.public_id):
            raise Invalid(("cursor", "This is no cursor that you got here."))
        return str(number)


class OneClaim(ApiView):
    required_scope = scopes.CLAIMS_READ

    @extend_schema(**serializers.CLAIM)
    def get(self, request: Request, number: str) -> HttpResponse:
        partner: Partner = request.user
        number = read_number(number)
        text = feed.one(agreements.current(partner), number)
        if text is None:
            raise Http404
        claim = Claim.objects.only("public_id").get(number=number)
        access.record(claim, by=partner.actor, office=OFFICE, purpose="read")
        return answer(text)


class Evidence(ApiView):
    required_scope = scopes.EVIDENCE_READ
    content_negotiation_class = AsItIs

    @extend_schema(**serializers.EVIDENCE)
    def get(self, request: Request, number: str, file_id: str) -> HttpResponseBase:
        partner: Partner = request.user
        number = read_number(number)
        if file_id not in feed.files(agreements.current(partner), number):
            raise Http404
        file = EvidenceFile.objects.select_related("blob").get(public_id=file_id)
        claim = Claim.objects.only("public_id").get(number=number)
        try:
            sent = serving.response(file)
        except serving.Quarantined:
            return problems.response(problems.QUARANTINED, "Malware was found in this file.")
        except serving.Unreadable:
            return problems.response(problems.UNREADABLE, "This file cannot be opened at the moment.")
        custody.record(file, CustodyKind.DOWNLOADED, by=partner.actor)
        access.record(claim, by=partner.actor, office=OFFICE, purpose="evidence", file=file.public_id)
        return sent


class Changes(ApiView):
    required_scope = scopes.CLAIMS_READ
    query_class = serializers.ChangesQuery

    @extend_schema(**serializers.CHANGES)
    def get(self, request: Request) -> HttpResponse:
        found = changes.after(
            request.user,
            after=self.query.get("after", -1),
            limit=self.query.get("limit", serializers.DEFAULT),
        )
        return answer(json.dumps({"results": found.results, "next_after": found.next_after}))


class Categories(PublicView):
    @extend_schema(**serializers.CATEGORIES)
    def get(self, request: Request) -> HttpResponseBase:
        found = Category.objects.public().select_related("newest")
        body = {"results": [categories.line(category) for category in found], "next_cursor": None}
        return lasting(request, body)


class OneCategory(PublicView):
    @extend_schema(**serializers.CATEGORY)
    def get(self, request: Request, code: str) -> HttpResponseBase:
        known = numbers.category_code(code)
        category = get_object_or_404(Category.objects.public().select_related("newest"), code=known)
        return lasting(request, categories.whole(category))


class Statistics(PublicView):
    @extend_schema(**serializers.STATISTICS)
    def get(self, request: Request) -> HttpResponseBase:
        published = figures.newest()
        if published is None:
            return problems.response(problems.NOT_FOUND, "The first figures are not published yet.")
        return kept(request, published.content)


class Schema(PublicView):
    @extend_schema(**serializers.SCHEMA)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(schema.text(), content_type=JSON)


def lasting(request: Request, body: Mapping[str, Any]) -> HttpResponseBase:
    """An answer that may be kept for a while, and is not sent again to whoever has it."""
    return kept(request, json.dumps(body, ensure_ascii=False))


def kept(request: Request, text: str) -> HttpResponseBase:
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()}"'
    whole = answer(text, **{"ETag": etag, "Cache-Control": PUBLIC_IS_KEPT})
    return get_conditional_response(request._request, etag=etag, response=whole) or whole


def read_number(given: str) -> str:
    number = numbers.read(given, prefix=mandates.current().number_prefix)
    if number is None:
        raise Http404
    return number
