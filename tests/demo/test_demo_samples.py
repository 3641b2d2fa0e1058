"""The sample files: the same on every day and machine, and with every trap that real files have."""

import re
from datetime import date

import pytest

from clodura_pipeline.demo.folder import sample_files
from clodura_pipeline.sandbox import build_directory

FIRST = date(2026, 11, 20)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return sample_files(FIRST)


def test_files_are_the_same_every_time_but_for_the_days_in_their_paths(files: dict[str, bytes]) -> None:
    later = sample_files(date(2027, 2, 27))
    assert sample_files(FIRST) == files
    assert list(later.values()) == list(files.values())
    assert sorted({path.split("/")[0] for path in later}) == ["2027-02-27", "2027-02-28", "2027-03-01"]


TRAPS = {
    "a header as HubSpot writes it": rb"^Record ID,First Name,Last Name,Email,LinkedIn URL",
    "semicolons behind a byte order mark": rb"\A\xef\xbb\xbfLead ID;First Name;",
    "notes above the header": rb"\ANotes:\r\n\"When exporting",
    "an address in capitals": rb"[,;][A-Z._0-9]+@[A-Z-]+\.EXAMPLE[,;]",
    "an address in blanks": rb"[,;] [^,;\s]+@[^,;\s]+ [,;]",
    "an address with mailto:": rb"mailto:\S+@",
    "a profile without scheme and with a query": rb"[,;]www\.linkedin\.com/in/[^,;]+\?utm_source=share",
    "a profile at a country's host, in capitals": rb"https://de\.linkedin\.com/in/[A-Z]",
    "a profile with a language": rb"linkedin\.com/in/[^,;]+/en-us/",
    "a profile with a fragment": rb"linkedin\.com/in/[^,;]+#experience",
    "a profile with its letters percent-encoded": rb"linkedin\.com/in/[^,;]*%[0-9A-F]{2}",
    "a Sales Navigator address": rb"linkedin\.com/sales/lead/ACwAA",
    "a company's page for a person's": rb"linkedin\.com/company/",
    "a role address": rb"info@",
    "a placeholder": rb"\[not provided\]|n/a",
    "a line break and quotes in a cell": rb'"Met at the fair, said: ""call back\nnext quarter"""',
    "a record that was cut short": rb"^Jo March,jo\.march\r?$",
    "an empty record": rb"^,,,,,,11 Mar 2019\r?$",
    "a person who registered twice": rb"^([^,]+,[^,]+,[^,]+,\d+\r\n)\1",
}


def test_the_files_have_every_trap(files: dict[str, bytes]) -> None:
    content = files.values()
    assert [
        trap for trap, pattern in TRAPS.items() if not any(re.search(pattern, text, re.MULTILINE) for text in content)
    ] == []


def test_people_recur_within_a_day_and_across_days(files: dict[str, bytes]) -> None:
    # Whatever else is spelt in many ways, a last name and a company's domain stay in lower case somewhere.
    texts = {path: content.decode("utf-8-sig").lower() for path, content in files.items()}
    found = [
        {path for path, text in texts.items() if person.email in text or person.linkedin_url.lower() in text}
        for person in build_directory().people[:215]
    ]
    days = [{path.split("/")[0] for path in paths} for paths in found]
    assert sum(len(each) > 1 for each in days) > 50
    assert any(len(paths) > len({path.split("/")[0] for path in paths}) for paths in found)
