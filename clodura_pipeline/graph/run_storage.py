"""Dagster's SQLite storage of runs and events, opened by one process at a time: its own may not be created by two."""

from pathlib import Path
from typing import Any

from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from filelock import FileLock

_LONGEST_CREATION_SECONDS = 60.0


class SharedSqliteStorage(DagsterSqliteStorage):
    """As Dagster's own, named in dagster.yaml.

    Of four processes that open Dagster 1.13's storage at once in a new project, two or three end with `table runs
    already exists` or like words: each finds no tables and creates them. Here they take turns; to open one that is
    there costs milliseconds.
    """

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> "SharedSqliteStorage":
        """Open the storage in `base_dir`; created where there is none.

        Raises:
            filelock.Timeout: another process took longer than a minute.
        """
        base_dir = Path(config_value["base_dir"])
        base_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(base_dir / ".opening.lock", timeout=_LONGEST_CREATION_SECONDS):
            return cls.from_local(str(base_dir), inst_data=inst_data)
