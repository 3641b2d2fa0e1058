"""Finding contact files: which are loaded, which are left alone and why, and what their paths tell."""

import os
from datetime import date
from pathlib import Path

import pytest

from clodura_pipeline.intake.files import FoundFiles, date_of, find_files, source_of


def write(folder: Path, *paths: str) -> Path:
    for path in paths:
        location = folder / path
        location.parent.mkdir(parents=True, exist_ok=True)
        location.write_text("email\nann@example.com\n")
    return folder


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("crm-2026-11-22.csv", date(2026, 11, 22)),
        ("2026-11-22/webinar.csv", date(2026, 11, 22)),
        ("2026-11-22/crm-2026-11-23.csv", date(2026, 11, 22)),
        ("a/b/2026-02-28_x.csv", date(2026, 2, 28)),
        ("2026-13-01/crm-2026-11-22.csv", date(2026, 11, 22)),
        ("2026-02-30.csv", None),
        ("crm-12026-11-22.csv", None),
        ("crm-2026-11-221.csv", None),
        ("crm20261122.csv", None),
        ("crm-2026_11_22.csv", None),
        ("0000-01-01.csv", None),
        ("v2-2026-11-22x.csv", date(2026, 11, 22)),
        ("1-2026-11-22-2.csv", date(2026, 11, 22)),
        ("crm.csv", None),
    ],
)
def test_a_file_belongs_to_the_first_valid_day_in_its_path(path: str, day: date | None) -> None:
    assert date_of(path) == day


SOURCES = [
    ("crm-2026-11-22.csv", "crm"),
    ("2026-11-22/webinar.csv", "webinar"),
    ("crm.csv.gz", "crm"),
    ("crm-2026-11-22.csv.gz", "crm"),
    ("crm.csv.2026-11-22", "crm"),
    ("crm.CSV", "crm"),
    ("2026-11-22-crm.csv", "crm"),
    ("2026-11-22_crm export.xlsx", "crm export"),
    ("crm-2026-11-22-emea.csv", "crm-emea"),
    ("crm (2026-11-22).csv", "crm"),
    ("crm [2026-11-22] emea.csv", "crm emea"),
    ("2026-11-22/crm-2026-11-21.csv", "crm"),
    ("2026-11-20 to 2026-11-22 crm.csv", "to crm"),
    ("crm-2026-13-45.csv", "crm-2026-13-45"),
    ("crm.v2.csv", "crm.v2"),
    ("crm.dat", "crm"),
    ("crm.export", "crm.export"),
    ("Dr. Example list", "Dr. Example list"),
    ("fairs/2026-11-22.csv", "fairs"),
    ("fairs/2026-11-22/2026-11-22.csv", "fairs"),
    ("fairs 2026-11-22/2026-11-22.csv", "fairs"),
    ("2026-11-22.csv", "contacts"),
    ("2026-11-22/2026-11-22.csv", "contacts"),
    ("Kontakte März.csv", "Kontakte März"),
]


def test_a_list_keeps_its_name_from_day_to_day() -> None:
    assert [(path, source_of(path)) for path, _ in SOURCES] == SOURCES


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (".crm.csv", "hidden"),
        (".DS_Store", "hidden"),
        ("~$crm.xlsx", "Office"),
        ("crm.csv.part", ".part"),
        ("crm.tmp", ".tmp"),
        ("crm.csv.CRDOWNLOAD", "still being written"),
        (".git/objects/crm.csv", "below a hidden folder"),
        ("a/.trash/2026-11-22/crm.csv", "below a hidden folder"),
    ],
)
def test_hidden_and_half_written_files_are_left_alone_and_listed(tmp_path: Path, path: str, reason: str) -> None:
    found = find_files(write(tmp_path, path, "crm.csv"))
    assert [file.path for file in found.files] == ["crm.csv"]
    assert [left.path for left in found.left_alone] == [path]
    assert reason in found.left_alone[0].reason


def test_all_other_files_are_found_in_the_order_of_their_paths(tmp_path: Path) -> None:
    paths = ["a/z.csv", "b.csv", "2026-11-22/deep/er/x.jsonl", "README", "empty.csv"]
    write(tmp_path, *paths)
    (tmp_path / "empty.csv").write_bytes(b"")
    found = find_files(tmp_path)
    assert [file.path for file in found.files] == sorted(paths)
    assert {file.path: file.size_bytes for file in found.files}["empty.csv"] == 0
    first = found.files[0]
    assert (first.location, first.source, first.dated) == (tmp_path / first.path, "x", date(2026, 11, 22))


def test_a_folder_that_does_not_exist_holds_no_files(tmp_path: Path) -> None:
    assert find_files(tmp_path / "nowhere") == FoundFiles((), ())


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "contacts").write_text("x")
    found = find_files(tmp_path / "contacts")
    assert found.files == ()
    assert "cannot be opened" in found.left_alone[0].reason


def test_links_are_left_alone_and_listed(tmp_path: Path) -> None:
    contacts = write(tmp_path / "contacts", "a/crm.csv")
    write(tmp_path / "elsewhere", "2026-11-22/crm.csv", ".env")
    (contacts / "a" / "up").symlink_to(contacts)
    (contacts / "a-latest").symlink_to(contacts / "a")
    (contacts / "0.csv").symlink_to(contacts / "a" / "crm.csv")
    (contacts / "gone.csv").symlink_to(tmp_path / "nowhere")
    (contacts / "shared").symlink_to(tmp_path / "elsewhere")
    (contacts / "key.csv").symlink_to(tmp_path / "elsewhere" / ".env")
    found = find_files(contacts)
    assert [file.path for file in found.files] == ["a/crm.csv"]
    outside = "is a link that leads out of the contacts folder; put the file itself there"
    assert {left.path: left.reason for left in found.left_alone} == {
        "0.csv": "is a link to a/crm.csv in the contacts folder",
        "a-latest": "is a link to a in the contacts folder",
        "a/up": "is a link to . in the contacts folder",
        "gone.csv": "is a link that leads nowhere",
        "key.csv": outside,
        "shared": outside,
    }


def test_a_contacts_folder_that_is_a_link_itself_is_searched(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "crm.csv")
    (tmp_path / "contacts").symlink_to(tmp_path / "elsewhere")
    assert [file.path for file in find_files(tmp_path / "contacts").files] == ["crm.csv"]


def test_control_characters_in_a_name_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m\n\u202eb.csv").write_text("x")
    assert find_files(tmp_path).files[0].path == "a\\x1b[31m\\n\\u202eb.csv"


def test_two_names_of_one_file_are_two_files(tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    os.link(tmp_path / "a.csv", tmp_path / "b.csv")
    assert [file.path for file in find_files(tmp_path).files] == ["a.csv", "b.csv"]


def test_a_pipe_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "queue.csv")
    assert find_files(tmp_path).left_alone[0].reason == "is not a regular file"


def test_a_name_that_is_no_text_is_written_as_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"M\xfcller.csv")
    (tmp_path / name).write_text("x")
    file = find_files(tmp_path).files[0]
    assert file.path == "M\\xfcller.csv"
    assert file.location.read_text() == "x"
