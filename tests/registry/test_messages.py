"""Every text of ours is there in Ukrainian, with the same placeholders."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from registry import messages
from registry.messages import Text


def catalogue(**strings: str) -> Catalog:
    made = Catalog(locale="uk")
    for text, translation in strings.items():
        made.add(text, translation)
    return made


def test_the_catalogue_is_complete():
    assert messages.problems(messages.read(messages.CATALOGUE), messages.used()) == []


def test_texts_are_found_in_code_and_templates():
    found = {(text.key[0], text.file.split("/")[0]) for text in messages.used()}
    assert ("There is no e-mail yet.", "templates") in found
    assert {folder for _, folder in found} >= {"templates", "claims", "accounts", "evidence"}


def test_a_text_without_translation_is_named_with_its_file():
    (problem,) = messages.problems(catalogue(), [Text("Amount", None, "claims/forms.py")])
    assert problem == "claims/forms.py: not translated: 'Amount'"


def test_a_translation_that_nothing_uses_is_named():
    assert messages.problems(catalogue(Amount="Сума"), []) == ["no longer used: 'Amount'"]


def test_a_text_used_elsewhere_is_not_called_unused():
    made = Catalog(locale="uk")
    made.add("Amount", "Сума", user_comments=["elsewhere: allauth"])
    assert messages.problems(made, []) == []


def test_placeholders_must_agree():
    made = Catalog(locale="uk")
    made.add("At most %(limit)s.", "Щонайбільше %(межа)s.")
    (problem,) = messages.problems(made, [Text("At most %(limit)s.", None, "a.py")])
    assert problem.startswith("placeholders differ")


def test_the_form_for_one_may_leave_the_number_out():
    made = Catalog(locale="uk")
    made.add(("%(n)s file", "%(n)s files"), ("один файл", "%(n)s файли", "%(n)s файлів"))
    assert messages.problems(made, [Text(("%(n)s file", "%(n)s files"), None, "a.py")]) == []


def test_every_plural_form_is_needed():
    made = Catalog(locale="uk")
    made.add(("%(n)s file", "%(n)s files"), ("%(n)s файл", "%(n)s файли", ""))
    (problem,) = messages.problems(made, [Text(("%(n)s file", "%(n)s files"), None, "a.py")])
    assert "not translated" in problem


def test_merging_keeps_what_is_there_and_reports_the_conflict():
    made = catalogue(Amount="Сума")
    conflicts = messages.merge(made, {"other.po": catalogue(Amount="Розмір", Date="Дата")})
    assert conflicts == ["other.po: 'Amount' is already 'Сума', not 'Розмір'"]
    assert (made["Amount"].string, made["Date"].string) == ("Сума", "Дата")


def test_a_written_catalogue_reads_back_and_does_not_change_by_itself(tmp_path: Path):
    first, second = tmp_path / "first.po", tmp_path / "second.po"
    texts = [Text("Amount", None, "claims/forms.py")]
    messages.write(catalogue(Amount="Сума"), first, texts)
    messages.write(messages.read(first), second, texts)
    assert first.read_bytes() == second.read_bytes()
    assert "#: claims/forms.py" in first.read_text()


def test_compiling_happens_only_when_the_source_is_newer(tmp_path: Path):
    file = tmp_path / "django.po"
    messages.write(catalogue(Amount="Сума"), file, [])
    assert messages.compile_catalogue(file)
    assert not messages.compile_catalogue(file)


@pytest.mark.parametrize(("count", "form"), [(1, 0), (3, 1), (5, 2), (11, 2), (21, 0), (22, 1)])
def test_ukrainian_has_three_plural_forms(tmp_path: Path, count: int, form: int):
    file = tmp_path / "django.po"
    messages.write(catalogue(Amount="Сума"), file, [])
    assert messages.read(file).num_plurals == 3
    expression = messages.HEADER.split("plural=(")[1].split(");")[0]
    as_python = "0 if n%10==1 and n%100!=11 else 1 if n%10>=2 and n%10<=4 and (n%100<10 or n%100>=20) else 2"
    assert expression.count("?") == 2
    assert eval(as_python, {"n": count}) == form  # noqa: S307
