"""Answers as Hypothesis draws them: of every type, and what is nearly one."""

from hypothesis import strategies as st

from claims.answers import checking
from claims.mandates import Type


def pattern(expression):
    return st.from_regex(expression, fullmatch=True)


CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")
WORDS = st.text(CHARACTERS, min_size=1, max_size=20).filter(str.strip)
DAYS = st.dates(min_value=checking.date(1900, 1, 1), max_value=checking.date(2022, 12, 31))
PARTIAL = st.builds(lambda day, length: day.isoformat()[:length], DAYS, st.sampled_from([4, 7, 10]))
MONEY = st.fixed_dictionaries(
    {"amount": pattern(r"(0|[1-9][0-9]{0,14})\.[0-9]{2}"), "currency": st.sampled_from(["UAH", "EUR"])}
)
SMALL = st.integers(1, 999_999)
STATES = st.sampled_from([{"state": state} for state in ("unknown", "not_said", "later")])


def some(parts):
    return st.fixed_dictionaries({}, optional=parts).filter(bool)


def valid(question):
    options = st.sampled_from([o.id for o in question.options] or [""])
    value = {
        Type.TEXT: WORDS,
        Type.LONG_TEXT: WORDS,
        Type.INTEGER: st.integers(question.minimum or 0, question.maximum or 0),
        Type.DECIMAL: pattern(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,6})?"),
        Type.MONEY: MONEY,
        Type.CHOICE: options,
        Type.MULTIPLE_CHOICE: st.lists(options, min_size=1, unique=True),
        Type.YES_NO: st.sampled_from(["yes", "no"]),
        Type.DATE: DAYS.map(str),
        Type.PARTIAL_DATE: PARTIAL,
        Type.PERIOD: st.one_of(
            st.fixed_dictionaries({"start": PARTIAL}, optional={"ongoing": st.just(True)}),
            st.tuples(DAYS, DAYS).map(lambda days: {"start": str(min(days)), "end": str(max(days))}),
        ),
        Type.COUNTRY: st.sampled_from(["UA", "PL"]),
        Type.SETTLEMENT: st.one_of(
            st.fixed_dictionaries({"text": WORDS}),
            st.fixed_dictionaries({"code": WORDS}, optional={"name": WORDS}),
        ),
        Type.ADDRESS: some({part: WORDS for part in question.parts}),
        Type.PERSON: some({part: PARTIAL if part == "born" else WORDS for part in question.parts}),
        Type.FRACTION: st.tuples(SMALL, SMALL).map(lambda parts: f"{min(parts)}/{max(parts)}"),
        Type.GROUP: st.deferred(
            lambda: st.lists(some({f.id: valid(f) for f in question.fields}), min_size=1, max_size=3)
        ),
    }[question.type]
    if question.required and question.type is Type.PERSON:
        return value.filter(lambda person: "family_name" in person or "given_name" in person)
    return value if question.required else value | STATES


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


ODD = st.sampled_from(["", "\n", "\x00", "\ud800", " ", "0", "9", "-", ".", "٢", "²", "x" * 300])


@st.composite
def nearly(draw, values):
    """A value with one thing about it changed."""
    value = draw(values)
    if isinstance(value, dict):
        key = draw(st.sampled_from([*value, "state", "text", "code", "end", "ongoing", "colour"]))
        changed = draw(st.just(...) | ANY_JSON | nearly(st.just(value.get(key, ""))))
        return {k: v for k, v in {**value, key: changed}.items() if v is not ...}
    if isinstance(value, list):
        several = st.lists(nearly(st.just(value[0])), max_size=4)
        return draw(several | st.sampled_from([[], value + value, value[0]]))
    if isinstance(value, str):
        at = draw(st.integers(0, len(value)))
        return value[:at] + draw(ODD) + value[at + draw(st.integers(0, 1)) :]
    return draw(st.sampled_from([float(value), -value, value * 1000, str(value), value + 0.5, True, None]))
