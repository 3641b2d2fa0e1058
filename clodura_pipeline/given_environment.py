"""The environment as a process was given it, where Dagster has since put the values of `.env` over it.

`dg` and Dagster's code servers load `.env` over the variables that a user gave the process (measured with Dagster
1.13.27: `dagster/_cli/utils.py`, `instance.inject_env_vars`), so a cap given for one run would be lost. Linux keeps
what each process was started with. Where that cannot be read, the environment is taken as it is.
"""

import os
from collections.abc import Mapping
from pathlib import Path

_PROC = Path("/proc")


def given_environment(prefix: str, from_file: Mapping[str, str]) -> dict[str, str]:
    """The variables with this prefix (in any case), each as given to the process.

    Args:
        from_file: what `.env` says. A variable that has the same value may have come from there: then it is looked up
            in what this process was started with, and in what the processes above were started with, as far as each
            of them has it.
    """
    found = {name: value for name, value in os.environ.items() if name.upper().startswith(prefix)}
    injected = {name for name, value in found.items() if from_file.get(name) == value}
    process = os.getpid()
    while injected and process > 1:
        started_with = _started_with(process)
        if started_with is None:
            break
        injected &= started_with.keys()
        differing = {name for name in injected if started_with[name] != from_file[name]}
        found |= {name: started_with[name] for name in differing}
        injected -= differing
        process = _parent(process)
    return found


def _started_with(process: int) -> dict[str, str] | None:
    try:
        content = (_PROC / str(process) / "environ").read_bytes()
    except OSError:
        return None
    pairs = (entry.partition(b"=") for entry in content.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _parent(process: int) -> int:
    try:
        # After the name in parentheses, which may hold anything: state, then the parent.
        return int((_PROC / str(process) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
