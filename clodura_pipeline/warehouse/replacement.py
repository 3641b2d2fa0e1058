"""Replaces a file as a whole: readers see the earlier one or the new one, never a part."""

import os
from pathlib import Path


def replace_file(fresh: Path, target: Path, mode: int) -> None:
    """Put a finished file in the place of `target`, so that it stays there after a loss of power.

    Args:
        fresh: in the same folder.
        mode: the new file's permissions.
    """
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.chmod(mode)
    fresh.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
