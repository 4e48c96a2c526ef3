"""One mandate question, four readings: form field, JSON Schema, check, words to show.

An answer is a JSON value (docs/api.md; rules.md 27):

    text, long_text     "…"                        integer        12
    decimal             "12.5"                     money          {"amount": "1234.50", "currency": "UAH"}
    choice, yes_no      "flat", "yes"              multiple       ["fire", "flood"]
    date                "2022-03-07"               partial_date   "2022", "2022-03" or "2022-03-07"
    period              {"start": …, "end": …}     fraction       "1/2"
    country             "UA"                       address        {"street": …, "building": …}
    settlement          {"code": …, "name": …} or {"text": "in their own words"}
    person              {"family_name": …, "given_name": …, "born": "1980-03"}
    group               [{field: answer}, …]
    any, unless required  {"state": "unknown" | "not_said" | "later"}
"""
