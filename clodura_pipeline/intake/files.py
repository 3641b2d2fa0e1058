"""Finds the contact files below a folder, with the day and the source that their paths tell."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

# A date is written YYYY-MM-DD and no digit touches it: 2026-11-221 or 12026-11-22 are numbers, not days.
_DATE = re.compile(r"(?<!\d)([0-9]{4})-([0-9]{2})-([0-9]{2})(?!\d)")
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
    """Search `folder` with all its subfolders; a folder that does not exist holds no files."""
    files: list[ContactFile] = []
    left_alone: list[LeftAlone] = []
    seen: dict[tuple[int, int], str] = {}
    for entry in _walk(folder):
        path = _path_below(folder, entry.location)
        found = entry.trouble or _reason_to_leave(path) or _status(entry.location)
        if not isinstance(found, str):
            # The walk comes to links last, so it is the link that is left alone and not the file.
            first = seen.setdefault((found.st_dev, found.st_ino), path)
            if entry.linked and first != path:
                found = f"is the same file as {first}, reached through a link"
        if isinstance(found, str):
            left_alone.append(LeftAlone(path, found))
        else:
            files.append(ContactFile(path, entry.location, source_of(path), date_of(path), found.st_size))
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


def _reason_to_leave(path: str) -> str | None:
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


def _status(location: Path) -> os.stat_result | str:
    """What the file system says of a file, or why it cannot be loaded."""
    try:
        status = location.stat()
    except OSError as trouble:
        return "is a link that leads nowhere" if location.is_symlink() else f"cannot be looked at: {trouble.strerror}"
    return status if stat.S_ISREG(status.st_mode) else "is not a regular file"


@dataclass(frozen=True)
class _Entry:
    location: Path
    linked: bool
    trouble: str | None = None


def _walk(folder: Path) -> Iterator[_Entry]:
    """Everything that is not a folder. Each folder once, so that loops end, and what links lead to last."""
    visited: set[tuple[int, int]] = set()
    waiting = [(folder, False)]
    links: list[Path] = []
    linked_files: list[Path] = []
    while waiting or links:
        current, linked = waiting.pop() if waiting else (links.pop(0), True)
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as trouble:
            yield _Entry(current, linked, f"is a folder that cannot be opened: {trouble.strerror}")
            continue
        for entry in entries:
            if entry.is_symlink():
                (links if entry.is_dir() else linked_files).append(Path(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), linked))
            else:
                yield _Entry(Path(entry.path), linked)
    yield from (_Entry(link, True) for link in linked_files)


def _path_below(folder: Path, location: Path) -> str:
    """The path as text; bytes in a name that are no UTF-8 are written as \\xNN, since tables hold only text."""
    relative = location.relative_to(folder).as_posix() if location != folder else "."
    return os.fsencode(relative).decode("utf-8", "backslashreplace")
