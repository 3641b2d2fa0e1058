"""CLODURA_ANSWER_FIELDS: paths without code, what is refused, and the shapes of answers without their values."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clodura_pipeline.clodura.answers.fields import (
    PARTS,
    AnswerFields,
    BadAnswerFields,
    built_in_table,
    load_answer_fields,
)
from clodura_pipeline.clodura.answers.reader import AnswerReader, Found
from clodura_pipeline.errors import UnreadableAnswer

UNKNOWN = {"result": {"who": {"vn": "Ada", "job_x": {"text": "CTO"}, "wo": "London"}, "firm": [{"sign": "Engines"}]},
           "price": {"x": 2}}  # fmt: skip
MAPPING = """\
[person]
job_title = ["result.who.position", "result.who.job_x"]
city = "result.who.wo"
[organisation]
name = "result.firm[].sign"
[credits]
used = "price.x"
"""


@pytest.fixture
def mapped(tmp_path: Path) -> Any:
    def load(text: str) -> AnswerFields:
        path = tmp_path / "fields.toml"
        path.write_text(text, encoding="utf-8")
        return load_answer_fields(path)

    return load


def read(reader: AnswerReader, document: Any) -> Any:
    return reader.read(json.dumps(document).encode(), {})


def test_a_shape_that_no_table_knows_is_read_by_six_lines(mapped: Any) -> None:
    with pytest.raises(UnreadableAnswer):
        read(AnswerReader(), UNKNOWN)
    enrichment = read(AnswerReader(mapped(MAPPING)), UNKNOWN)
    assert (enrichment.found, enrichment.credits) == (Found.PERSON, 2)
    assert (enrichment.person.job_title, enrichment.person.city) == ("CTO", "London")
    assert enrichment.organisation.name == "Engines"
    assert [one.path for one in enrichment.unmapped] == ["result.who.vn"]


def test_the_same_file_reads_companies_and_misses(mapped: Any) -> None:
    reader = AnswerReader(mapped(MAPPING))
    company = {"result": {"who": None, "firm": [{"sign": "Engines"}]}, "price": {"x": 1}}
    assert (read(reader, company).found, read(reader, company).credits) == (Found.ORGANISATION, 1)
    miss = {"result": {"who": None, "firm": []}, "price": {"x": 0}}
    assert (read(reader, miss).found, read(reader, miss).credits) == (Found.NO_MATCH, 0)
    with pytest.raises(UnreadableAnswer):
        read(reader, {**company, "price": {"x": 2}})


def test_a_users_path_without_a_value_does_not_make_a_title_a_person(mapped: Any) -> None:
    reader = AnswerReader(mapped('[person]\ncity = "x"'))
    assert read(reader, {"jobTitle": "CTO", "x": "London"}).found is Found.PERSON
    with pytest.raises(UnreadableAnswer, match="without a name"):
        read(reader, {"jobTitle": "CTO", "x": None})


def test_a_users_path_comes_before_the_table(mapped: Any) -> None:
    answer = {"firstName": "Ada", "title": "Dr", "work": {"function": "CTO"}, "creditsUsed": 2, "billing": {"y": 0.5}}
    fields = mapped('[person]\njob_title = "work.function"\n[credits]\nused = "billing.y"')
    enrichment = read(AnswerReader(fields), answer)
    assert (enrichment.person.job_title, enrichment.credits) == ("CTO", 0.5)


@pytest.mark.parametrize(
    ("column", "field"),
    [("id", "clodura_person_id"), ("clodura_person_id", "clodura_person_id"), ("matched_last_name", "last_name")],
)
def test_columns_of_a_person_may_carry_their_prefix(mapped: Any, column: str, field: str) -> None:
    enrichment = read(AnswerReader(mapped(f'[person]\n{column} = "x"')), {"x": "7b"})
    assert getattr(enrichment.person, field) == "7b"


@pytest.mark.parametrize(
    "column", ["name", "organisation_name", "matched_organisation_name", "organisation_domain", "id"]
)
def test_columns_of_an_organisation_may_carry_their_prefix(mapped: Any, column: str) -> None:
    assert read(AnswerReader(mapped(f'[organisation]\n{column} = "x"')), {"x": "7b"}).found is Found.ORGANISATION


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[person]\njob_titel = "a.b"', 2, 'Did you mean "job_title"?'),
        ('[organisation]\n\ndomian = "a.b"', 3, 'Did you mean "domain"?'),
        ('[persons]\njob_title = "a"', 1, 'Did you mean "person"?'),
        ('[credits]\nspent = "a"', 2, "Expected one of used."),
        ("[person]\njob_title = 7", 2, "must be a path"),
        ('[person]\njob_title = ["a", 7]', 2, "must be a path"),
        ('[person]\njob_title = ""', 2, "must be a path"),
        ('[person]\njob_title = "a.b"\ncity = "a.b"', 3, "mapped to two columns"),
        ('[person]\njob_title = "a', 2, "not valid TOML"),
        ('job_title = "a"', 1, "no section"),
    ],
)
def test_a_bad_file_names_its_line_and_the_nearest_column(mapped: Any, text: str, line: int, said: str) -> None:
    with pytest.raises(BadAnswerFields) as caught:
        mapped(text)
    message = str(caught.value)
    assert f"line {line}" in message
    assert said in message
    assert "fields.toml" in message
    assert "CLODURA_ANSWER_FIELDS" in message


def test_a_missing_file_and_bad_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAnswerFields, match="cannot be read"):
        load_answer_fields(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'[person]\ncity = "\xe9"')
    with pytest.raises(BadAnswerFields, match="not valid"):
        load_answer_fields(tmp_path / "latin.toml")


def test_the_version_changes_with_the_table_and_the_file(mapped: Any) -> None:
    table = built_in_table()
    changed = {**table, "person": {**table["person"], "city": [*table["person"]["city"], "shire"]}}
    versions = {
        AnswerReader(fields).version for fields in (AnswerFields(table), AnswerFields(changed), mapped(MAPPING))
    }
    assert len(versions) == 3
    assert AnswerReader(AnswerFields(table)).version == AnswerReader().version


def test_a_shape_shows_names_types_and_columns_and_no_value() -> None:
    contact = {"firstName": "Ada", "email": "ada@x.example", "tags": ["a"], "city": None, "n": None}
    answer = {"data": [contact, {"firstName": "Bob"}],
              "Ada Byron": {"x": 1}, "creditsUsed": 2, "success": True}  # fmt: skip
    paths = AnswerReader().paths(json.dumps(answer).encode())
    assert [(one.path, one.value_type, one.filled, one.column) for one in paths] == [
        ("data[].firstName", "text", True, "matched_first_name"),
        ("data[].email", "text", True, "answer"),
        ("data[].tags", "list of text", True, "answer"),
        ("data[].city", "null", False, "city"),
        ("data[].n", "null", False, None),
        ("?.x", "number", True, None),
        ("creditsUsed", "number", True, "credits_charged"),
        ("success", "boolean", True, "envelope"),
    ]
    assert AnswerReader().paths(b"<html>") == ()


def test_each_field_has_the_column_that_shows_it() -> None:
    answer = {"person": {"personId": 1, "firstName": "Ada", "lastName": "Byron", "fullName": "Ada Byron",
                         "title": "CTO", "linkedin": "linkedin.com/in/ada", "location": "London, UK", "city": "London",
                         "email": "ada@engines.example"},
              "company": {"companyId": 2, "name": "Engines", "location": "Leeds, UK", "domain": "engines.example",
                          "fax": "+44 1"},
              "success": True, "karma": 7}  # fmt: skip
    assert [one.column for one in AnswerReader().paths(json.dumps(answer).encode())] == [
        "clodura_person_id", "matched_first_name", "matched_last_name", "matched_first_name, matched_last_name",
        "job_title", "matched_linkedin_url", "city, state, country", "city", "answer", "organisation_id",
        "matched_organisation_name", "organisation_city, organisation_state, organisation_country",
        "organisation_domain", "answer", "envelope", None,
    ]  # fmt: skip


WORDS = st.text(alphabet="bcdfghjklmnpqrstvwxz", min_size=4, max_size=9).map(lambda word: f"x{word}")
SPELLINGS = {part: {field: names for field, names in built_in_table()[part].items()
                    if field not in ("answer", "full_name", "location", "linkedin_url")} for part in PARTS}  # fmt: skip


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(WORDS, st.booleans()), max_size=6), st.data())
def test_wrapping_and_renaming_never_change_what_is_read(wrappers: list[tuple[str, bool]], data: st.DataObject) -> None:
    def spelt(part: str, field: str) -> str:
        name = data.draw(st.sampled_from(SPELLINGS[part].get(field) or SPELLINGS["person"][field]))
        style = data.draw(st.sampled_from(["_", " ", "-", "", "camel"]))
        words = name.split()
        return words[0] + "".join(w.title() for w in words[1:]) if style == "camel" else style.join(words)

    person = {"first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London", "country": "UK"}
    company = {"name": "Engines", "industry": "Software", "domain": "engines.example"}
    answer: Any = {
        "person": {spelt("person", field): value for field, value in person.items()},
        data.draw(st.sampled_from(["organisation", "company", "employer", "unternehmen"])): {
            spelt("organisation", field): value for field, value in company.items()
        },
    }
    for name, listed in wrappers:
        answer = {name: [answer] if listed else answer}
    enrichment = read(AnswerReader(), answer)
    assert {field: getattr(enrichment.person, field) for field in person} == person
    assert {field: getattr(enrichment.organisation, field) for field in company} == company


@settings(deadline=None, max_examples=80)
@given(st.sets(st.sampled_from([(part, field) for part in PARTS for field in SPELLINGS[part]])), st.booleans())
def test_with_less_knowledge_an_answer_is_unreadable_and_never_less_than_it_is(
    unknown: set[tuple[str, str]], stated: bool
) -> None:
    table = built_in_table()
    known = {**table} | {part: {f: n for f, n in table[part].items() if (part, f) not in unknown} for part in PARTS}
    known["person"] = {"city": [], "state": [], "country": [], **known["person"]}
    answer = {
        "xa": {"firstName": "Ada", "lastName": "Byron", "jobTitle": "CTO", "personCity": "London"},
        "xb": {"organisationName": "Engines", "industry": "Software", "revenue": "5M"},
    }
    try:
        enrichment = read(AnswerReader(AnswerFields(known)), {**answer, **({"creditsUsed": 2} if stated else {})})
    except UnreadableAnswer:
        return
    assert enrichment.found is Found.PERSON
    assert (
        enrichment.organisation.name == "Engines" or enrichment.organisation.industry or enrichment.organisation.revenue
    )
