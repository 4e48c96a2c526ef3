"""A mandate folder is checked as a whole: each mistake is said with file, key and what was expected."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from claims import catalogue, mandates
from claims.mandates import MandateError
from claims.models import Category, CategoryVersion, MandateVersion, Place
from ledger.models import Entry
from tests import make

SAMPLE = Path(__file__).parent / "sample_mandate"
S1 = "categories/S1.toml"
INDIVIDUAL = "claimants/individual.toml"


class Folder:
    """A copy of the sample mandate, to be spoiled."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(SAMPLE, root)

    def change(self, file, old, new):
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1))

    def load(self):
        return mandates.load_folder(self.root)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "mandate")


def test_the_sample_is_without_mistake(folder):
    assert list(folder.load().categories) == ["S1"]


@pytest.mark.parametrize(
    ("file", "old", "new", "mistake"),
    [
        # keys
        (
            S1,
            'group = "S"',
            'group = "S"\ncolour = 1',
            "colour: expected nothing: this key is not known here",
        ),
        ("mandate.toml", "[evidence]", "[evidence]\nmax = 1", "evidence.max: expected nothing"),
        (
            "mandate.toml",
            'media_types = ["application/pdf"]',
            'media_types = ["application/pdf", "image/svg+xml"]',
            "evidence.media_types: expected kinds of evidence that we know, found ['image/svg+xml']",
        ),
        (
            "mandate.toml",
            'media_types = ["application/pdf"]',
            'media_types = ["application/pdf"]\nmax_file_bytes_of = { film = 1 }',
            "evidence.max_file_bytes_of.film: expected nothing: this key is not known here",
        ),
        (
            "mandate.toml",
            'media_types = ["application/pdf"]',
            'media_types = ["application/pdf"]\nmax_file_bytes_of = { video = "1 GB" }',
            "evidence.max_file_bytes_of.video: expected a whole number, found '1 GB'",
        ),
        (
            S1,
            "max_length = 20",
            "maximum = 20",
            "pages[1].(colour).questions[0].(colour).maximum: expected nothing",
        ),
        (
            S1,
            'is = "car"',
            'equals = "car"',
            "ask_if.is_any: expected a list of strings, but the key is missing",
        ),
        (S1, "summary = ", "summry = ", "summary: expected a text in uk and en, but the key is missing"),
        (
            "mandate.toml",
            "[declaration]",
            "[declaraton]",
            "declaration: expected a table, but the key is missing",
        ),
        # types of values
        (S1, "version = 1", 'version = "1"', "version: expected a whole number, found '1'"),
        (S1, "version = 1", "version = true", "version: expected a whole number, found True"),
        (S1, "version = 1", "version = 0", "version: expected a number from 1"),
        (
            S1,
            'title = { uk = "Зразкова категорія", en = "Sample category" }',
            'title = "Зразок"',
            "title: expected a table",
        ),
        (S1, 'en = "Sample category"', "en = 1", "title.en: expected a string, found 1"),
        (S1, 'en = "Sample category"', 'en = " "', "title.en: expected some text, found nothing"),
        (S1, 'uk = "Зразкова категорія", ', "", "title.uk: expected a string, but the key is missing"),
        (S1, 'claimants = ["individual"]', "claimants = 5", "claimants: expected a list of strings, found 5"),
        (S1, 'claimants = ["individual"]', "claimants = [5]", "claimants: expected a list of strings"),
        (
            "mandate.toml",
            "first_day = 2022-02-24",
            'first_day = "2022-02-24"',
            "first_day: expected a date like 2022-02-24",
        ),
        # names
        (S1, 'type = "yes_no"', 'type = "boolean"', "(insured).type: expected one of text, long_text,"),
        (
            S1,
            'status = "open"',
            'status = "opened"',
            "status: expected one of draft, open, suspended, closed, found 'opened'",
        ),
        (S1, 'id = "rooms"', 'id = "Rooms"', "id: expected small Latin letters, digits and _, found 'Rooms'"),
        (S1, 'id = "rooms"', 'id = "кімнати"', "id: expected small Latin letters"),
        (S1, 'id = "rooms"', f'id = "{"r" * 41}"', "id: expected at most 40 characters"),
        (S1, 'feeds = "amount"', 'feeds = "sum"', "(loss).feeds: expected one of claimant.name,"),
        (
            S1,
            'feeds = "amount"',
            'feeds = "place"',
            "(loss).feeds: expected place on a question of type settlement",
        ),
        (S1, 'section = "loss"', 'section = "losses"', "(loss).section: expected one of claimant, contact,"),
        (
            S1,
            'claimants = ["individual"]',
            'claimants = ["individual", "firm"]',
            "claimants: expected some of individual, legal_entity, state_body, found ['individual', 'firm']",
        ),
        (S1, 'claimants = ["individual"]', "claimants = []", "claimants: expected some of individual,"),
        (
            S1,
            'claimants = ["individual"]',
            'claimants = ["state_body"]',
            "claimants: expected a file claimants/state_body.toml for state_body",
        ),
        (S1, 'code = "S1"', 'code = "S2"', "code: expected 'S1', as the file is named"),
        (
            INDIVIDUAL,
            'kind = "individual"',
            'kind = "state_body"',
            "kind: expected 'individual', as the file is named",
        ),
        (S1, 'group = "S"', 'group = "T"', "group: expected a code of [[groups]] in mandate.toml"),
        (
            S1,
            'test = "in_territory"',
            'test = "here"',
            "checklist (place): test: expected one of in_territory",
        ),
        (
            S1,
            'id = "kind"\npart = "what"',
            'id = "kind"\npart = "why"',
            "page kind: part: expected one of you, what, last",
        ),
        # twice the same
        (
            S1,
            'id = "rooms"',
            'id = "area_m2"',
            "questions: expected each name once, but 'area_m2' comes twice",
        ),
        (S1, 'id = "rooms"', 'id = "story"', "question story: expected a name used once"),
        (S1, 'id = "rooms"', 'id = "full_name"', "question full_name: expected a name used once"),
        (
            S1,
            'id = "policy"\npart',
            'id = "story"\npart',
            "pages: expected each name once, but 'story' comes twice",
        ),
        (S1, 'id = "policy"\npart', 'id = "name"\npart', "name: expected a name used once"),
        (S1, 'id = "car"', 'id = "house"', "options: expected each name once, but 'house' comes twice"),
        # conditions
        (
            S1,
            'question = "kind", is',
            'question = "policy", is',
            "question colour: ask_if: expected a question of an earlier page, found 'policy'",
        ),
        (
            S1,
            'question = "insurer", is',
            'question = "colour", is',
            "question policy: ask_if: expected colour to be a choice or yes/no question",
        ),
        (
            S1,
            '{ question = "insurer", is = "private" }',
            '{ question = "insurer", is = "pirate" }',
            "question policy: ask_if: expected answers of insurer (private, state)",
        ),
        (
            S1,
            '{ question = "insured", is = "yes" }',
            '{ question = "insured", is = "true" }',
            "question insurer: ask_if: expected answers of insured (no, yes)",
        ),
        (
            S1,
            '[{ question = "kind", is_any = ["house", "car"] }, { question = "harm", is = "fire" }]',
            "[]",
            "any: expected at least one condition",
        ),
        (S1, 'is = "car"', 'is = "car", is_any = ["house"]', "ask_if.is_any: expected nothing"),
        # what a question may be
        (
            S1,
            '  { id = "private", uk = "Приватна компанія", en = "A private company" },\n',
            "",
            "(insurer).options: expected at least two options",
        ),
        (
            S1,
            'id = "colour"\ntype = "text"',
            'id = "colour"\nrequired = true\ntype = "text"',
            "(colour).required_reason: expected the reason why",
        ),
        (
            S1,
            '{ id = "vessel", uk',
            '{ id = "moon", uk',
            "(whereabouts).options: expected only territory, maritime_zone, vessel, aircraft, abroad",
        ),
        (
            S1,
            'feeds = "event_link"\nrequired = true',
            'feeds = "event_link"\nrequired = false',
            'question whereabouts: expected a required question with feeds = "event_link"',
        ),
        (
            S1,
            '{ question = "whereabouts", is = "abroad" }',
            '{ question = "whereabouts", is = "vessel" }',
            'question whereabouts: expected a required question with feeds = "event_link"',
        ),
        (
            S1,
            'id = "who"\ntype = "person"\nparts = ["family_name", "given_name"]',
            'id = "who"\ntype = "text"',
            "(others).fields: expected exactly one of type person",
        ),
        (S1, 'id = "payer"', 'id = "donor"', "(aid).fields: expected only"),
        (
            S1,
            'id = "payer"\ntype = "text"',
            'id = "payer"\ntype = "text"\nmax_length = 301',
            "max_length: expected at most 300",
        ),
        (
            S1,
            'id = "payer"\ntype = "text"',
            'id = "payer"\ntype = "text"\nrequired = true\nrequired_reason = "So."',
            "(payer).required: expected nothing: a field of a group has none",
        ),
        (
            S1,
            'id = "payer"\ntype = "text"',
            'id = "payer"\ntype = "text"\nask_if = { question = "kind", is = "car" }',
            "(payer).ask_if: expected nothing: a field of a group has none",
        ),
        (
            S1,
            'id = "payer"\ntype = "text"',
            'id = "payer"\ntype = "group"',
            "(payer).type: expected no group inside a group",
        ),
        (S1, 'role = "child"', f'role = "{"c" * 41}"', "role: expected at most 40 characters"),
        (
            INDIVIDUAL,
            'type = "person"',
            'type = "person"\nparts = ["nick"]',
            "(full_name).parts: expected only family_name,",
        ),
        (
            INDIVIDUAL,
            "required = true",
            "required = false",
            'expected a required question with feeds = "claimant.name"',
        ),
        (
            S1,
            'id = "policy"\npart',
            'id = "evidence"\npart',
            "page evidence: expected another name: every claim has such a step",
        ),
        (S1, 'id = "story"\ntype', 'id = "own_account"\ntype', "(own_account).id: expected another name"),
        (
            S1,
            'id = "story"\ntype',
            'id = "information_requests"\ntype',
            "(information_requests).id: expected another name",
        ),
        (
            S1,
            'id = "kind"\ntype = "choice"',
            'id = "kind"\ntype = "choice"\nfeeds = "submitting_as"',
            "(kind).options: expected one with the id self",
        ),
        # reasons
        (
            "mandate.toml",
            'id = "not_met"',
            'id = "met"',
            "reasons: expected each name once, but 'met' comes twice",
        ),
        (
            "mandate.toml",
            'leads_to = "eligible"',
            'leads_to = "recorded"',
            "reasons[0].leads_to: expected one of eligible, ineligible, found 'recorded'",
        ),
        (
            "mandate.toml",
            'title = { uk = "Виконано", en = "Met" }',
            'title = { uk = "Виконано" }',
            "reasons[0].title.en: expected a string, but the key is missing",
        ),
        (
            "mandate.toml",
            'told = { uk = "Заява відповідає критеріям.", en = "The claim meets the tests." }\n',
            "",
            "reasons[0].told: expected a text in uk and en, but the key is missing",
        ),
        (
            "mandate.toml",
            "with_prejudice = true",
            'with_prejudice = "yes"',
            "reasons[1].with_prejudice: expected true or false, found 'yes'",
        ),
        (
            "mandate.toml",
            'leads_to = "eligible"',
            'leads_to = "ineligible"',
            "reasons: expected at least one that leads to eligible",
        ),
        (
            "mandate.toml",
            'leads_to = "ineligible"\nwith_prejudice = true',
            'leads_to = "eligible"',
            "reasons: expected at least one that leads to ineligible",
        ),
        (
            "mandate.toml",
            'leads_to = "eligible"',
            'leads_to = "eligible"\nwith_prejudice = true',
            "reasons[0].with_prejudice: expected false where a reason leads to eligible",
        ),
        # the mandate itself
        (
            "mandate.toml",
            'number_prefix = "SA"',
            'number_prefix = "sa"',
            "number_prefix: expected capital Latin letters and digits",
        ),
        (
            "mandate.toml",
            '"Europe/Kyiv"',
            '"Europe/Irpin"',
            "time_zone: expected a time zone's name, found 'Europe/Irpin'",
        ),
        ("mandate.toml", '"Europe/Kyiv"', '"../kyiv"', "time_zone: expected a time zone's name"),
    ],
)
def test_a_mistake_is_said_with_file_key_and_what_was_expected(folder, file, old, new, mistake):
    folder.change(file, old, new)
    with pytest.raises(MandateError) as error:
        folder.load()
    assert str(error.value).startswith(f"{file}: ")
    assert mistake in str(error.value)


def test_a_family_of_kinds_may_have_a_limit_of_its_own_in_a_mandate(folder):
    pdf = 'media_types = ["application/pdf"]'
    folder.change("mandate.toml", pdf, f"{pdf}\nmax_file_bytes_of = {{ pdf = 2000, video = 3000 }}")
    assert folder.load().mandate.evidence.max_file_bytes_of == {"pdf": 2000, "video": 3000}


def test_a_reason_is_read_with_what_the_claimant_is_told(folder):
    mandate = folder.load().mandate
    assert [(r.id, r.leads_to, r.with_prejudice) for r in mandate.reasons] == [
        ("met", "eligible", False),
        ("not_met", "ineligible", True),
    ]
    assert mandate.reason("not_met").told.en == "The claim does not meet the tests."
    assert mandate.reason("no_such_reason") is None


def test_a_group_stands_alone_on_its_page(folder):
    folder.change(S1, '[[pages]]\nid = "aid"\npart = "what"\ntitle = { uk = "Допомога", en = "Aid" }\n', "")
    with pytest.raises(MandateError, match=r"\(child\)\.questions: expected a group alone on its page"):
        folder.load()


def test_a_file_that_is_no_toml_is_named(folder):
    folder.change(S1, "version = 1", "version = ")
    with pytest.raises(MandateError, match=r"^categories/S1\.toml: expected TOML in UTF-8: .*line 2"):
        folder.load()


def test_a_file_that_is_no_utf_8_is_named(folder):
    (folder.root / S1).write_bytes("Зразок".encode("cp1251"))
    with pytest.raises(MandateError, match=r"^categories/S1\.toml: expected TOML in UTF-8"):
        folder.load()


def test_a_folder_without_mandate_toml_is_none(tmp_path):
    with pytest.raises(MandateError, match=r"^mandate\.toml: expected this file in "):
        mandates.load_folder(tmp_path)


def test_a_folder_has_a_category(folder):
    (folder.root / S1).unlink()
    with pytest.raises(MandateError, match=r"^categories: expected at least one category"):
        folder.load()


# --- From the folder into the register ---


def versions():
    return list(CategoryVersion.objects.filter(category__code="S1").values_list("version", flat=True))


@pytest.mark.django_db
class TestLoading:
    def test_a_new_category_comes_with_its_first_version(self, folder):
        assert "S1 version 1" in catalogue.load(folder.load())
        category = Category.objects.get(code="S1")
        assert (category.state, category.title_en, category.newest.version) == ("open", "Sample category", 1)

    def test_each_new_version_is_entered_in_the_ledger(self, folder):
        catalogue.load(folder.load())
        entry = Entry.objects.filter(kind="category.version_loaded").latest("id")
        digest = CategoryVersion.objects.get(category__code="S1").digest
        assert f'"facts":{{"category":"S1","category_version":1,"digest":"{digest}"}}' in entry.body
        assert entry.is_open

    def test_loading_twice_changes_nothing(self, folder):
        catalogue.load(folder.load())
        before = (versions(), Entry.objects.count())
        assert catalogue.load(folder.load()) == []
        assert (versions(), Entry.objects.count()) == before

    def test_a_comment_is_no_change(self, folder):
        catalogue.load(folder.load())
        folder.change(S1, "version = 1", "# said again\nversion = 1")
        assert catalogue.load(folder.load()) == []

    @pytest.mark.parametrize(
        ("file", "old"), [(S1, "Every type of question."), (INDIVIDUAL, "What is your name?")]
    )
    def test_a_version_that_was_loaded_with_other_content_stops_the_load(self, folder, file, old):
        catalogue.load(folder.load())
        folder.change(file, old, "Something else.")
        with pytest.raises(MandateError, match=r"^categories/S1\.toml: version: expected a number above 1"):
            catalogue.load(folder.load())
        assert versions() == [1]

    def test_a_higher_version_is_taken_beside_the_one_before(self, folder):
        catalogue.load(folder.load())
        folder.change(S1, "version = 1", "version = 3")
        folder.change(S1, "Sample category", "Second sample")
        assert catalogue.load(folder.load()) == ["S1 version 3"]
        category = Category.objects.get(code="S1")
        assert versions() == [1, 3]
        assert (category.newest.version, category.title_en) == (3, "Second sample")

    def test_a_version_between_those_that_were_loaded_is_refused(self, folder):
        folder.change(S1, "version = 1", "version = 3")
        catalogue.load(folder.load())
        folder.change(S1, "version = 3", "version = 2")
        with pytest.raises(MandateError, match="expected a number above those loaded before"):
            catalogue.load(folder.load())

    def test_a_claimant_kind_is_not_dropped_because_there_may_be_drafts(self, folder):
        shutil.copy(folder.root / INDIVIDUAL, folder.root / "claimants/state_body.toml")
        folder.change("claimants/state_body.toml", 'kind = "individual"', 'kind = "state_body"')
        folder.change("claimants/state_body.toml", 'type = "person"', 'type = "text"')
        folder.change("claimants/state_body.toml", "claimant.name", "claimant.legal_name")
        folder.change(S1, '["individual"]', '["individual", "state_body"]')
        catalogue.load(folder.load())
        folder.change(S1, '["individual", "state_body"]', '["individual"]')
        folder.change(S1, "version = 1", "version = 2")
        with pytest.raises(MandateError, match="claimants: expected every kind of the version before"):
            catalogue.load(folder.load())

    def test_drafts_and_claims_become_as_sensitive_as_their_category(self, folder):
        catalogue.load(folder.load())
        Category.objects.filter(code="S1").update(state="open")
        claim = make.draft("S1")
        folder.change(S1, "version = 1", "version = 2\nsensitive = true")
        catalogue.load(folder.load())
        claim.refresh_from_db()
        assert claim.sensitive

    def test_claims_are_no_longer_sensitive_once_their_category_is_not(self, folder):
        folder.change(S1, "version = 1", "version = 1\nsensitive = true")
        catalogue.load(folder.load())
        Category.objects.filter(code="S1").update(state="open")
        claim = make.draft("S1")
        assert claim.sensitive
        folder.change(S1, "version = 1\nsensitive = true", "version = 2")
        catalogue.load(folder.load())
        claim.refresh_from_db()
        assert not claim.sensitive

    def test_each_wording_of_the_mandate_is_kept_and_entered_in_the_ledger(self, folder):
        news = catalogue.load(folder.load())
        digest = folder.load().mandate.digest
        assert news[0] == f"mandate.toml {digest[:12]}"
        content = MandateVersion.objects.get(digest=digest).content
        assert hashlib.sha256(content.encode()).hexdigest() == digest
        assert json.loads(content)["first_day"] == "2022-02-24"
        assert (
            f'"facts":{{"digest":"{digest}"}}'
            in Entry.objects.get(kind="mandate.loaded", body__contains=digest).body
        )

    @pytest.mark.parametrize(
        ("notice", "text"), [("privacy_notice", "Who sees this."), ("declaration", "All of it is true.")]
    )
    def test_a_notice_with_another_text_needs_another_version(self, folder, notice, text):
        catalogue.load(folder.load())
        folder.change("mandate.toml", text, "Something else.")
        with pytest.raises(
            MandateError, match=rf"^mandate\.toml: {notice}\.version: expected another one than '1'"
        ):
            catalogue.load(folder.load())
        folder.change("mandate.toml", f'[{notice}]\nversion = "1"', f'[{notice}]\nversion = "2"')
        assert len(catalogue.load(folder.load())) == 1

    def test_a_category_that_was_closed_stays_closed_when_a_version_is_loaded(self, folder):
        catalogue.load(folder.load())
        Category.objects.filter(code="S1").update(state="closed")
        folder.change(S1, "version = 1", "version = 2")
        catalogue.load(folder.load())
        assert Category.objects.get(code="S1").state == "closed"


# --- Places ---

HEADER = "code,kind,region,name_uk,name_en,parents_uk\n"


def load_places(folder, text):
    (folder.root / "places.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return catalogue.load_places(folder.root / "places.csv", {"UA-32"})


@pytest.mark.django_db
class TestPlaces:
    def test_places_are_brought_with_the_names_by_which_they_are_found(self, folder):
        assert load_places(folder, f"{HEADER}Z1,X,UA-32,Кам’янка Нова,Kamianka Nova,Бучанський район\n") == 1
        assert Place.objects.get(code="Z1").folded_uk == "камянка нова"

    def test_only_what_is_new_or_changed_is_written(self, folder):
        load_places(folder, f"{HEADER}Z1,X,UA-32,Нове,Nove,\nZ2,X,UA-32,Старе,Stare,\n")
        assert load_places(folder, f"{HEADER}Z1,X,UA-32,Новеньке,Novenke,\nZ2,X,UA-32,Старе,Stare,\n") == 1
        assert Place.objects.get(code="Z1").name_uk == "Новеньке"

    @pytest.mark.parametrize(
        ("text", "mistake"),
        [
            (
                f"{HEADER}Z1,X,UA-99,Нове,Nove,\n",
                "line 2: region: expected a code of [[regions]] in mandate.toml",
            ),
            ("code,name\nZ1,Нове\n", "header: expected code,kind,region,name_uk,name_en,parents_uk"),
            ("", "header: expected code,kind,region,name_uk,name_en,parents_uk"),
            (f"{HEADER}Z1,X,UA-32\n", "line 2: expected 6 values"),
            (f"{HEADER}Z1,X,UA-32,Нове,Nove,,\n", "line 2: expected 6 values"),
            (
                f"{HEADER}Z1,X,UA-32,Нове,Nove,\nZ1,X,UA-32,Нове,Nove,\n",
                "line 3: code: expected each code once",
            ),
            (HEADER.encode() + "Z1,X,UA-32,Нове,Nove,\n".encode("cp1251"), "expected UTF-8"),
        ],
    )
    def test_a_mistake_is_said_with_line_and_what_was_expected(self, folder, text, mistake):
        with pytest.raises(MandateError) as error:
            load_places(folder, text)
        assert str(error.value).startswith(f"places.csv: {mistake}")

    def test_a_folder_without_places_is_refused(self, folder):
        (folder.root / "places.csv").unlink()
        with pytest.raises(MandateError, match=r"^places\.csv: expected this file"):
            catalogue.load_places(folder.root / "places.csv", {"UA-32"})
