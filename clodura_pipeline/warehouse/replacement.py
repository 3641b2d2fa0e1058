"""Replaces a file as a whole: readers see the earlier one or the new one, never a part."""

from pathlib import Path

from clodura_pipeline.private_files import flush


def replace_file(fresh: Path, target: Path, mode: int) -> None:
    """Put a finished file in the place of `target`, so that it stays there after a loss of power.

    Args:
        fresh: in the same folder.
        mode: the new file's permissions.
    """
    flush(fresh)
    fresh.chmod(mode)
    fresh.replace(target)
    flush(target.parent)
