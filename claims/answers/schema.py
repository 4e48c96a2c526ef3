"""A category's answers as JSON Schema 2020-12, for partners and for anybody's validator.

Says what claims.answers.checking does, but for what a schema cannot know: today's date, the calendar's
days and its first year, that a period ends after it starts, that a share is at most 1, the bounds of a
decimal, that 12.0 is not how we write 12, halves of surrogate pairs.
"""

from typing import Any

from claims import mandates
from claims.answers.checking import AMOUNT, DECIMAL, NAMES, SHORT, STATES, countries
from claims.answers.parsing import FRACTION, PARTIAL_DATE
from claims.mandates import Condition, FilingForm, Question, Type

Schema = dict[str, Any]

STATE: Schema = {
    "type": "object",
    "properties": {"state": {"enum": list(STATES)}},
    "required": ["state"],
    "additionalProperties": False,
}
NOT_BLANK = r"^\s*[^\s\u0000][^\u0000]*$"
END = r"$(?!\n)"  # where `$` alone also stands before a last line end, as in Python


def of_form(form: FilingForm) -> Schema:
    """The schema of the whole answers object."""
    questions = list(form.questions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {q.id: of_question(q) for q in questions},
        "required": [q.id for q in questions if q.required and not q.ask_if],
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"not": _holds(q.ask_if)},
                "then": {"properties": {q.id: False}},
                **({"else": {"required": [q.id]}} if q.required else {}),
            }
            for q in questions
            if q.ask_if
        ],
    }


def of_question(question: Question) -> Schema:
    value = _value(question)
    schema = value if question.required else {"anyOf": [value, STATE]}
    return {"title": question.ask.en, "x-title": {"uk": question.ask.uk, "en": question.ask.en}, **schema}


def _holds(condition: Condition) -> Schema:
    if condition.all:
        return {"allOf": [_holds(c) for c in condition.all]}
    if condition.any:
        return {"anyOf": [_holds(c) for c in condition.any]}
    values = list(condition.is_any)
    return {
        "properties": {
            condition.question: {"anyOf": [{"enum": values}, {"type": "array", "contains": {"enum": values}}]}
        },
        "required": [condition.question],
    }


def _pattern(expression: str) -> Schema:
    return {"type": "string", "pattern": f"^(?:{expression}){END}"}


def _short(limit: int = SHORT) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": limit, "pattern": NOT_BLANK}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
        "minProperties": 1,
    }


def _value(question: Question) -> Schema:
    partial = _pattern(PARTIAL_DATE.pattern)
    match question.type:
        case Type.TEXT | Type.LONG_TEXT:
            return _short(question.max_length)
        case Type.INTEGER:
            return {"type": "integer", "minimum": question.minimum, "maximum": question.maximum}
        case Type.DECIMAL:
            return _pattern(DECIMAL.pattern)
        case Type.MONEY:
            currency = {"enum": list(mandates.current().currencies)}
            return _object({"amount": _pattern(AMOUNT.pattern), "currency": currency}, ["amount", "currency"])
        case Type.CHOICE:
            return {"enum": [o.id for o in question.options], "x-labels": _labels(question)}
        case Type.MULTIPLE_CHOICE:
            return {
                "type": "array",
                "items": {"enum": [o.id for o in question.options]},
                "minItems": 1,
                "uniqueItems": True,
                "x-labels": _labels(question),
            }
        case Type.YES_NO:
            return {"enum": ["yes", "no"]}
        case Type.DATE:
            return {"format": "date", **_pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}")}
        case Type.PARTIAL_DATE:
            return partial
        case Type.PERIOD:
            return {
                **_object({"start": partial, "end": partial, "ongoing": {"const": True}}, ["start"]),
                "not": {"required": ["end", "ongoing"]},
            }
        case Type.COUNTRY:
            return {"enum": sorted(countries("en"))}
        case Type.SETTLEMENT:
            return {
                "oneOf": [
                    _object({"text": _short()}, ["text"]),
                    _object({"code": _short(), "name": _short()}, ["code"]),
                ]
            }
        case Type.ADDRESS | Type.PERSON:
            parts = _object({part: partial if part == "born" else _short() for part in question.parts})
            if question.type is Type.PERSON and question.required:
                parts["anyOf"] = [{"required": [part]} for part in NAMES]
            return parts
        case Type.FRACTION:
            return _pattern(FRACTION.pattern)
        case Type.GROUP:
            return {
                "type": "array",
                "items": _object({f.id: of_question(f) for f in question.fields}),
                "minItems": 1,
                "maxItems": question.max_items,
            }


def _labels(question: Question) -> Schema:
    return {o.id: {"uk": o.label.uk, "en": o.label.en} for o in question.options}
