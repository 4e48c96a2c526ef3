"""The description of the API as OpenAPI 3.1, made from the views."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.urls import reverse
from django.utils.translation import override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from claims.models import Category
from partners import scopes
from partners.api.problems import INVALID, MEDIA_TYPE, NOT_ACCEPTABLE, NOT_FOUND, SCOPE, UNAUTHENTICATED, Kind

OAUTH, CLIENT = "oauth2", "client"
PROBLEMS: Mapping[str, Any] = {
    "Problem": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "description": "The kind of problem: an address that explains it."},
            "title": {"type": "string", "description": "The same for every problem of this kind."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "detail": {"type": "string", "description": "What is wrong this time, in English."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Error"}, "minItems": 1},
        },
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": False,
    },
    "Error": {
        "type": "object",
        "properties": {
            "detail": {"type": "string", "description": "What is wrong with it, in English."},
            "parameter": {"type": "string", "description": "The name of the parameter."},
        },
        "required": ["detail", "parameter"],
        "additionalProperties": False,
    },
}


def text() -> bytes:
    """The description. It names the categories that can be asked for, so a new one makes it anew."""
    return _text(tuple(Category.objects.public().values_list("code", flat=True)))


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text())
    return found


@lru_cache(maxsize=4)
def _text(codes: tuple[str, ...]) -> bytes:
    with override("en"):
        return json.dumps(
            SchemaGenerator().get_schema(request=None, public=True), ensure_ascii=False
        ).encode()


class BearerScheme(OpenApiAuthenticationExtension):
    """How partners.api.authentication.Bearer is described: where tokens come from, what each scope is for."""

    target_class = "partners.api.authentication.Bearer"
    name = OAUTH

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": reverse("partners:token"),
                    "scopes": {name: str(sentence) for name, sentence in scopes.SENTENCES.items()},
                }
            },
        }

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        return {OAUTH: [auto_schema.view.required_scope]}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """What the generator cannot know: the problems that each address may answer with."""
    components = result["components"]
    components["schemas"] |= PROBLEMS
    components["securitySchemes"][CLIENT] = {"type": "http", "scheme": "basic"}
    for path, operations in result["paths"].items():
        for operation in operations.values():
            answers = operation["responses"]
            secured = any(OAUTH in way for way in operation.get("security", ()))
            if CLIENT not in str(operation.get("security", "")):
                _add(answers, INVALID)
            _add(answers, NOT_ACCEPTABLE)
            if secured:
                _add(answers, UNAUTHENTICATED, SCOPE)
            if "{" in path or path in (reverse("partners:statistics"), reverse("partners:checkpoint")):
                _add(answers, NOT_FOUND)
    result["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    _without_marks(result)
    return result


def _without_marks(value: Any) -> None:
    """Takes out what the generator writes for its own later steps."""
    if isinstance(value, dict):
        value.pop("x-spec-enum-id", None)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _without_marks(inner)


def _add(answers: dict[str, Any], *kinds: Kind) -> None:
    for kind in kinds:
        answers[str(kind.status)] = {
            "description": kind.meaning,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


def in_order(endpoint: tuple[str, str, str, Any]) -> tuple[Any, ...]:
    """As somebody meets them: how to get in, what can be claimed, the claims, this description."""
    order: Mapping[str, int] = {
        "oauth": 0,
        "categories": 1,
        "statistics": 2,
        "claims": 3,
        "changes": 4,
        "ledger": 5,
    }
    path = endpoint[0]
    return (order.get(path.split("/")[3], 9), path)
