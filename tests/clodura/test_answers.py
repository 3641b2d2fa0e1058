"""Reading a 200: every envelope, every way of saying no match, the cost, and UnreadableAnswer for all the rest."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clodura_pipeline.clodura.answers.reader import COST_CREDITS, AnswerReader, Found
from clodura_pipeline.errors import UnreadableAnswer

PERSON = {
    "personId": "p-1",
    "firstName": "Ada",
    "lastName": "Byron",
    "linkedinUrl": "https://www.linkedin.com/in/ada",
    "personTitle": "Head of Engines",
    "functional": ["Engineering", "Operations"],
    "seniority": "Head",
    "personCity": "London",
    "personState": None,
    "personCountry": "United Kingdom",
    "organisation": {"organisationId": 7, "organisationName": "Engines", "foundedYear": 1833.0},
}
COMPANY = {"organisation": {"organisationName": "Engines", "domain": "engines.example"}}
COMPANY_WITH_NULLS = {**dict.fromkeys(PERSON), **COMPANY}
NULLS = dict.fromkeys(PERSON)
ENVELOPES = {
    "object": lambda contact: contact,
    "data object": lambda contact: {"data": contact},
    "data list": lambda contact: {"data": [contact]},
    "data and success": lambda contact: {"success": True, "status": 200, "data": contact},
}
CONTENTS = {
    "person": (PERSON, Found.PERSON),
    "company alone": (COMPANY, Found.ORGANISATION),
    "company among nulls": (COMPANY_WITH_NULLS, Found.ORGANISATION),
    "nulls": (NULLS, Found.NO_MATCH),
    "empty": ({}, Found.NO_MATCH),
    "empty texts": (dict.fromkeys(PERSON, " "), Found.NO_MATCH),
    "empty lists and objects": ({"functional": [], "organisation": {"boardlineNumbers": [None]}}, Found.NO_MATCH),
}


READER = AnswerReader()


def read(document: Any, **sent: str) -> Any:
    return READER.read(json.dumps(document).encode(), sent)


def test_every_envelope_is_read_with_every_content() -> None:
    for content, (document, found) in CONTENTS.items():
        for envelope, wrap in ENVELOPES.items():
            enrichment = read(wrap(document))
            assert (enrichment.found, enrichment.credits) == (found, COST_CREDITS[found]), (content, envelope)


NO_MATCHES = [
    {}, {"data": None}, {"data": {}}, {"data": []}, {"data": [{}]}, {"data": [None]}, {"data": ""}, NULLS,
    {"data": NULLS}, {"data": [NULLS]}, {"creditsUsed": 0}, {"remainingCredits": 998}, {"data": {}, "creditsUsed": 0},
    [], [{}], [None],
    {"personId": float("nan")}, {"found": False}, {"people": [], "organisations": [], "pagination": {"page": 1}},
    {"data": None, "requestId": "r-1", "tookMs": 12}, {"message": "No enrichment data found"},
    {"title": "No match", "status": 404, "detail": "no contact found"}, {"person": None, "company": None},
    {"data": None, "message": "No enrichment data found"}, {"success": True, "data": None},
    {"statusCode": 404, "data": None}, {"creditUsage": {"used": 0, "remaining": 4}, **NULLS},
    {"data": {}, "error": False}, {"data": None, "error": "", "errorCode": 0}, {"data": None, "isError": "false"},
    {"data": {}, "message": "Contact could not be found"}, {"data": {}, "message": "No matching data"},
    {"data": [], "status": "not_found"}, {"data": {}, "meta": {"message": "No match", "status": "ok"}},
]  # fmt: skip


def test_every_way_of_saying_no_match_is_a_free_no_match() -> None:
    for document in NO_MATCHES:
        enrichment = read(document)
        assert (enrichment.found, enrichment.credits) == (Found.NO_MATCH, 0), document


NOT_UNDERSTOOD = [
    None, True, 0, "", "no match", {"success": False, "data": None}, {"error": "boom"},
    {"data": None, "error": {"code": 5}}, {"data": {}, "errors": ["x"]}, {"status": "error", "message": "m"},
    {"status": "error", "data": None}, {"data": None, "status": "FAILED"}, {"data": None, "statusCode": 429},
    {"data": [], "code": "500"}, {"status": 503, "data": {}},
    {"data": [PERSON, {**PERSON, "personId": "p-2"}]}, {"data": "Ada"},
    {"data": 7}, {"matches": []} | {"n": 1}, {"data": None, "status": "processing"}, {"state": "queued"},
    {"success": True},
    {"message": "Something went wrong"}, {"message": "Accepted"}, {"data": {"unknown": "shape"}},
    {"personTitle": "CTO", "organisation": {"name": "Engines"}}, {"personCity": "London"}, {"email": "ada@y.example"},
    {"data": {}, "errorMessage": "credit limit exceeded"}, {"data": {}, "errorCode": "RATE_LIMITED"},
    {"data": None, "status": "failure"}, {"data": [], "success": "false"}, {"data": None, "ok": False},
    {"data": None, "isError": True, "msg": "timeout"}, {"data": None, "meta": {"error": "upstream timeout"}},
    {"meta": {"error": "overloaded", "status": 500}}, {"usage": {"error": "x"}}, {"data": [{}], "has_errors": 1},
    {"credits": {"message": "insufficient"}}, {"data": {}, "message": "Internal server error"},
    {"data": {}, "detail": "Request timed out, try again"}, {"data": {}, "result": "failed"},
]  # fmt: skip


def test_what_is_not_understood_is_never_no_match() -> None:
    for document in NOT_UNDERSTOOD:
        with pytest.raises(UnreadableAnswer):
            pytest.fail(f"{document} was read as {read(document).found}")


@pytest.mark.parametrize("body", [b"", b" ", b"\x00", b"<html>", b"{", b'{"data": {}', b"\xff\xfe", b"{} {}", b"nil"])
def test_a_body_that_is_no_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        READER.read(body, {})


COST_STATEMENTS = [
    {"creditsUsed": 2}, {"creditUsed": 2}, {"credits_used": 2}, {"CREDITS-USED": "2"}, {"creditsCharged": 2.0},
    {"creditsConsumed": 2}, {"credits_deducted": 2}, {"creditsSpent": 2}, {"creditCost": 2}, {"costInCredits": 2},
    {"usedCredits": 2}, {"creditUsage": 2}, {"creditUsage": {"used": 2, "remaining": 98}}, {"usage": {"cost": 2}},
    {"creditUsageDetails": {"creditsUsed": 2}}, {"credits": {"charged": 2, "left": 8}}, {"meta": {"creditsUsed": 2}},
    {"meta": {"usage": {"consumed": 2}}}, {"creditDetails": [{"deducted": 2}]},
    {"remainingCredits": 5, "creditsUsed": 2},
]  # fmt: skip


def test_a_cost_is_read_under_every_name_we_know() -> None:
    for statement in COST_STATEMENTS:
        for envelope, wrap in ENVELOPES.items():
            for document in (wrap({**PERSON, **statement}), {**wrap(PERSON), **statement}):
                enrichment = read(document)
                stated = (enrichment.found, enrichment.stated_credits, enrichment.credits)
                assert stated == (Found.PERSON, 2, 2), (statement, envelope, document)


@pytest.mark.parametrize(
    "statement",
    [{"credits": 98}, {"remainingCredits": 98}, {"creditBalance": 98}, {"creditsUsed": None}, {"creditsUsed": "many"},
     {"creditsUsed": -1}, {"creditsUsed": True}, {"creditsUsed": float("nan")}, {"creditsUsed": float("inf")},
     {"cost": 2}, {"used": 2}, {"creditsUsed": [1, 2]},
     {"totalCreditsUsed": 98}, {"creditUsage": {"limit": 98}}, {"credits": {"total": 98}}],
    ids=lambda statement: json.dumps(statement)[:50],
)  # fmt: skip
def test_what_is_no_cost_is_worked_out_from_the_content(statement: dict[str, Any]) -> None:
    enrichment = read({**PERSON, **statement})
    assert (enrichment.stated_credits, enrichment.credits) == (None, 2)


def test_an_organisations_own_figures_are_no_cost() -> None:
    assert READER.stated_credits(json.dumps({"organisation": {"creditsUsed": 9}}).encode()) is None


def test_what_only_repeats_the_request_is_no_match() -> None:
    sent = {"firstName": "Ada", "lastName": "Byron", "linkedinUrl": "linkedin.com/in/ada", "email": "ada@x.example"}
    echo = {
        "firstName": "ADA",
        "lastName": "byron ",
        "linkedinUrl": "https://uk.linkedin.com/in/ada/",
        "personId": None,
    }
    company = read({**echo, **COMPANY}, **sent)
    assert (company.found, company.person.first_name) == (Found.ORGANISATION, None)
    assert read(echo, **sent).found is Found.NO_MATCH
    assert read({"fullName": "Ada Byron", "personTitle": None}, **sent).found is Found.NO_MATCH
    assert read({"query": "ada@x.example", "input": sent, "result": []}, **sent).found is Found.NO_MATCH
    assert read({**echo, "creditsUsed": 2}, **sent).found is Found.PERSON
    assert read({**echo, "lastName": "King"}, **sent).found is Found.PERSON
    assert read({**echo, "jobTitle": "CTO"}, **sent).person.first_name == "ADA"


def test_an_echo_beside_the_contact_does_not_contradict_it() -> None:
    sent = {"firstName": "Ada", "lastName": "Byron"}
    answer = {"request": sent, **sent, "result": {"firstName": "Augusta Ada", "lastName": "Byron", "title": "CTO"}}
    assert read(answer, **sent).person.first_name == "Augusta Ada"


def test_a_company_name_that_repeats_the_request_is_no_match_without_a_price() -> None:
    answer = {"organisation": {"organisationName": "Engines"}}
    assert read(answer, organisationName="Engines").found is Found.NO_MATCH
    assert read({**answer, "creditsUsed": 1}, organisationName="Engines").found is Found.ORGANISATION


@pytest.mark.parametrize(
    ("content", "stated", "found"),
    [
        (PERSON, 0, Found.PERSON), (PERSON, 0.5, Found.PERSON), (PERSON, 1, Found.PERSON), (PERSON, 2, Found.PERSON),
        (PERSON, 3, Found.PERSON), (PERSON, 1_000_000, Found.PERSON), (PERSON, 10**400, Found.PERSON),
        (COMPANY, 0, Found.ORGANISATION), (COMPANY, 0.5, Found.ORGANISATION), (COMPANY, 1, Found.ORGANISATION),
        (COMPANY, 1.5, None), (COMPANY, 2, None), (COMPANY, 5, None), ({}, 0, Found.NO_MATCH), ({}, 0.04, None),
        ({}, 1, None), (NULLS, 2, None),
    ],
)  # fmt: skip
def test_a_cost_above_what_was_found_makes_an_answer_unreadable(
    content: Any, stated: float, found: Found | None
) -> None:
    answer = {**content, "creditsUsed": stated}
    assert READER.stated_credits(json.dumps(answer).encode()) == min(stated, 1e9)
    if found is None:
        with pytest.raises(UnreadableAnswer):
            read(answer)
    else:
        enrichment = read(answer)
        assert (enrichment.found, enrichment.credits) == (found, min(stated, 1e9))


@pytest.mark.parametrize(
    ("value", "text"),
    [("Sales", "Sales"), (["Sales"], "Sales"), (["Sales", "", None, "Sales", "IT"], "Sales, IT"), (" ", None),
     ([], None), (None, None), (3, None), (True, None), ({"a": 1}, None), ({"id": 3, "name": "IT"}, "IT"),
     ([{"name": "IT"}, {"name": "Sales"}], "IT, Sales"), ([{"name": "IT"}, 3], "IT"),
     ("a\u202eb\u001b[31mc\u001b]0;x\u0007d\te", "abcd e"), ("-", None), ("N/A", None),
     ([["Sales"], "IT"], "Sales, IT"),
     ("a\u0000b", "ab"), ("\ud800x", "?x")],
    ids=repr,
)  # fmt: skip
def test_department_is_text_whether_it_comes_as_string_or_list(value: Any, text: str | None) -> None:
    assert read({"personId": "p", "functional": value}).person.department == text


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_person_whose_id_is_not_a_number_is_no_person(number: bytes) -> None:
    assert READER.read(b'{"data": {"personId": %s, "firstName": null}}' % number, {}).found is Found.NO_MATCH


def test_the_message_names_the_shape_and_nobody() -> None:
    for document in (
        {"ada.byron@x.example": {"name": "Ada Byron"}, "Ada Byron": 1, "deal": "Ada"},
        {"data": {"Ada Byron": {"title": "Countess"}}},
        {"data": "Ada Byron"},
        {"organisation": {"Ada Byron": "Ada Byron Ltd"}, "creditsUsed": 1},
    ):
        with pytest.raises(UnreadableAnswer) as caught:
            read(document)
        for part in ("Ada", "Byron", "ada.byron", "Countess"):
            assert part not in str(caught.value)
            assert part not in repr(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*PERSON, "data", "organisation", "creditsUsed", "usage", "error", "x"]), inner
        )
    ),
    max_leaves=25,
)


@given(JSON)
@example({"creditsUsed": 10**400})
@example({"data": {"functional": ["\ud800"]}})
@example({"status": 10**400, "data": None})
def test_no_json_raises_anything_but_unreadable_answer(document: Any) -> None:
    body = json.dumps(document).encode()
    stated = READER.stated_credits(body)
    assert stated is None or 0 <= stated <= 1e9
    try:
        enrichment = READER.read(body, {"email": "a@x.example"})
    except UnreadableAnswer:
        return
    assert enrichment.credits >= 0
    for part in (enrichment.person, enrichment.organisation):
        for name in part.__dataclass_fields__:
            text = getattr(part, name)
            assert text is None or (text == text.strip() and text and text.encode())


@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda raw: b'{"data": {"personId": ' + raw + b"}}"))
def test_no_bytes_raise_anything_but_unreadable_answer(body: bytes) -> None:
    READER.stated_credits(body)
    try:
        READER.read(body, {})
    except UnreadableAnswer:
        return


@pytest.mark.parametrize("depth", [100, 300, 400, 500, 900, 990, 2_000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"data":', "}"), ('{"functional":[', "]}"), ('{"data":[', "]}")]
)
def test_however_deep_an_answer_is_nested_it_is_unreadable_or_read(depth: int, opening: str, closing: str) -> None:
    for wrap in ("{}", '{{"functional": {}}}', '{{"organisation": {{"domain": {}}}}}'):
        body = wrap.format(opening * depth + "null" + closing * depth).encode()
        READER.stated_credits(body)
        try:
            READER.read(body, {})
        except UnreadableAnswer:
            continue


@pytest.mark.parametrize(
    "document",
    [{"data": [{"a": i} for i in range(11_000)]}, [PERSON] * 1_000, json.loads('{"a":' * 80 + "1" + "}" * 80)],
    ids=["objects", "people", "levels"],
)
def test_an_answer_with_too_many_values_or_levels_is_unreadable_and_says_so(document: Any) -> None:
    with pytest.raises(UnreadableAnswer, match="more than 10000 values, or more than 64 levels"):
        read(document)
    assert READER.stated_credits(json.dumps(document).encode()) is None


def test_a_name_of_any_length_is_looked_up_in_little_time() -> None:
    with pytest.raises(UnreadableAnswer):
        read({"company" * 100_000: "Engines", "person" * 100_000: {"a": 1}})
