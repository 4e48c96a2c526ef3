"""An answer as a person types it into the boxes of a page: what a browser sends."""

from typing import Any

from claims.mandates import Page, Question, Type


def page(page: Page, answers: dict[str, Any]) -> dict[str, Any]:
    """The whole page; a question without an answer is left empty."""
    sent: dict[str, Any] = {}
    for question in page.questions:
        if question.id in answers:
            sent |= answer(question, answers[question.id])
    return sent


def answer(question: Question, answer: Any) -> dict[str, Any]:
    name = question.id
    if isinstance(answer, dict) and set(answer) == {"state"}:
        return {f"{name}__state": answer["state"]}
    match question.type:
        case Type.INTEGER:
            return {name: str(answer)}
        case Type.DECIMAL:
            return {name: answer.replace(".", ",")}
        case Type.MONEY:
            return {
                f"{name}_amount": answer["amount"].replace(".", ","),
                f"{name}_currency": answer["currency"],
            }
        case Type.DATE | Type.PARTIAL_DATE:
            return date(name, answer)
        case Type.PERIOD:
            ongoing = {f"{name}_ongoing": "on"} if answer.get("ongoing") else {}
            return {
                **date(f"{name}_start", answer["start"]),
                **date(f"{name}_end", answer.get("end", "")),
                **ongoing,
            }
        case Type.SETTLEMENT:
            return {
                f"{name}_name": answer.get("text") or answer["name"],
                f"{name}_code": answer.get("code", "-"),
            }
        case Type.ADDRESS | Type.PERSON:
            sent: dict[str, Any] = {}
            for part, text in answer.items():
                sent |= date(f"{name}_{part}", text) if part == "born" else {f"{name}_{part}": text}
            return sent
        case Type.LONG_TEXT:
            return {name: answer.replace("\n", "\r\n")}
    return {name: answer}


def date(name: str, partial: str) -> dict[str, Any]:
    year, month, day = (*partial.split("-"), "", "")[:3]
    return {f"{name}_day": day, f"{name}_month": month, f"{name}_year": year}


def item(question: Question, item: dict[str, Any]) -> dict[str, Any]:
    """One item of a repeated group."""
    sent: dict[str, Any] = {}
    for field in question.fields:
        if field.id in item:
            sent |= answer(field, item[field.id])
    return sent
