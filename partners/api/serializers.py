"""What comes in by the query string, checked strictly, and what goes out, as the API's description tells it.

Answers are written by partners.feed and the views, not through these classes: tests hold both together.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_field
from rest_framework import serializers

from claims import mandates, numbers
from claims.models import Assurance, Category, Signature
from partners.agreements import OPEN_STATES
from partners.api.problems import Invalid

MOST = 1000
DEFAULT = 100
LARGEST_INDEX = 2**63 - 1
CURSOR_LENGTH = 300


class Whole(serializers.IntegerField):
    """A whole number in plain digits. Python's int() would take 1_000 and digits of other scripts too."""

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,20}", str(data)):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class OneOf(serializers.ChoiceField):
    """One of the values that are known when it is asked."""

    def fail(self, key: str, **_: Any) -> Any:
        raise serializers.ValidationError("Expected one of: " + ", ".join(map(str, self.choices)) + ".")


class CategoryCode(OneOf):
    """A code as people type it: Cyrillic look-alikes, small letters and a comma are understood."""

    def to_internal_value(self, data: Any) -> str:
        return str(super().to_internal_value(numbers.category_code(str(data))))


@extend_schema_field({"type": "string", "format": "claim-number"})
class ClaimNumber(serializers.CharField):
    """A claim number as people type it."""

    def to_internal_value(self, data: Any) -> str:
        number = numbers.read(str(data), prefix=mandates.current().number_prefix)
        if number is None:
            raise serializers.ValidationError("Expected the number of a claim.")
        return number


@extend_schema_field({"type": "string", "format": "cursor", "maxLength": CURSOR_LENGTH})
class Cursor(serializers.CharField):
    """What the view makes of it, it alone can tell: it knows the partner."""


class Query(serializers.Serializer):
    """The parameters that an address takes. Unknown and repeated ones are refused: a misspelt filter that
    was ignored would answer more than was asked for."""

    @classmethod
    def read(cls, given: QueryDict) -> dict[str, Any]:
        query = cls(data=given.dict())
        errors = []
        for name, values in given.lists():
            if name not in query.fields:
                errors.append((name, "This parameter is unknown here."))
            elif len(values) > 1:
                errors.append((name, "This parameter may be sent once only."))
        if not query.is_valid():
            errors += [(name, str(said)) for name, all_said in query.errors.items() for said in all_said]
        if errors:
            raise Invalid(*errors)
        return dict(query.validated_data)


class ClaimsQuery(Query):
    limit = Whole(
        min_value=1,
        max_value=MOST,
        required=False,
        help_text=f"How many claims on a page, {DEFAULT} if not said. A page may hold fewer.",
    )
    cursor = Cursor(
        max_length=CURSOR_LENGTH,
        required=False,
        help_text="The `next_cursor` of the page before. It is your own and never expires.",
    )
    category = CategoryCode(choices=[], required=False, help_text="Only claims in this category.")
    region = OneOf(choices=[], required=False, help_text="Only claims about damage in this region.")
    state = OneOf(choices=OPEN_STATES, required=False, help_text="Only claims in this state.")
    after_number = ClaimNumber(
        required=False,
        help_text="With `application/x-ndjson` only: resume after the claim of this number.",
    )
    end = OneOf(
        choices=["1"],
        required=False,
        help_text='With `application/x-ndjson` only: add a last line `{"type": "end", "count": n}`.',
    )

    STREAM = ("after_number", "end")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["category"].choices = list(Category.objects.public().values_list("code", flat=True))
        fields["region"].choices = [region.code for region in mandates.current().regions]
        return dict(fields)


class ChangesQuery(Query):
    after = Whole(
        min_value=-1,
        max_value=LARGEST_INDEX,
        required=False,
        help_text=(
            "Changes whose index is larger: the header `Ledger-Index` of your pull, then the `next_after` of "
            "each answer. Without it, from the beginning."
        ),
    )
    limit = Whole(
        min_value=1,
        max_value=MOST,
        required=False,
        help_text=f"How many changes, {DEFAULT} if not said. An answer may hold fewer.",
    )


# --- What goes out ---


class InTwoLanguages(serializers.Serializer):
    uk = serializers.CharField()
    en = serializers.CharField()


class CategoryLine(serializers.Serializer):
    code = serializers.CharField()
    version = serializers.IntegerField(help_text="The newest wording of its questions.")
    status = serializers.ChoiceField(choices=["open", "suspended", "closed"])
    group = serializers.CharField()
    title = InTwoLanguages()
    claimants = serializers.ListField(child=serializers.CharField(), help_text="Who can claim.")
    sensitive = serializers.BooleanField(
        help_text="Its claims reach only partners whose agreement names the category."
    )
    url = serializers.CharField()


class Categories(serializers.Serializer):
    results = CategoryLine(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Always null: all stand on one page.")


class EvidenceType(serializers.Serializer):
    id = serializers.CharField()
    name = InTwoLanguages()
    hint = InTwoLanguages(required=False)


class Page(serializers.Serializer):
    id = serializers.CharField()
    claimants = serializers.ListField(child=serializers.CharField(), help_text="Who is asked this page.")
    title = InTwoLanguages()
    intro = InTwoLanguages(required=False)
    questions = serializers.ListField(
        child=serializers.DictField(), help_text="Each with `id`, `type`, `ask` and what its type needs."
    )


class WholeCategory(CategoryLine):
    summary = InTwoLanguages()
    pages = Page(many=True)
    evidence_types = EvidenceType(many=True)
    schemas = serializers.DictField(
        child=serializers.DictField(), help_text="By kind of claimant: the JSON Schema of all answers."
    )
    answers_schema = serializers.DictField(help_text="The schema of the first kind of claimant.")


class SensitiveFigures(serializers.Serializer):
    publication = serializers.DateField(help_text="The day as of which they are.")
    ledger_index = serializers.IntegerField()


class StateFigures(serializers.Serializer):
    state = serializers.ChoiceField(choices=OPEN_STATES)
    claims = serializers.IntegerField()


class CategoryFigures(serializers.Serializer):
    category = serializers.CharField()
    sensitive = serializers.BooleanField(help_text="Its figures change once a month.")
    submitted = serializers.IntegerField()
    recorded = serializers.IntegerField()


class RegionFigures(serializers.Serializer):
    region = serializers.CharField(
        allow_null=True, help_text="ISO 3166-2; null: at sea, abroad or not stated."
    )
    submitted = serializers.IntegerField()
    recorded = serializers.IntegerField()


class MonthFigures(serializers.Serializer):
    month = serializers.CharField(help_text="Like `2026-03`, by the clocks of the mandate’s country.")
    submitted = serializers.IntegerField(help_text="Claims submitted for the first time.")
    recorded = serializers.IntegerField()


class Statistics(serializers.Serializer):
    publication = serializers.DateField(help_text="The day as of which the figures are.")
    made_at = serializers.DateTimeField()
    ledger_index = serializers.IntegerField(help_text="The last entry of the ledger that was counted.")
    rounded_to = serializers.IntegerField(
        help_text="Every figure is rounded to the nearest multiple of this."
    )
    sensitive = SensitiveFigures(help_text="As of when the sensitive categories are counted.")
    submitted = serializers.IntegerField(help_text="All claims ever submitted.")
    states = StateFigures(many=True, help_text="Where they stand.")
    categories = CategoryFigures(many=True)
    regions = RegionFigures(many=True, help_text="Without sensitive categories.")
    months = MonthFigures(many=True, help_text="From the first month that has a figure, without a gap.")


class Outcome(serializers.Serializer):
    outcome = serializers.ChoiceField(
        choices=["recorded", "rejected_without_prejudice", "rejected_with_prejudice"]
    )
    rule = serializers.CharField(help_text="The rule that the Board applied.")
    decided_on = serializers.DateField(help_text="The day of the Board’s session.")
    reason = serializers.CharField(allow_null=True, help_text="Null once erased.")
    salt = serializers.CharField(allow_null=True, help_text="Hex; null once erased.")
    digest = serializers.CharField(help_text="SHA-256 of salt and reason, in hex.")


class Claim(serializers.Serializer):
    number = serializers.CharField()
    category = serializers.CharField()
    category_version = serializers.IntegerField()
    claimant_kind = serializers.ChoiceField(choices=[kind.value for kind in mandates.ClaimantKind])
    region = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=OPEN_STATES)
    submitted_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField(help_text="The newest version; older ones are not sent.")
    version_digest = serializers.CharField(help_text="SHA-256 of the manifest, in hex, as in the ledger.")
    made_at = serializers.DateTimeField(help_text="When this version was submitted.")
    assurance = serializers.ChoiceField(choices=Assurance.values)
    signature = serializers.ChoiceField(choices=Signature.values)
    outcome = Outcome(allow_null=True, help_text="The Board’s newest decision, if there is one.")
    erased = serializers.BooleanField(
        help_text="Whether a section that the agreement grants was erased: then it is null."
    )
    sections = serializers.DictField(
        child=serializers.JSONField(),
        help_text="The sections that the agreement grants, as they were hashed. Null once erased.",
    )
    salts = serializers.DictField(
        child=serializers.CharField(allow_null=True), help_text="The salt of each of these sections, in hex."
    )
    manifest = serializers.DictField(help_text="What `version_digest` stands for: all sections’ digests.")


class Claims(serializers.Serializer):
    results = Claim(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


class Change(serializers.Serializer):
    index = serializers.IntegerField(help_text="Its place in the ledger.")
    at = serializers.DateTimeField()
    type = serializers.ChoiceField(
        choices=["claim", "gone", "agreement", "category"],
        help_text=(
            "`claim`: fetch that claim again. `gone`: forget it. `agreement`: your terms were changed. "
            "`category`: a category became sensitive or is no longer."
        ),
    )
    number = serializers.CharField(required=False, help_text="Of `claim` and `gone`.")
    kind = serializers.CharField(required=False, help_text="Of `claim`: what happened.")
    category = serializers.CharField(required=False, help_text="Of `claim` and `category`.")
    region = serializers.CharField(required=False, allow_null=True, help_text="Of `claim`.")
    state = serializers.ChoiceField(
        choices=OPEN_STATES, required=False, help_text="Of `claim`: the state since then."
    )
    version_digest = serializers.CharField(required=False, allow_null=True, help_text="Of `claim`.")
    facts = serializers.DictField(
        required=False,
        help_text="Of `claim`: what the ledger says of it, as far as the agreement's sections go.",
    )
    version = serializers.IntegerField(required=False, help_text="Of `agreement`: its number.")
    widened = serializers.BooleanField(required=False, help_text="Of `agreement`.")
    narrowed = serializers.BooleanField(required=False, help_text="Of `agreement`.")
    terms = serializers.DictField(required=False, help_text="Of `agreement`: all of its terms.")
    action = serializers.ChoiceField(
        choices=["drop", "pull again", "drop and pull again"],
        required=False,
        help_text=(
            "Of `agreement` and `category`. `drop`: forget every claim and section that is not covered now "
            "(category, region and state stand in each claim). `pull again`: there is more to see."
        ),
    )


class Changes(serializers.Serializer):
    results = Change(many=True, help_text="In the order of the ledger.")
    next_after = serializers.IntegerField(help_text="Ask with this next, for ever.")


@extend_schema_field({"type": "string", "minLength": 1, "pattern": "^[^\\u0000]+$"})
class Sent(serializers.CharField):
    """A text in a form. Empty is as if it were not sent."""


class TokenForm(serializers.Serializer):
    grant_type = serializers.ChoiceField(choices=["client_credentials"])
    scope = Sent(required=False, help_text="Separated by spaces. None asked, none given.")
    client_id = Sent(required=False, help_text="If you do not use HTTP Basic.")
    client_secret = Sent(required=False, help_text="If you do not use HTTP Basic.")


class IssuedToken(serializers.Serializer):
    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds.")
    scope = serializers.CharField(allow_blank=True)


class RevokeForm(serializers.Serializer):
    token = Sent()
    token_type_hint = Sent(required=False)
    client_id = Sent(required=False, help_text="If you do not use HTTP Basic.")
    client_secret = Sent(required=False, help_text="If you do not use HTTP Basic.")


class OAuthError(serializers.Serializer):
    error = serializers.CharField()
    error_description = serializers.CharField(required=False)


# --- The description of each address ---

FORM = "application/x-www-form-urlencoded"
NDJSON = "application/x-ndjson"
REFUSALS: Mapping[int, Any] = {
    400: OpenApiResponse(OAuthError, "The request is malformed (RFC 6749, 5.2)."),
    401: OpenApiResponse(OAuthError, "The client’s id or secret is wrong, or the partner is suspended."),
    429: OpenApiResponse(OAuthError, "Too many failed attempts: wait for as long as Retry-After says."),
}
NOT_CHANGED: Mapping[int, Any] = {304: OpenApiResponse(description="Not changed since.")}
LEDGER_INDEX = OpenApiParameter(
    "Ledger-Index",
    OpenApiTypes.INT64,
    OpenApiParameter.HEADER,
    description="Follow changes from here: nothing that happened later is missing from them.",
    response=[200],
)
TOKEN: dict[str, Any] = {
    "operation_id": "get_token",
    "summary": "Get an access token",
    "description": (
        "Client credentials (RFC 6749, 4.4). The client proves itself by HTTP Basic or in the body. Only the "
        "scopes that you name are in the token. It lives for one hour; then ask for another."
    ),
    "tags": ["Access"],
    "auth": [{"client": []}, {}],
    "request": {FORM: TokenForm},
    "responses": {200: OpenApiResponse(IssuedToken, "The token."), **REFUSALS},
}
REVOKE: dict[str, Any] = {
    "operation_id": "revoke_token",
    "summary": "Take an access token back",
    "description": "RFC 7009. The answer is the same whether the token was valid or not.",
    "tags": ["Access"],
    "auth": [{"client": []}, {}],
    "request": {FORM: RevokeForm},
    "responses": {200: OpenApiResponse(description="The token is void now."), **REFUSALS},
}
CATEGORIES: dict[str, Any] = {
    "operation_id": "list_categories",
    "summary": "The categories of damage",
    "description": "Public. Carries an ETag: ask with If-None-Match.",
    "tags": ["Categories"],
    "responses": {200: OpenApiResponse(Categories, "All of them."), **NOT_CHANGED},
}
CATEGORY: dict[str, Any] = {
    "operation_id": "get_category",
    "summary": "One category with its questions and their JSON Schema",
    "description": (
        "Public: the newest wording in both languages, and for each kind of claimant the JSON Schema "
        "(2020-12) of the answers."
    ),
    "tags": ["Categories"],
    "responses": {200: OpenApiResponse(WholeCategory, "The category."), **NOT_CHANGED},
}
STATISTICS: dict[str, Any] = {
    "operation_id": "get_statistics",
    "summary": "How many claims there are, by state, category, region and month",
    "description": (
        "Public, and the same for everybody. Published once a week; each figure is rounded by itself, so a "
        "total can differ from the sum of its parts. Sensitive categories are counted nationwide only and "
        "change once a month. Carries an ETag: ask with If-None-Match."
    ),
    "tags": ["Statistics"],
    "responses": {200: OpenApiResponse(Statistics, "The newest publication."), **NOT_CHANGED},
}
CLAIMS: dict[str, Any] = {
    "operation_id": "list_claims",
    "summary": "The claims that the agreement covers",
    "description": (
        "In the order of their numbers. As `application/json` page by page: go on with `next_cursor` until "
        "it is null. As `application/x-ndjson` all of them in one answer, a claim a line; if it breaks off, "
        "resume with `after_number`. Then follow `changes` from the `Ledger-Index` of your first answer."
    ),
    "tags": ["Claims"],
    "parameters": [ClaimsQuery, LEDGER_INDEX],
    "responses": {
        (200, "application/json"): OpenApiResponse(Claims, "A page, or with NDJSON all of them."),
        (200, NDJSON): OpenApiTypes.STR,
    },
}
CLAIM: dict[str, Any] = {
    "operation_id": "get_claim",
    "summary": "One claim",
    "tags": ["Claims"],
    "responses": {200: OpenApiResponse(Claim, "The claim.")},
}
EVIDENCE: dict[str, Any] = {
    "operation_id": "get_evidence",
    "summary": "One piece of evidence, byte for byte as it was received",
    "description": (
        "Files are listed in the section `evidence` of the claim, with their digests. Only those of the "
        "claim’s newest version can be fetched, and only if the agreement includes evidence. Each fetch is "
        "written down."
    ),
    "tags": ["Claims"],
    "responses": {
        (200, media): OpenApiResponse(OpenApiTypes.BINARY, "The file.")
        for media in ("application/pdf", "image/jpeg", "image/png", "text/plain")
    },
}
CHANGES: dict[str, Any] = {
    "operation_id": "list_changes",
    "summary": "What happened since",
    "description": (
        "In the order of the ledger, nothing left out and nothing twice. A claim that leaves the agreement "
        "comes once more as `gone`. When the agreement itself changes, `action` says what to do."
    ),
    "tags": ["Claims"],
    "parameters": [ChangesQuery],
    "responses": {200: OpenApiResponse(Changes, "The next changes, or none.")},
}
SCHEMA: dict[str, Any] = {
    "operation_id": "get_schema",
    "summary": "This description, as OpenAPI 3.1",
    "tags": ["Description"],
    "responses": {200: OpenApiResponse(OpenApiTypes.OBJECT, "The description.")},
}
