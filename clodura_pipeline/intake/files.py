"""Finds the contact files below a folder, with the day and the source by their paths."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from clodura_pipeline.intake.unreadable import escaped

# A date is written YYYY-MM-DD and no digit touches it: 2026-11-221 or 12026-11-22 are numbers, not days.
_DATE = re.compile(r"(?<!\d)([0-9]{4})-([0-9]{2})-([0-9]{2})(?!\d)")
LANDED_FOLDER = ".landed"
"""Where hosts that share the contacts folder keep what they have landed, see `warehouse.rows.landed_files`."""
_SEPARATORS = " ._-,+~"
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_HALF_WRITTEN = (".part", ".tmp", ".crdownload")
_ENDINGS = re.compile(
    r"(\.(csv|tsv|tab|txt|psv|jsonl?|ndjson|parquet|pq|xls[xmb]?|ods|gz|gzip|zip|bz2|xz|zst|bak|old))+$", re.IGNORECASE
)
# Of an ending that is not in the list, at most this much is taken for one: "crm.export" is a name, "crm.dat" is not.
_UNKNOWN_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,3}$")


@dataclass(frozen=True)
class ContactFile:
    """One file to load. `path` is its name in every table: posix, relative to the contacts folder."""

    path: str
    location: Path
    source: str
    dated: date | None
    size_bytes: int


@dataclass(frozen=True)
class LeftAlone:
    """One thing below the contacts folder that is not loaded, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class FoundFiles:
    """All that is below the contacts folder, each list sorted by path."""

    files: tuple[ContactFile, ...]
    left_alone: tuple[LeftAlone, ...]


def find_files(folder: Path) -> FoundFiles:
    """Search `folder` with all its subfolders; a folder that does not exist holds no files. Links are not followed."""
    files: list[ContactFile] = []
    left_alone: list[LeftAlone] = []
    errors: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if name != LANDED_FOLDER]
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for location in (Path(parent, name) for name in (*names, *links)):
            path = _path_below(folder, location)
            size = _size_or_reason(folder, location, path)
            if isinstance(size, str):
                left_alone.append(LeftAlone(path, size))
            else:
                files.append(ContactFile(path, location, source_of(path), date_of(path), size))
    left_alone += [
        LeftAlone(_path_below(folder, Path(error.filename)), f"is a folder that cannot be opened: {error.strerror}")
        for error in errors
        if not isinstance(error, FileNotFoundError)
    ]
    return FoundFiles(
        tuple(sorted(files, key=lambda file: file.path)), tuple(sorted(left_alone, key=lambda left: left.path))
    )


def date_of(path: str) -> date | None:
    """The first valid YYYY-MM-DD in a path below the contacts folder."""
    return next((day for _, day in _dates(path)), None)


def source_of(path: str) -> str:
    """The list a file belongs to: its name without date and endings, so that tomorrow's export has the same one."""
    parts = PurePosixPath(path).parts
    stem = _ENDINGS.sub("", parts[-1])
    if stem == parts[-1]:
        stem = _UNKNOWN_ENDING.sub("", stem)
    name = _ENDINGS.sub("", _without_dates(stem))  # "crm.csv.2026-11-22" has its ending before the day
    if name:
        return name
    return next((name for part in reversed(parts[:-1]) if (name := _without_dates(part))), "contacts")


def _dates(text: str) -> Iterator[tuple[re.Match[str], date]]:
    for match in _DATE.finditer(text):
        year, month, day = (int(part) for part in match.groups())
        try:
            yield match, date(year, month, day)
        except ValueError:  # 2026-13-01 looks like a day and is none
            continue


def _without_dates(name: str) -> str:
    while found := next(_dates(name), None):
        start, end = found[0].span()
        if start and end < len(name) and _BRACKETS.get(name[start - 1]) == name[end]:
            start, end = start - 1, end + 1
        before, after = name[:start], name[end:]
        kept_before, kept_after = before.rstrip(_SEPARATORS), after.lstrip(_SEPARATORS)
        between = (before[len(kept_before) :] or after[: len(after) - len(kept_after)])[:1]
        name = kept_before + between + kept_after if kept_before and kept_after else kept_before + kept_after
    return name.strip(_SEPARATORS)


def _size_or_reason(folder: Path, location: Path, path: str) -> int | str:
    """The size of a file in bytes, or why it is not loaded."""
    if reason := _reason_of_name(path):
        return reason
    try:
        if location.is_symlink():
            # It could lead to any file of the host, whose first line would be quoted in messages and tables.
            target = location.resolve()
            if not target.exists():
                return "is a link that leads nowhere"
            if not target.is_relative_to(folder.resolve()):
                return "is a link that leads out of the contacts folder; put the file itself there"
            return f"is a link to {_path_below(folder.resolve(), target)} in the contacts folder"
        status = location.stat()
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    return status.st_size if stat.S_ISREG(status.st_mode) else "is not a regular file"


def _reason_of_name(path: str) -> str | None:
    parts = PurePosixPath(path).parts
    name = parts[-1]
    if any(part.startswith(".") for part in parts[:-1]):
        return "lies below a hidden folder"
    if name.startswith("."):
        return "is hidden: its name starts with a dot"
    if name.startswith("~$"):
        return "is the lock that Office keeps beside an open file"
    if name.lower().endswith(_HALF_WRITTEN):
        return f"is still being written: its name ends in {PurePosixPath(name).suffix}"
    return None


def _path_below(folder: Path, location: Path) -> str:
    """The path as text; bytes that are no UTF-8 and control characters are written as \\xNN, for tables and logs."""
    relative = location.relative_to(folder).as_posix() if location != folder else "."
    return escaped(os.fsencode(relative).decode("utf-8", "backslashreplace"))
