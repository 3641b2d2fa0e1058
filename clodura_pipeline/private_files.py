"""Keeps what this package and Dagster write closed to other users of the machine, and safe from a loss of power."""

import os
from pathlib import Path

ONLY_FOR_OWNER = 0o077
"""The umask under which contact data, answers and logs are written."""


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner may enter; folders above it that are missing may be entered by others.

    A published file may lie in one of those.
    """
    usual_umask = os.umask(0o022)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    finally:
        os.umask(usual_umask)


def close_folder(folder: Path) -> None:
    """Take from others the access to a folder and to everything in it, as far as it is there and ours."""
    for path in (folder, *folder.rglob("*")) if folder.is_dir() else ():
        try:
            mode = path.lstat().st_mode
            if mode & ONLY_FOR_OWNER and not path.is_symlink():
                path.chmod(mode & 0o700)
        except OSError:
            continue  # ended meanwhile, or of another user


def flush(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def replace_file(fresh: Path, target: Path, mode: int) -> None:
    """Put a finished file in the place of `target`: readers see one or the other, also after a loss of power.

    Args:
        fresh: in the same folder.
        mode: the new file's permissions.
    """
    flush(fresh)
    fresh.chmod(mode)
    fresh.replace(target)
    flush(target.parent)
