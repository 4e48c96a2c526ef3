"""The description of the API as a page of ours: readable without a script, by anybody."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt

from partners import scopes
from partners.api import problems, schema

SHOWN = (
    "Claim",
    "Outcome",
    "Change",
    "CategoryLine",
    "WholeCategory",
    "Page",
    "Statistics",
    "InclusionProof",
    "ConsistencyProof",
    "LedgerEntry",
    "Problem",
    "Error",
)
JSON_SCHEMA_TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}


@csrf_exempt  # it changes nothing, and refuses every method that could, with a problem instead of a page
def page(request: HttpRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return problems.response(
            problems.METHOD, "This address does not take that method.", headers={"Allow": "GET, HEAD"}
        )
    described = schema.document()
    context = {
        "groups": list(_groups(described)),
        "objects": [_object(name, described["components"]["schemas"][name]) for name in SHOWN],
        "scopes": scopes.SENTENCES.items(),
        "problems": problems.KINDS,
    }
    return render(request, "partners/docs.html", context)


def _groups(described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Operations by tag, in the order of the description."""
    for tag in described["tags"]:
        yield {
            "name": tag["name"],
            "description": tag["description"],
            "operations": [
                _operation(method, path, operation, described["components"]["schemas"])
                for path, operations in described["paths"].items()
                for method, operation in operations.items()
                if tag["name"] in operation["tags"]
            ],
        }


def _operation(
    method: str, path: str, operation: Mapping[str, Any], objects: Mapping[str, Any]
) -> dict[str, Any]:
    ways = operation.get("security", [])
    return {
        "id": operation["operationId"],
        "call": f"{method.upper()} {path}",
        "summary": operation["summary"],
        "description": _marked(operation.get("description", "")),
        "scopes": [name for way in ways for name in way.get(schema.OAUTH, ())],
        "parameters": [*_parameters(operation), *_form(operation, objects)],
        "answers": [
            {
                "status": status,
                "description": answer.get("description", ""),
                "forms": [
                    (media, _type(form["schema"])) for media, form in answer.get("content", {}).items()
                ],
            }
            for status, answer in sorted(operation["responses"].items())
            if problems.MEDIA_TYPE not in answer.get("content", {})
        ],
        "problems": [
            kind
            for kind in problems.KINDS
            if problems.MEDIA_TYPE in operation["responses"].get(str(kind.status), {}).get("content", {})
        ],
    }


def _parameters(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for parameter in operation.get("parameters", ()):
        yield {
            "name": parameter["name"],
            "place": parameter["in"],
            "required": parameter.get("required", False),
            "type": _type(parameter["schema"]),
            "description": _marked(parameter.get("description", "")),
        }


def _form(operation: Mapping[str, Any], objects: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of a body, if the operation takes one."""
    for form in operation.get("requestBody", {}).get("content", {}).values():
        name = form["schema"]["$ref"].rpartition("/")[2]
        for field in _object(name, objects[name])["fields"]:
            yield {**field, "place": "form"}


def _object(name: str, described: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "fields": [
            {
                "name": field,
                "type": _type(told),
                "required": field in described.get("required", ()),
                "description": _marked(told.get("description", "")),
            }
            for field, told in described["properties"].items()
        ],
    }


def _type(told: Mapping[str, Any]) -> str:
    """What a value looks like, in a few words, with a link to what is described on this page."""
    if "$ref" in told:
        name = told["$ref"].rpartition("/")[2]
        return format_html('<a href="#object-{}">{}</a>', name, name) if name in SHOWN else str(name)
    if several := told.get("oneOf") or told.get("allOf") or told.get("anyOf"):
        return format_html_join(" or ", "{}", ((_type(one),) for one in several))
    if "enum" in told:
        return format_html_join(", ", "<code>{}</code>", ((value,) for value in told["enum"]))
    if "const" in told:
        return format_html("<code>{}</code>", told["const"])
    kinds = told.get("type", "anything")
    if isinstance(kinds, list):
        return format_html_join(" or ", "{}", ((_type({**told, "type": kind}),) for kind in kinds))
    if kinds == "array":
        return format_html("list of {}", _type(told["items"]))
    if kinds == "object":
        return "object"
    return str(told.get("format") or JSON_SCHEMA_TYPES.get(kinds, kinds))


def _marked(text: str) -> SafeString:
    """Text in which `backticks` mark what is typed as it stands."""
    pieces = text.split("`")
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", piece) if n % 2 else piece,) for n, piece in enumerate(pieces)),
    )
