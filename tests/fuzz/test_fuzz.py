"""A short, fixed run of the fuzzers, and inputs that they found."""

from pathlib import Path

import pytest

from clodura_pipeline.intake.contact_file import read_contacts
from tests.fuzz.__main__ import run


@pytest.mark.parametrize("kind", ["files", "answers", "tables"])
def test_a_short_run_finds_nothing(kind: str) -> None:
    assert sum(run(0.8, 20261122, [kind]).values()) > 0


def test_a_letter_far_into_a_cell_shows_the_encoding(tmp_path: Path) -> None:
    location = tmp_path / "list.csv"
    location.write_bytes(("email,name\na@x.example," + "x" * 300 + " Zoë\n").encode("cp1252"))
    assert read_contacts(location).rows["full_name"][0].endswith(" Zoë")
