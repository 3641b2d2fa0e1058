"""Cleaning: every landed row comes out once, with what can be used of it and a reason for what cannot."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.identity import cleaning
from clodura_pipeline.identity.canonical import identifiers_of
from clodura_pipeline.identity.cleaning import NO_IDENTIFIER, clean

TEXT_COLUMNS = ("source", "contact_id", *cleaning.CELLS, "source_columns", "record")
SCHEMA: dict[str, Any] = {"file_date": pl.Date, "source_file": pl.String, "source_row": pl.Int64}
SCHEMA |= dict.fromkeys(TEXT_COLUMNS, pl.String)
ANN = {"first_name": "Ann", "last_name": "Lee"}
PROFILE = "https://www.linkedin.com/in/ann-lee"
ACME = "https://www.linkedin.com/company/acme"
USED = "used as"


def landed(*rows: Mapping[str, str | None]) -> pl.DataFrame:
    """Rows as they are landed, from the cells that matter."""
    fixed = {"file_date": date(2026, 11, 22), "source_file": "2026-11-22/crm.csv", "source": "crm"}
    fixed |= {"source_columns": '{"Town": "Rome"}', "record": '{"raw": "cells"}'}
    numbered = [{**dict.fromkeys(SCHEMA), **fixed, "source_row": row, **cells} for row, cells in enumerate(rows, 1)]
    return pl.DataFrame(numbered, schema=SCHEMA)


def contact(**cells: str | None) -> dict[str, Any]:
    """The one contact that a row becomes."""
    (row,) = contacts(cells)
    return row


def contacts(*rows: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """The contacts that rows become, cleaned together: a row is cleaned alone as among others, see below."""
    cleaned = clean(landed(*rows))
    assert cleaned.rejected.is_empty(), cleaned.rejected["reasons"].to_list()
    return cleaned.contacts.rows(named=True)


def reasons(*rows: Mapping[str, str | None]) -> list[list[str]]:
    """Why each row is rejected."""
    cleaned = clean(landed(*rows))
    assert cleaned.contacts.is_empty()
    return cleaned.rejected["reasons"].to_list()


def test_frames_have_the_promised_columns_even_when_empty() -> None:
    for cleaned in (clean(landed()), clean(landed(ANN, {"email": "ann@x.com"}))):
        assert tuple(cleaned.contacts.columns) == cleaning.CONTACT_COLUMNS
        assert tuple(cleaned.rejected.columns) == cleaning.REJECTED_COLUMNS
        assert cleaned.contacts.schema["set_aside"] == pl.List(pl.String)
        assert cleaned.rejected.schema["reasons"] == pl.List(pl.String)
        assert cleaned.contacts.schema["source_row"] == pl.Int64


# What a row says, and what of its contact it shows.
ROWS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "clean row keeps what it says": (
        {
            "contact_id": "007",
            **ANN,
            "email": "Ann.Lee+crm@Acme.com",
            "linkedin_url": "de.linkedin.com/in/Ann-Lee/?trk=x",
            "organisation_name": "Acme GmbH",
            "organisation_linkedin_url": "linkedin.com/company/Acme/about",
            "organisation_domain": "www.acme.com/",
        },
        {
            "file_date": date(2026, 11, 22),
            "source_file": "2026-11-22/crm.csv",
            "source_row": 1,
            "source": "crm",
            "contact_id": "007",
            "first_name": "Ann",
            "last_name": "Lee",
            "email": "ann.lee+crm@acme.com",
            "linkedin_url": PROFILE,
            "organisation_name": "Acme GmbH",
            "organisation_linkedin_url": ACME,
            "organisation_domain": "acme.com",
            "source_columns": '{"Town": "Rome"}',
            "profile_id": "li:ann-lee",
            "email_id": "em:ann.lee@acme.com",
            "name_id": "nc:ann|lee|co:acme",
            "further_ids": [],
            "set_aside": [],
        },
    ),
    "non-ascii profile is asked percent-encoded": (
        {"linkedin_url": "linkedin.com/in/José-王"},
        {"linkedin_url": "https://www.linkedin.com/in/jos%C3%A9-%E7%8E%8B", "profile_id": "li:josé-王"},
    ),
    "first name of two words stays one where an address tells who it is": (
        {"first_name": "Mary Ann", "email": "ann@x.com"},
        {"first_name": "Mary Ann"},
    ),
    "stand-in for a name is nobody": (
        {"email": "ann@x.com", "first_name": "LinkedIn", "last_name": "Member"},
        {
            "first_name": None,
            "last_name": None,
            "set_aside": ["first_name, last_name: a stand-in, not somebody's name"],
        },
    ),
    "company page in the profile column becomes the organisation's": (
        {**ANN, "linkedin_url": "linkedin.com/company/acme"},
        {
            "organisation_linkedin_url": ACME,
            "linkedin_url": None,
            "name_id": "nc:ann|lee|co:acme",
            "set_aside": ["linkedin_url: a company page, used as the organisation's"],
        },
    ),
    "company page does not replace the organisation's own": (
        {
            **ANN,
            "linkedin_url": "linkedin.com/company/other",
            "organisation_linkedin_url": "linkedin.com/company/acme",
        },
        {"name_id": "nc:ann|lee|co:acme", "set_aside": ["linkedin_url: a company page, not a person's profile"]},
    ),
    "misplaced cell does not replace the right one": (
        {"first_name": "bob@x.com", "email": "ann@x.com"},
        {
            "email": "ann@x.com",
            "further_ids": ["em:bob@x.com"],
            "set_aside": [
                "first_name: an e-mail address, used as email",
                "email 2 of 2: one more address, not sent",
            ],
        },
    ),
    "company page in place of its name is used as a page": (
        {**ANN, "organisation_name": "https://www.linkedin.com/company/acme/"},
        {"organisation_name": None, "name_id": "nc:ann|lee|co:acme"},
    ),
    "name with an address behind it is both": (
        {"full_name": "Ann Lee <Ann@x.com>"},
        {"first_name": "Ann", "last_name": "Lee", "email": "ann@x.com"},
    ),
    "domain serves as the organisation's name": (
        {**ANN, "organisation_domain": "https://www.acme.com/about"},
        {"organisation_name": "acme.com", "organisation_domain": "acme.com", "name_id": "nc:ann|lee|dm:acme.com"},
    ),
    "domain as it is asked gives the same name identifier": (
        {**ANN, "organisation_name": "acme.com"},
        {"name_id": "nc:ann|lee|dm:acme.com"},
    ),
    "notes on several values say which one they are about": (
        {"email": "info@x.com\nann@x.com\nb@x.com", "linkedin_url": "linkedin.com/sales/lead/A"},
        {
            "set_aside": [
                "email 1 of 3: a role address (info@), not sent",
                "email 3 of 3: one more address, not sent",
                "linkedin_url: a Sales Navigator address, which Clodura cannot look up",
            ]
        },
    ),
    "guest of a Microsoft tenant is asked by their own address": (
        {"email": "ann.lee_acme.com#EXT#@tenant.onmicrosoft.com"},
        {"email": "ann.lee@acme.com", "email_id": "em:ann.lee@acme.com"},
    ),
    **{
        f"first of several addresses is sent and the rest is evidence: {cell!r}": (
            {"email": cell},
            {
                "email": "ann@x.com",
                "further_ids": ["em:ann@y.com"],
                "set_aside": ["email 2 of 2: one more address, not sent"],
            },
        )
        for cell in (
            "ann@x.com; ann@y.com",
            "ann@x.com ::: ann@y.com",
            "ann@x.com, ann@y.com",
            "ann@x.com\nann@y.com\nAnn@x.com",
        )
    },
}


def test_contact_shows_what_can_be_used_of_its_row_and_says_what_cannot() -> None:
    rows = contacts(*(cells for cells, _ in ROWS.values()))
    expected = {what: shown for what, (_, shown) in ROWS.items()}
    assert {
        what: {name: row[name] for name in expected[what]} for what, row in zip(ROWS, rows, strict=True)
    } == expected
    assert set(rows[0]) == set(expected["clean row keeps what it says"])


def test_contact_id_is_kept_verbatim() -> None:
    ids = ["007", " 7 ", "AbC", "0", "x"]
    found = contacts(*({"contact_id": own, "email": "ann@x.com"} for own in ids))
    assert [row["contact_id"] for row in found] == ids


def test_missing_contact_id_is_made_of_all_identifiers_however_spelt() -> None:
    absent = [None, "", "  ", "n/a", "#N/A", "null", "-"]
    both = {"email": "Ann@x.com", "linkedin_url": "linkedin.com/in/ann-lee"}
    found = contacts(
        *({**both, "contact_id": own} for own in absent),
        {"email": "ann@x.com ", "linkedin_url": PROFILE + "/"},
        {"email": "ann@x.com"},
        {"linkedin_url": PROFILE},
    )
    *same, by_address, by_profile = [row["contact_id"] for row in found]
    assert len({*same}) == 1
    assert len({*same, by_address, by_profile}) == 3
    assert re.fullmatch("row-.{16}", same[0])


UNUSABLE = [
    ("linkedin_url", "linkedin.com/sales/lead/ACwAA", "a Sales Navigator address, which Clodura cannot look up"),
    ("linkedin_url", "linkedin.com/talent/profile/A", "a LinkedIn Recruiter address, which Clodura cannot look up"),
    ("linkedin_url", "https://lnkd.in/abc", "a shortened address, which does not say where it leads"),
    ("linkedin_url", "annlee on LinkedIn", "not a LinkedIn address"),
    ("organisation_linkedin_url", "linkedin.com/in/bob", "a person's profile, not a company page"),
    ("organisation_domain", "gmail.com", "not the domain of a company"),
    ("organisation_name", "Freelance", "says that there is no company"),
    ("first_name", "123", "not a name"),
    ("first_name", "Dr.", "not a name"),
    ("first_name", "Mr. & Mrs.", "not a name"),
    ("last_name", "Robotics GmbH", "not a name"),
    ("full_name", "Acme Robotics GmbH", "a company, not somebody's name"),
    ("full_name", "Ann", "cannot be split into first and last name"),
]


def test_unusable_cell_is_set_aside_and_the_row_kept_or_rejected_for_it() -> None:
    rows = [{column: cell} for column, cell, _ in UNUSABLE]
    notes = [f"{column}: {why}" for column, _, why in UNUSABLE]
    kept = contacts(*({"email": "ann@x.com", **row} for row in rows))
    assert [row["set_aside"] for row in kept] == [[note] for note in notes]
    assert {row["email_id"] for row in kept} == {"em:ann@x.com"}
    assert reasons(*rows) == [[NO_IDENTIFIER, note] for note in notes]


INITIALS_AND_TITLES = [
    ({"first_name": "J.", "last_name": "Smith"}, "first_name: only an initial, which does not tell who it is"),
    ({"first_name": "John", "last_name": "S."}, "last_name: only an initial, which does not tell who it is"),
    ({"full_name": "John S."}, "last_name: only an initial, which does not tell who it is"),
    ({"first_name": "Dr.", "last_name": "Lee"}, "first_name: not a name"),
]


def test_initial_or_title_identifies_nobody_at_a_company() -> None:
    rows, notes = [cells for cells, _ in INITIALS_AND_TITLES], [why for _, why in INITIALS_AND_TITLES]
    assert reasons(*({**row, "organisation_name": "Acme"} for row in rows)) == [[NO_IDENTIFIER, why] for why in notes]
    kept = contacts(*({**row, "email": "ann@x.com"} for row in rows))
    assert [row["set_aside"] for row in kept] == [[why] for why in notes]


SPLIT_OR_SHORT_NAMES = [
    ({"first_name": "Ann Lee"}, "nc:ann|lee|on:acme"),
    ({"first_name": "Lee, Ann"}, "nc:ann|lee|on:acme"),
    ({"first_name": "J.", "last_name": "Smith", "full_name": "John Smith"}, "nc:john|smith|on:acme"),
    ({"first_name": "John", "last_name": "S.", "full_name": "John Smith"}, "nc:john|smith|on:acme"),
    ({"first_name": "John", "full_name": "John A. Smith"}, "nc:john a|smith|on:acme"),
    ({"first_name": "John A.", "last_name": "Smith Jr."}, "nc:john a|smith jr|on:acme"),
]


def test_name_is_made_whole_from_what_the_row_says() -> None:
    rows = contacts(*({**cells, "organisation_name": "Acme"} for cells, _ in SPLIT_OR_SHORT_NAMES))
    names = ("first_name", "last_name", "organisation_name")
    again = contacts(*({name: row[name] for name in names} for row in rows))
    for found in (rows, again):
        assert [row["name_id"] for row in found] == [identifier for _, identifier in SPLIT_OR_SHORT_NAMES]
    assert [row["contact_id"] for row in again] == [row["contact_id"] for row in rows]


def test_different_middle_names_give_different_contact_ids() -> None:
    names = ("John A. Smith", "John B. Smith", "John Smith", "John Smith Jr.")
    found = contacts(*({"full_name": name, "organisation_name": "IBM"} for name in names))
    assert len({row["contact_id"] for row in found}) == len(names)


def test_name_as_it_is_asked_gives_the_identifier_it_is_registered_by() -> None:
    row = contact(full_name="Smith Jr., John A.", organisation_name="IBM")
    sent = Identifiers(
        first_name=row["first_name"], last_name=row["last_name"], organisation_name=row["organisation_name"]
    )
    assert identifiers_of([sent]) == [(None, None, row["name_id"])]


NOT_SENT = [
    ("info@acme.com", "email: a role address (info@), not sent"),
    ("ann@mailinator.com", "email: a disposable address, not sent"),
    ("ann lee@acme.com", "email: not a valid address"),
    ("a***@acme.com", "email: masked, not the whole address"),
    ("email_not_unlocked@domain.com", "email: a stand-in, not somebody's address"),
]


def test_unusable_address_is_not_asked() -> None:
    rows = contacts(*({"email": email, "linkedin_url": PROFILE} for email, _ in NOT_SENT))
    assert {(row["email"], row["email_id"]) for row in rows} == {(None, None)}
    assert [row["set_aside"] for row in rows] == [[aside] for _, aside in NOT_SENT]
    assert reasons(*({"email": email} for email, _ in NOT_SENT)) == [[NO_IDENTIFIER, aside] for _, aside in NOT_SENT]


def test_blank_cells_are_nothing_and_need_no_reason() -> None:
    blanks = ["", " ", "n/a", "N/A", "-", "null", "none", "unknown", "#N/A", "\u200b", "\xa0"]
    assert reasons(*(dict.fromkeys(cleaning.CELLS, blank) for blank in blanks)) == [[NO_IDENTIFIER]] * len(blanks)


def test_row_without_an_identifier_is_rejected_as_landed() -> None:
    last_name_at_a_company = {"last_name": "Lee", "organisation_name": "Acme"}
    cleaned = clean(landed({}, {"first_name": "Ann"}, ANN, {"organisation_name": "Acme"}, last_name_at_a_company))
    assert cleaned.contacts.is_empty()
    file = (date(2026, 11, 22), "2026-11-22/crm.csv")
    assert cleaned.rejected.rows() == [(*file, row, [NO_IDENTIFIER], '{"raw": "cells"}') for row in range(1, 6)]


MISPLACED = [
    ({"first_name": "ann@x.com"}, "ann@x.com", None),
    ({"full_name": "ann@x.com"}, "ann@x.com", None),
    ({"email": PROFILE}, None, PROFILE),
    ({"linkedin_url": "ann@x.com"}, "ann@x.com", None),
    ({"email": PROFILE, "linkedin_url": "ann@x.com"}, "ann@x.com", PROFILE),
    ({"last_name": PROFILE, "email": "ann@x.com"}, "ann@x.com", PROFILE),
]


def test_misplaced_cell_is_moved_where_it_belongs() -> None:
    rows = contacts(*(cells for cells, _, _ in MISPLACED))
    assert [(row["email"], row["linkedin_url"]) for row in rows] == [
        (email, profile) for _, email, profile in MISPLACED
    ]
    for row in rows:
        assert (row["first_name"], row["last_name"]) == (None, None)
        assert row["set_aside"]
        assert all(USED in reason for reason in row["set_aside"])


NAMES = [
    ({"full_name": "Lee, Ann"}, ("Ann", "Lee")),
    ({"full_name": "Dr. Ann van der Lee, MBA"}, ("Ann", "van der Lee")),
    ({"full_name": "Ann Other", **ANN}, ("Ann", "Lee")),
    ({"full_name": "Maria Clara Silva"}, ("Maria", "Silva")),
    ({"full_name": "Maria Clara Silva", "email": ""}, ("Maria Clara", "Silva")),
    ({"full_name": "John A. Smith"}, ("John", "Smith")),
    ({"full_name": "J. Robert Lee"}, ("J. Robert", "Lee")),
    ({"full_name": "Ann Lee", "first_name": "Ann"}, ("Ann", "Lee")),
    ({"full_name": "Bob Ray", "first_name": "Ann"}, ("Ann", None)),
    ({"full_name": "Ann"}, (None, None)),
    ({"first_name": "ANN", "last_name": "LEE, PhD"}, ("ANN", "LEE")),
    ({"first_name": " Ann\u200b 🚀", "last_name": "Jose\u0301"}, ("Ann", "José")),
    ({"first_name": "Jin", "last_name": "Na"}, ("Jin", "Na")),
]


def test_names_are_cleaned_and_split() -> None:
    rows = contacts(*({"email": "ann@x.com", "organisation_name": "Acme", **cells} for cells, _ in NAMES))
    assert [(row["first_name"], row["last_name"]) for row in rows] == [names for _, names in NAMES]


SEVERAL_VALUES = [
    ({"email": "info@x.com\nltaylor@x.com"}, "email", "ltaylor@x.com"),
    ({"email": "n/a\na***@x.com\nann@mailinator.com\noops\nann@x.com"}, "email", "ann@x.com"),
    ({"email": "private@gmail.com\nann@x.com"}, "email", "private@gmail.com"),
    ({"linkedin_url": f"linkedin.com/sales/lead/A\n{PROFILE}"}, "linkedin_url", PROFILE),
    ({"linkedin_url": f"linkedin.com/in/null\nhttps://lnkd.in/a\n{PROFILE}"}, "linkedin_url", PROFILE),
    ({**ANN, "organisation_name": "Self-employed\nAcme"}, "organisation_name", "Acme"),
    ({**ANN, "organisation_name": "#N/A\n123\nAcme\nGlobex"}, "organisation_name", "Acme"),
    ({**ANN, "organisation_domain": "gmail.com\nwww.acme.com"}, "organisation_domain", "acme.com"),
    (
        {**ANN, "organisation_linkedin_url": f"{PROFILE}\nlinkedin.com/company/acme"},
        "organisation_linkedin_url",
        "https://www.linkedin.com/company/acme",
    ),
    ({"email": f"{PROFILE}\nann@x.com"}, "email", "ann@x.com"),
]


def test_first_usable_value_of_a_kind_is_the_rows() -> None:
    rows = contacts(*(cells for cells, _, _ in SEVERAL_VALUES))
    found = [row[column] for row, (_, column, _) in zip(rows, SEVERAL_VALUES, strict=True)]
    assert found == [value for _, _, value in SEVERAL_VALUES]


FURTHER = [
    ({"email": "private@gmail.com\nann@x.com; info@x.com"}, ["em:ann@x.com"]),
    ({"email": "ann@x.com\nAnn+a@X.com"}, []),
    ({"linkedin_url": f"{PROFILE}\nlinkedin.com/in/ann-lee-2"}, ["li:ann-lee-2"]),
    ({"linkedin_url": f"{PROFILE}, linkedin.com/in/ann-lee-2/"}, ["li:ann-lee-2"]),
    ({"email": "ann@x.com\nb@x.com", "linkedin_url": f"{PROFILE}\nin/bob"}, ["em:b@x.com", "li:bob"]),
    ({"email": "ann@x.com", "last_name": "Lee <b@x.com>", "full_name": "c@x.com"}, ["em:b@x.com", "em:c@x.com"]),
]


def test_further_addresses_and_profiles_are_evidence_and_named_as_not_sent() -> None:
    rows = contacts(*(cells for cells, _ in FURTHER))
    assert [row["further_ids"] for row in rows] == [further for _, further in FURTHER]
    for row in rows:
        assert sum("not sent" in note and "one more" in note for note in row["set_aside"]) == len(row["further_ids"])


NO_COMPANIES = "#NV|\\N|NaT|#N/D|#N/A|#¡VALOR!|#DIV/0!|#NUM!|#WERT!|#ИМЯ?|#HIÁNYZIK|Err:502|<NA>|Not Found|No data|true"
NO_COMPANIES += "|False|2026-11-22|22.11.2026|22 Nov 2026|2026-11-22T10:00:00Z|November 22nd, 2026|22. März 2026"
NO_COMPANIES += "|123456|1.23457E+11|12,5 %|:::| ::: |ann@gmail.com|keine Daten|Sin datos|未知"


def test_cell_that_says_nothing_is_no_company_and_joins_nobody() -> None:
    rows = [{**ANN, "organisation_name": cell} for cell in NO_COMPANIES.split("|")]
    found = [row["organisation_name"] for row in contacts(*({**row, "email": "ann@x.com"} for row in rows))]
    assert found == [None] * len(rows)
    assert [first for first, *_ in reasons(*rows)] == [NO_IDENTIFIER] * len(rows)


COMPANIES = [
    *((name, name) for name in ("1&1", "3M", "7-Eleven", "Nothing", "Mai 2000 GmbH", "37signals", "True Corp")),
    ("Acme Corp.;Sales", "Acme Corp."),
    ("Acme\\, Inc.;Sales;EMEA", "Acme, Inc."),
    ("Solvarina Digital (https://www.notion.so/x)", "Solvarina Digital"),
    ("Acme (https://www.notion.so/x), Globex (https://www.notion.so/y)", "Acme"),
    ("Acme ::: Globex", "Acme"),
    (" ::: Globex", "Globex"),
    ("M=C3=BCller GmbH", "Müller GmbH"),
    ("=?utf-8?B?TcO8bGxlcg==?=", "Müller"),
    ('="Acme"', "Acme"),
    ('=HYPERLINK("https://acme.com","Acme")', "Acme"),
    ("[Acme](https://acme.com)", "Acme"),
    ("<p>Acme &amp; Sons</p>", "Acme & Sons"),
    ("ann@acme.com", "acme.com"),
]


def test_company_is_unwrapped() -> None:
    rows = contacts(*({**ANN, "organisation_name": cell} for cell, _ in COMPANIES))
    assert [row["organisation_name"] for row in rows] == [name for _, name in COMPANIES]


FIRST_NAMES = [
    ("G=C3=BCnther", "Günther"),
    ("Ann (https://www.notion.so/x)", "Ann"),
    ("Ann ::: Annie", "Ann"),
    ("Nat", "Nat"),
    ("NaT", None),
    ("2026-11-22T10:00:00Z", None),
    ("22 Nov 2026", None),
    ("a1b2c3d40", None),
]


def test_first_name_is_unwrapped_or_none() -> None:
    rows = contacts(*({"email": "ann@x.com", "first_name": cell, "last_name": "Lee"} for cell, _ in FIRST_NAMES))
    assert [row["first_name"] for row in rows] == [name for _, name in FIRST_NAMES]


def test_reasons_never_repeat_a_cell() -> None:
    secret = "zq9"
    values = (
        "{}",
        "{}@x",
        "info@x.com\n{}@x.com\nb{}@x.com",
        "info@{}.com",
        "linkedin.com/sales/lead/{}",
        "linkedin.com/in/{}",
        "{}@x.com;b@x.com",
    )
    cells = [{name: value.replace("{}", secret) for name in cleaning.CELLS} for value in values]
    cleaned = clean(landed(*cells))
    told = [*cleaned.contacts["set_aside"].explode(), *cleaned.rejected["reasons"].explode()]
    assert told
    assert not any(secret in reason for reason in told if reason)


TEXTS = ["", "n/a", "Ann", "Lee", "Ann Lee", "ann@x.com", "info@x.com", "linkedin.com/company/acme", "Acme", "acme.com"]
CELLS = st.none() | st.sampled_from([*TEXTS, PROFILE, "🚀"]) | st.text(max_size=12)


LANDED = st.lists(st.fixed_dictionaries(dict.fromkeys(cleaning.CELLS, CELLS)), min_size=1, max_size=8)


@settings(max_examples=20)
@given(LANDED, st.data())
def test_every_row_comes_out_once_and_in_order_as_it_would_alone(
    rows: list[dict[str, str | None]], data: st.DataObject
) -> None:
    cleaned = clean(landed(*rows))
    kept, rejected = cleaned.contacts["source_row"].to_list(), cleaned.rejected["source_row"].to_list()
    assert sorted(kept + rejected) == list(range(1, len(rows) + 1))
    assert (kept, rejected) == (sorted(kept), sorted(rejected))
    assert cleaned.contacts["contact_id"].null_count() == 0
    usable = cleaned.contacts.select(pl.any_horizontal(pl.col("profile_id", "email_id", "name_id").is_not_null()))
    assert usable.to_series().all()
    assert all(told[0] == NO_IDENTIFIER for told in cleaned.rejected["reasons"])
    row = data.draw(st.integers(1, len(rows)))
    alone = clean(landed(*rows).filter(pl.col("source_row") == row))
    assert alone.contacts.equals(cleaned.contacts.filter(pl.col("source_row") == row))
    assert alone.rejected.equals(cleaned.rejected.filter(pl.col("source_row") == row))


@settings(max_examples=10)
@given(LANDED)
def test_cleaning_what_was_cleaned_changes_no_identifier(rows: list[dict[str, str | None]]) -> None:
    once = clean(landed(*rows)).contacts
    again = contacts(*once.select(name for name in cleaning.CELLS if name in once.columns).rows(named=True))
    ids = ("profile_id", "email_id", "name_id", "contact_id")
    assert [tuple(row[name] for name in ids) for row in again] == once.select(ids).rows()
