"""The environment as a process was given it, where Dagster has since put the values of `.env` over it.

`dg` and Dagster's code servers load `.env` over the variables that a user gave the process (measured with Dagster
1.13.27: `dagster/_cli/utils.py`, `instance.inject_env_vars`), so a cap given for one run would be lost. The system
keeps what each process was started with; psutil reads it on Linux, macOS and the BSDs.
"""

import os
from collections.abc import Mapping

import psutil


def given_environment(prefix: str, from_file: Mapping[str, str]) -> dict[str, str]:
    """The variables with this prefix (in any case), each as given to the process.

    Args:
        from_file: what `.env` says. A variable that has the same value may have come from there: then it is looked up
            in what this process was started with, and in what the processes above were started with, as far as each
            of them has it.
    """
    found = {name: value for name, value in os.environ.items() if name.upper().startswith(prefix)}
    injected = {name for name, value in found.items() if from_file.get(name) == value}
    process = psutil.Process()
    while injected and process is not None:
        try:
            started_with, process = process.environ(), process.parent()
        except psutil.Error:
            break  # of another user, or ended
        injected &= started_with.keys()
        differing = {name for name in injected if started_with[name] != from_file[name]}
        found |= {name: started_with[name] for name in differing}
        injected -= differing
    return found
