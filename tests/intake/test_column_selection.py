"""Which cells of a row are taken: every value of a kind, and never parts of two people or companies."""

import json
from pathlib import Path

import polars as pl
import pytest

from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.identity.cleaning import clean
from clodura_pipeline.intake.contact_file import read_contacts

PLACE = [pl.lit(None).alias("file_date"), pl.lit("list.csv").alias("source_file"), pl.lit("list").alias("source")]


def landed(folder: Path, headers: str, *rows: str) -> list[dict[str, str]]:
    """Our columns of each row, without the empty ones."""
    location = folder / "list.csv"
    location.write_text("\n".join([headers, *rows, ""]), encoding="utf-8")
    table = read_contacts(location).rows.select(LANDED_COLUMNS)
    return [{column: cell for column, cell in row.items() if cell is not None} for row in table.to_dicts()]


@pytest.mark.parametrize(
    ("headers", "row", "expected"),
    [
        ("Email - Work,Email - Home,Email - Other", "a@x.eu,b@x.eu,", {"email": "a@x.eu\nb@x.eu"}),
        ("Email - Work,Email - Home,Email - Other", ",b@x.eu,c@x.eu", {"email": "b@x.eu\nc@x.eu"}),
        ("Email - Work,Email - Home,Email - Other", ",,c@x.eu", {"email": "c@x.eu"}),
        ("email,work_email", " ,b@x.eu", {"email": "b@x.eu"}),
        ("Work email,Private email", "n/a,b@x.eu", {"email": "n/a\nb@x.eu"}),
        ("Work email,Private email", "unverified,b@x.eu", {"email": "unverified\nb@x.eu"}),
        ("Work email,Private email", "unverified,", {"email": "unverified"}),
        ("Email,Company,Associated Company", "a@x.eu,-,Acme", {"email": "a@x.eu", "organisation_name": "-\nAcme"}),
        ("Email,Associated Company", "a@x.eu,10203040;50607080", {"email": "a@x.eu"}),
        ("Email,Associated Company", "a@x.eu,1984", {"email": "a@x.eu", "organisation_name": "1984"}),
        ("Email,E-mail 2", "a@x.eu,a@x.eu", {"email": "a@x.eu"}),
        ("Email,E-mail 2", '"a@x.eu\nb@x.eu",b@x.eu', {"email": "a@x.eu\nb@x.eu"}),
        (
            "Email,Company Domain,Website",
            "a@x.eu,gmail.com,x.eu",
            {"email": "a@x.eu", "organisation_domain": "gmail.com\nx.eu"},
        ),
        (
            "LinkedIn URL,Profile",
            "https://www.linkedin.com/sales/lead/1,https://www.linkedin.com/in/ann",
            {"linkedin_url": "https://www.linkedin.com/sales/lead/1"},
        ),
        (
            "Person Linkedin Url,LinkedIn",
            "linkedin.com/sales/lead/1,linkedin.com/in/ann",
            {"linkedin_url": "linkedin.com/sales/lead/1\nlinkedin.com/in/ann"},
        ),
        ("LinkedIn URL,LinkedIn Handle", ",ann-lee", {"linkedin_url": "https://www.linkedin.com/in/ann-lee"}),
        ("Record ID,User ID,Email", ",7,a@x.eu", {"email": "a@x.eu"}),
    ],
)
def test_all_values_of_a_kind_are_landed_the_best_column_first(
    tmp_path: Path, headers: str, row: str, expected: dict[str, str]
) -> None:
    assert landed(tmp_path, headers, row) == [expected]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Ann,Lee,Änne,Öz", ("Ann", "Lee")),
        (",,Änne,Öz", ("Änne", "Öz")),
        ("Ann,,Änne,Öz", ("Änne", "Öz")),
        ("Ann,,,Öz", ("Ann", None)),
        (",Lee,Änne,", (None, "Lee")),
    ],
)
def test_first_and_last_name_come_from_one_pair_of_columns(
    tmp_path: Path, row: str, expected: tuple[str | None, ...]
) -> None:
    (found,) = landed(tmp_path, "First Name,Last Name,Vorname,Nachname", row)
    assert (found.get("first_name"), found.get("last_name")) == expected


def test_where_a_row_names_two_companies_their_domains_are_not_mixed(tmp_path: Path) -> None:
    headers = "Email,Company,Account Name,Company Domain,Website"
    same, other = landed(tmp_path, headers, "a@x.eu,Acme,ACME,,acme.eu", "b@x.eu,Acme,Globex,,globex.com")
    assert same["organisation_domain"] == "acme.eu"
    assert other == {"email": "b@x.eu", "organisation_name": "Acme\nGlobex"}


ANN = {"first_name": "Ann", "last_name": "Lee", "email": "ann@a.eu"}
BUYER = {"first_name": "Buy", "last_name": "Er", "email": "buy@b.eu"}


@pytest.mark.parametrize(
    ("headers", "row", "expected"),
    [
        (
            "First Name,Last Name,Email,Attendee first name,Attendee last name,Attendee email,Company",
            "Buy,Er,buy@b.eu,Ann,Lee,ann@a.eu,Buyers",
            ANN,
        ),
        (
            "First Name,Last Name,Email,Attendee first name,Attendee last name,Attendee email,Attendee company",
            "Buy,Er,buy@b.eu,Ann,Lee,ann@a.eu,Acme",
            ANN | {"organisation_name": "Acme"},
        ),
        ("First Name,Last Name,Email,Guest first name,Guest email", "Buy,Er,buy@b.eu,,", BUYER),
        ("First Name,Last Name,Email,Guest first name,Guest email", "Buy,Er,buy@b.eu,Ann,", {"first_name": "Ann"}),
        ("First Name,Last Name,Email,Attendee ID,Attendee email", "Buy,Er,buy@b.eu,7,", BUYER),
        ("First Name,Last Name,Email,Guest name", "Buy,Er,buy@b.eu,Ann Lee", BUYER),
        ("ID,Email,Attendee email", "7,buy@b.eu,ann@a.eu", {"email": "ann@a.eu"}),
        ("Guest Email(s),Invitee First Name,Invitee Last Name,Invitee Email", "buy@b.eu,Ann,Lee,ann@a.eu", ANN),
        ("Registrant Email,Attendee Email", "buy@b.eu,ann@a.eu", {"email": "ann@a.eu"}),
        ("Teilnehmer Vorname,Teilnehmer Nachname,Vorname,Nachname,E-Mail", "Ann,Lee,Buy,Er,buy@b.eu", BUYER),
        ("Attendee email,First Name,Last Name", "ann@a.eu,Ann,Lee", ANN),
        ("Order,First Name,Last Name,Email,Buyer email", "1,Ann,Lee,ann@a.eu,buy@b.eu", ANN),
    ],
)
def test_a_guest_and_who_bought_the_ticket_are_never_mixed(
    tmp_path: Path, headers: str, row: str, expected: dict[str, str]
) -> None:
    assert landed(tmp_path, headers, row) == [expected]


@pytest.mark.parametrize(
    ("headers", "row", "expected"),
    [
        ("First Name,Name", "Ann,Lee", {"first_name": "Ann", "last_name": "Lee"}),
        ("First Name,Name", "Ann,Ann Lee", {"first_name": "Ann", "full_name": "Ann Lee"}),
        ("First Name,Name", 'Ann,"Lee, Ann"', {"first_name": "Ann", "full_name": "Lee, Ann"}),
        ("First Name,Name", "Ann,Annan", {"first_name": "Ann", "last_name": "Annan"}),
        ("Name,Last Name", "Ann,Lee", {"first_name": "Ann", "last_name": "Lee"}),
        ("Name,Last Name", "Ann Lee,Lee", {"last_name": "Lee", "full_name": "Ann Lee"}),
        ("Name,Last Name", '"Lee, Ann",Lee', {"last_name": "Lee", "full_name": "Lee, Ann"}),
        ("Name,Last Name", "Ann,", {"first_name": "Ann"}),
    ],
)
def test_name_beside_a_part_is_the_other_part_unless_it_repeats_it(
    tmp_path: Path, headers: str, row: str, expected: dict[str, str]
) -> None:
    assert landed(tmp_path, headers, row) == [expected]


@pytest.mark.parametrize(
    ("headers", "row", "expected"),
    [
        ("First Name,Last Name,Suffix", "John,Smith,Jr.", ("John", "Smith Jr.", None)),
        ("First Name,Last Name,Suffix", "John,Smith,III", ("John", "Smith III", None)),
        ("First Name,Last Name,Suffix", "John,Smith Jr,Jr.", ("John", "Smith Jr", None)),
        ("First Name,Last Name,Suffix", 'John,Smith,"Sr., PhD"', ("John", "Smith Sr.", None)),
        ("First Name,Last Name,Suffix", "John,Smith,MBA", ("John", "Smith", None)),
        ("First Name,Last Name,Suffix", "John,,Jr.", ("John", None, None)),
        ("Name,Suffix", "John Smith,Jr.", (None, None, "John Smith Jr.")),
        ("First Name,Middle Name,Last Name,Suffix,Email", "John,Albert,Smith,Jr.,j@acme.eu", ("John", "Smith", None)),
        ("First Name,Middle Name,Last Name,LinkedIn", "John,A.,Smith,linkedin.com/in/js1", ("John", "Smith", None)),
        ("First Name,Middle Name,Last Name", "John,A.,Smith", ("John A.", "Smith", None)),
        ("First Name,Middle Name,Last Name", "John,Albert,Smith", ("John Albert", "Smith", None)),
        ("First Name,Middle Name,Last Name,Suffix", "John,Albert,Smith,Jr.", ("John Albert", "Smith Jr.", None)),
        ("First Name,Middle Name,Last Name", "John Albert,Albert,Smith", ("John Albert", "Smith", None)),
        ("First Name,Middle Name,Last Name", "Ann,Maria,van der Berg", ("Ann Maria", "van der Berg", None)),
        ("First Name,Middle Name,Last Name", "Ann,Van,Lee", ("Ann Van", "Lee", None)),
        ("First Name,Middle Name,Last Name", "Ann,N/A,Lee", ("Ann", "Lee", None)),
        ("First Name,Middle Name,Last Name", "Ann,none,Lee", ("Ann", "Lee", None)),
        ("First Name,Middle Name,Last Name", "Ann,Maria,", ("Ann Maria", None, None)),
        ("First Name,Middle Name,Last Name", ",Maria,Lee", (None, "Lee", None)),
        ("Voornaam,Tussenvoegsel,Achternaam", "Jan,van der,Berg", ("Jan", "van der Berg", None)),
        ("Voornaam,Tussenvoegsel,Achternaam", "Jan,van der,van der Berg", ("Jan", "van der Berg", None)),
        ("Nombre,Primer apellido,Segundo apellido", "Ana,Pérez,García", ("Ana", "Pérez García", None)),
        ("Title,First Name,Last Name", "Dr.,Ann,Lee", ("Ann", "Lee", None)),
    ],
)
def test_parts_of_a_name_that_tell_namesakes_apart_are_landed(
    tmp_path: Path, headers: str, row: str, expected: tuple[str | None, ...]
) -> None:
    (found,) = landed(tmp_path, f"{headers},Company", f"{row},Acme")
    assert (found.get("first_name"), found.get("last_name"), found.get("full_name")) == expected


FULL_NAMES = [
    ("Név", "Kovács Anna", "Anna", "Kovács"),
    ("Teljes név", "dr. Szabó Péter", "Péter", "Szabó"),
    ("ФИО", "Петров Иван", "Иван", "Петров"),
    ("Nom et prénom", "DE LA TOUR Anne", "Anne", "DE LA TOUR"),
    ("Nachname, Vorname", "Müller, Hans", "Hans", "Müller"),
    ("氏名", "山田 健", "健", "山田"),
    ("氏名", "Yamada Ken", "Ken", "Yamada"),
    ("성명", "김 민수", "민수", "김"),
    ("Name", "김 민수", "민수", "김"),
    ("Name", "Kovács Anna", "Kovács", "Anna"),
    ("Prénom et nom", "Anne Dubois", "Anne", "Dubois"),
]


def test_the_family_name_is_first_where_header_or_script_says_so(tmp_path: Path) -> None:
    location, landed_rows = tmp_path / "list.csv", []
    for header, name, *_ in FULL_NAMES:
        location.write_text(f'"{header}",Email\n"{name}",p1@acme.example\n', encoding="utf-8")
        landed_rows.append(read_contacts(location).rows)
    found = clean(pl.concat(landed_rows).with_columns(PLACE)).contacts.select("first_name", "last_name").rows()
    expected = [(header, name, (first, last)) for header, name, first, last in FULL_NAMES]
    assert [(*row[:2], names) for row, names in zip(FULL_NAMES, found, strict=True)] == expected


def test_what_was_joined_or_not_used_stays_among_the_files_other_columns(tmp_path: Path) -> None:
    location = tmp_path / "list.csv"
    location.write_text("First Name,Last Name,Suffix,Email,E-mail 2\nJohn,Smith,Jr.,,b@x.eu\n")
    reading = read_contacts(location)
    assert json.loads(reading.rows["source_columns"][0]) == {"Suffix": "Jr.", "E-mail 2": "b@x.eu"}
    assert list(reading.mapping.items()) == [
        ("First Name", "first_name"),
        ("Last Name", "last_name"),
        ("Suffix", "last_name"),
        ("Email", "email"),
        ("E-mail 2", "email"),
    ]


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [
        ("LinkedIn Username", "annlee-123", "https://www.linkedin.com/in/annlee-123"),
        ("LinkedIn Handle", "@bobray", "https://www.linkedin.com/in/bobray"),
        ("publicIdentifier", " zoé-roy ", "https://www.linkedin.com/in/zoé-roy"),
        ("LinkedIn Vanity", "in/cyfox", "in/cyfox"),
        ("LinkedIn Vanity", "https://linkedin.com/in/cyfox", "https://linkedin.com/in/cyfox"),
        ("LinkedIn Username", "ann@a.eu", "ann@a.eu"),
        ("LinkedIn Username", "12345678", "12345678"),
        ("LinkedIn Username", "unknown", "unknown"),
        ("LinkedIn Username", "al", "al"),
        ("LinkedIn Username", "Ann Lee", "Ann Lee"),
        ("LinkedIn", "annlee-123", "annlee-123"),
        ("LinkedIn URL", "annlee-123", "annlee-123"),
    ],
)
def test_a_bare_handle_is_a_profile_only_where_the_header_says_so(
    tmp_path: Path, header: str, cell: str, expected: str
) -> None:
    assert landed(tmp_path, f"First Name,{header}", f"Ann,{cell}") == [{"first_name": "Ann", "linkedin_url": expected}]


def test_json_objects_that_spell_a_column_differently_are_all_used(tmp_path: Path) -> None:
    location = tmp_path / "list.jsonl"
    rows = [{"First Name": "Ann", "Email": "a@x.eu"}, {"vorname": "Änne", "e-mail": "b@x.eu"}]
    location.write_text("\n".join(map(json.dumps, rows)))
    read = read_contacts(location).rows
    assert read.select("first_name", "email").rows() == [("Ann", "a@x.eu"), ("Änne", "b@x.eu")]


def test_namesakes_told_apart_by_a_column_of_their_own_are_two_people(tmp_path: Path) -> None:
    location = tmp_path / "list.csv"
    location.write_text(
        "First Name,Middle Name,Last Name,Suffix,Company\n"
        "John,,Smith,Jr.,IBM\nJohn,,Smith,Sr.,IBM\nJohn,Albert,Smith,,IBM\nJohn,Bertram,Smith,,IBM\n"
    )
    contacts = clean(read_contacts(location).rows.with_columns(PLACE)).contacts
    assert contacts.select(pl.col("name_id").n_unique(), pl.col("contact_id").n_unique()).row(0) == (4, 4)
