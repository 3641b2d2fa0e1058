"""Sample contact files of three days, as dirty as real ones, about the people of the sandbox's directory.

Nothing is drawn at random: what is wrong with a row follows from its place, so the files are the same on every machine.
Only the folder names depend on the day.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from clodura_pipeline.sandbox import Person, build_directory

DAYS = 3
FIRST_FILE = "hubspot-contacts.csv"

_HUBSPOT_HEADER = (
    "Record ID", "First Name", "Last Name", "Email", "LinkedIn URL", "Company Name", "Lifecycle Stage", "Notes",
)  # fmt: skip
_SALESFORCE_HEADER = (
    "Lead ID", "First Name", "Last Name", "Email", "Company / Account", "LinkedIn__c", "Lead Status",
)  # fmt: skip
_WEBINAR_HEADER = ("Full Name", "Email Address", "Company", "Minutes Attended")
_LINKEDIN_HEADER = ("First Name", "Last Name", "URL", "Email Address", "Company", "Position", "Connected On")
# LinkedIn puts these lines above the header of its export.
_LINKEDIN_PREAMBLE = (
    "Notes:\r\n"
    '"When exporting your connection data, you may notice that some of the email addresses are missing. You will '
    "only see email addresses for connections who have allowed their connections to see or download their email "
    'address."\r\n'
    "\r\n"
)
_STAGES = ("lead", "marketingqualifiedlead", "opportunity", "customer")


def sample_files(first_day: date) -> dict[str, bytes]:
    """Every file's content by its path below the contacts folder, for three days from `first_day` on."""
    people = build_directory().people
    one, two, three = (str(first_day + timedelta(days=offset)) for offset in range(DAYS))
    # The lists overlap, and name the same people by different identifiers. But a row leaves out the address
    # or the profile of a person in several lists only where the other one joins it: no person has to be paid for twice.
    return {
        f"{one}/{FIRST_FILE}": _hubspot(people, range(90)),
        f"{two}/salesforce-leads.csv": _salesforce(people, range(60, 140)),
        f"{two}/webinar-attendees.csv": _webinar(people, range(120, 150)),
        f"{three}/{FIRST_FILE}": _hubspot(people, range(80, 120)),
        f"{three}/linkedin-connections.csv": _linkedin(people, [*range(60, 80), *range(150, 215)]),
    }


def _hubspot(people: Sequence[Person], numbers: range) -> bytes:
    """Comma, UTF-8, a free-text column with quotes and line breaks; a later export brings the same ids again."""
    rows = []
    for number in numbers:
        person = people[number]
        rows.append((
            str(50_001 + number), person.first_name, person.last_name,
            "" if number < 60 and number % 8 == 3 else _spell_email(person.email, number),
            "" if number % 6 == 1 else _spell_profile(person.linkedin_url, number),
            person.organisation.name,
            _STAGES[number % len(_STAGES)],
            'Met at the fair, said: "call back\nnext quarter"' if number % 30 == 7 else "",
        ))  # fmt: skip
    rows += [
        ("50901", "Ann", "", "", "", "", "lead", ""),
        ("50902", "", "", "n/a", "-", people[3].organisation.name, "lead", "company only"),
        ("50903", "", "", "info@corvina-software.example", "", "Corvina Software Pty Ltd", "lead", "role address"),
        ("50904", "Marc", "", "", _sales_navigator(1), "", "lead", "copied from Sales Navigator"),
        ("50905", "Test", "Test", "test@test", "https://www.linkedin.com/", "", "lead", ""),
    ]
    return _delimited(_HUBSPOT_HEADER, rows).encode()


def _salesforce(people: Sequence[Person], numbers: range) -> bytes:
    """Semicolon, BOM, a custom field for LinkedIn, and all that people type into one."""
    rows = []
    for number in numbers:
        person = people[number]
        profile = "" if number % 4 == 0 else _spell_profile(person.linkedin_url, number + 3)
        by_profile = profile and number < 80 and number % 6 == 2
        # Two leads whose assistant gave her own address for both: an address that proves nothing about either.
        email = people[101 if number == 105 else number].email
        rows.append((
            f"00Q5g00000A{number:03d}", person.first_name.upper() if number % 9 == 0 else person.first_name,
            person.last_name,
            "" if by_profile else _spell_email(email, number + 1),
            person.organisation.name if number % 5 else f" {person.organisation.name.split()[0]} ",
            _sales_navigator(number) if number % 16 == 2 else profile,
            "Open - Not Contacted",
        ))  # fmt: skip
    rows += [
        ("00Q5g00000A901", "Unknown", "Unknown", "", "[not provided]", "", "Unqualified"),
        ("00Q5g00000A902", "", "Schmidt", "schmidt(at)example", "", "linkedin.com/company/acme", "Unqualified"),
        ("00Q5g00000A903", "Ana", "", "", "", _sales_navigator(2), "Unqualified"),
    ]  # fmt: skip
    return _delimited(_SALESFORCE_HEADER, rows, ";").encode("utf-8-sig")


def _webinar(people: Sequence[Person], numbers: range) -> bytes:
    """Full names in one column, people who registered twice, and a record that was cut short."""
    rows = []
    for number in numbers:
        person = people[number]
        row = (
            f"{person.first_name} {person.last_name}", _spell_email(person.email, number + 2),
            person.organisation.name, str(number % 60),
        )  # fmt: skip
        rows += [row, row] if number % 10 == 4 else [row]
    rows.append(("guest", "", "", "2"))
    return (_delimited(_WEBINAR_HEADER, rows) + "Jo March,jo.march\r\n").encode()


def _linkedin(people: Sequence[Person], numbers: Iterable[int]) -> bytes:
    """LinkedIn's own export: notes above the header, hardly any addresses, members who have closed their account."""
    rows = []
    for number in numbers:
        person = people[number]
        rows.append((
            person.first_name, person.last_name, person.linkedin_url, person.email if number % 12 == 0 else "",
            person.organisation.name, person.title, f"{1 + number % 28:02d} Mar 2024",
        ))  # fmt: skip
        if number % 40 == 30:
            rows.append(("", "", "", "", "", "", "11 Mar 2019"))
    return (_LINKEDIN_PREAMBLE + _delimited(_LINKEDIN_HEADER, rows)).encode()


def _spell_profile(url: str, turn: int) -> str:
    """The address of a profile in one of the ways in which people and programs write it."""
    slug = url.rpartition("/")[2]
    spellings = (
        url,
        f"http://linkedin.com/in/{slug}/",
        f"www.linkedin.com/in/{slug}?utm_source=share&utm_medium=member_desktop",
        f"https://de.linkedin.com/in/{slug.upper()}",
        f"https://www.linkedin.com/in/{slug}/en-us/",
        f"linkedin.com/in/{slug}#experience",
        f"  https://m.linkedin.com/in/{slug}  ",
    )
    return spellings[turn % len(spellings)]


def _spell_email(email: str, turn: int) -> str:
    spellings = (email, email, email.upper(), f" {email} ", email, f"mailto:{email}", email.title())
    return spellings[turn % len(spellings)]


def _sales_navigator(number: int) -> str:
    """An address that opens only inside LinkedIn's Sales Navigator; Clodura cannot use it."""
    return f"https://www.linkedin.com/sales/lead/ACwAAB{number:05d}kQx8BtW,NAME_SEARCH,hR4z"


def _delimited(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue()
