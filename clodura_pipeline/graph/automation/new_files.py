"""Which contact files are new or changed, by what was loaded last."""

import math
from collections import Counter
from datetime import UTC, date, datetime

from clodura_pipeline.intake.files import ContactFile, find_files
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.publication import PublishedFile, published_files
from clodura_pipeline.warehouse.rows.landing import content_hash

QUIET_SECONDS = 30.0
"""A file that was written to more recently may still be in the making."""
Versions = dict[str, list[str]]
"""By path: what tells that the file was written since it was looked at, and the hash of its content then."""


def new_files(
    settings: Settings, seen: Versions | None = None, now: float = math.inf
) -> tuple[Versions, Counter[date]]:
    """What is in the contacts folder now, and by day how many files have content that no run has loaded.

    Args:
        seen: what was found the last time; what has the same content now is not new again.
        now: files written to shortly before this (epoch seconds) are left for the next time.
    """
    loaded, seen = published_files(settings.database), seen or {}
    versions: Versions = {}
    days: Counter[date] = Counter()
    today = datetime.now(UTC).date()
    for file in find_files(settings.contacts_dir).files:
        before, known = seen.get(file.path), loaded.get(file.path)
        try:
            version = _version(file, before, now)
        except OSError:
            continue  # the run that looks at it next says why
        if version is None:
            continue
        versions[file.path] = version
        day = file.dated or (known.file_date if known else today)
        if _is_new(version[1], before, known) and settings.start_date <= day <= today:
            days[day] += 1
    return versions, days


def _version(file: ContactFile, before: list[str] | None, now: float) -> list[str] | None:
    """The version of a file; the one before where it was not written since, or is being written."""
    status = file.location.stat()
    if now - max(status.st_mtime, status.st_ctime) < QUIET_SECONDS:
        return before
    written = f"{status.st_size}/{status.st_mtime_ns}/{status.st_ctime_ns}/{status.st_ino}"
    return before if before and before[0] == written else [written, content_hash(file.location)]


def _is_new(content: str, before: list[str] | None, known: PublishedFile | None) -> bool:
    if before and before[1] == content:
        return False
    # A file that could not be opened has no hash: it is new as soon as it can be.
    return known is None or known.status == "found" or known.content_hash != content
