"""Assets of the contact files: landed, cleaned, validated, split."""

from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from duckdb import DuckDBPyConnection

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.graph.instance import GraphInstance, Step
from clodura_pipeline.graph.metadata import row_count, small_table
from clodura_pipeline.graph.partitions import utc_now
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.intake.headers.spellings import load_spellings
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.figures import LANDED_BY_DAY, REJECTED_BY_DAY, REJECTION_REASONS, VALIDATED_BY_DAY
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.landed_files import share_landed_files, take_over_landed_files
from clodura_pipeline.warehouse.landing import Days, FileState, Landed, land
from clodura_pipeline.warehouse.published.publication import published_files
from clodura_pipeline.warehouse.state import raise_version
from clodura_pipeline.warehouse.tables import RAW_CONTACTS, REJECTED_CONTACTS, VALIDATED_CONTACTS
from clodura_pipeline.warehouse.validation import validate

_MAX_FILES_SHOWN = 50
"""Dagster repeats an asset's metadata for every partition of a range; source_files has all files."""


class NoContactsFolder(UserFixableError):
    """There is no folder to look for contact files in."""


def build_contact_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`contact_files` (external), `raw_contacts`, `validated_contacts` and `rejected_contacts`."""
    files = instance.spec(
        "contact_files",
        "contacts",
        {"file"},
        "Files people drop into the contacts folder.",
        metadata={"path": dg.MetadataValue.path(str(instance.settings.contacts_dir))},
    )
    raw = instance.spec(
        "raw_contacts",
        "contacts",
        {"duckdb"},
        "Every record of the day's files, as text.",
        deps=["contact_files"],
        table=RAW_CONTACTS,
    )
    validated = instance.spec(
        "validated_contacts",
        "contacts",
        {"duckdb", "pandera"},
        "Rows Clodura can be called for, cleaned and validated.",
        deps=["raw_contacts"],
        table=VALIDATED_CONTACTS,
    )
    rejected = instance.spec(
        "rejected_contacts",
        "contacts",
        {"duckdb", "pandera"},
        "Records that cannot be used, with their reasons.",
        deps=["raw_contacts"],
        table=REJECTED_CONTACTS,
    )
    return [
        dg.AssetsDefinition(specs=[files]),
        instance.asset(_land_contacts, raw, partitioned=True),
        instance.asset(_validate_contacts, validated, rejected, partitioned=True),
    ]


def _land_contacts(step: Step) -> dg.MaterializeResult:
    folder = step.settings.contacts_dir
    if not folder.is_dir():
        raise NoContactsFolder(
            f"The contacts folder does not exist, so nothing was loaded: {folder}. Create it, or set "
            "CLODURA_CONTACTS_DIR to the folder that your contact files are in."
        )
    landed = _land(step)
    with step.database("reading figures") as connection:
        run = {**_figures(landed), **row_count(connection, RAW_CONTACTS)}
        step.describe_days("raw_contacts", connection, LANDED_BY_DAY, run)
    return dg.MaterializeResult()


def _validate_contacts(step: Step) -> tuple[dg.MaterializeResult, ...]:
    with step.ledger() as ledger, step.database("validation") as connection:
        files = validate(connection, ledger.erased_people()).files
        step.context.log.info(f"{files} new or changed files validated.")
        _share(step, connection)
        run = {"run_files_validated": files, **row_count(connection, VALIDATED_CONTACTS)}
        step.describe_days("validated_contacts", connection, VALIDATED_BY_DAY, run)
        reasons = small_table("reasons", read(connection, REJECTION_REASONS, [step.days]).to_dicts())
        run = {**reasons, "run_files_validated": files, **row_count(connection, REJECTED_CONTACTS)}
        step.describe_days("rejected_contacts", connection, REJECTED_BY_DAY, run)
    return tuple(
        dg.MaterializeResult(asset_key=step.instance.key(asset))
        for asset in ("validated_contacts", "rejected_contacts")
    )


def _land(step: Step) -> Landed:
    log, settings, wanted = step.context.log, step.settings, step.days
    today = datetime.now(UTC).date()
    spellings = load_spellings(settings.header_spellings) if settings.header_spellings else {}
    found = find_files(settings.contacts_dir)

    def open_database() -> AbstractContextManager[DuckDBPyConnection]:
        return step.database("landing")

    with open_database() as connection:
        is_new = _is_new_beside_loaded_files(connection, settings.database)
        shared = _take_over(step, connection)
    if shared:
        log.info(f"{len(shared)} files are taken over from what other hosts have landed.")
    if is_new:
        log.warning(
            f"This host builds its working database again: all files in {settings.contacts_dir} are landed, answers "
            "come from the ledger. Rows of files that no host has kept come back only from a backup of "
            "CLODURA_STATE_DIR."
        )
    days = Days(settings.start_date, today, None if is_new else frozenset(wanted))
    with step.ledger() as ledger:
        landed = land(
            open_database,
            found,
            days,
            lambda path: date.fromisoformat(ledger.day_of_undated_file(path, today.isoformat())),
            spellings,
            datetime.fromtimestamp(ledger.read_clock().stamp, UTC) if settings.ledger_url else utc_now(),
            lambda state: _log_file(log, state),
        )
    with open_database() as connection:
        raise_version(connection, "files_version")
    if not any(state.day in wanted for state in landed.files):
        log.warning(
            f"No contact file belongs to {wanted[0]}{f' to {wanted[-1]}' if len(wanted) > 1 else ''}: nothing was "
            f"loaded. Look at the dates in the paths below {settings.contacts_dir} (CLODURA_CONTACTS_DIR)."
        )
    for path in landed.vanished:
        log.warning(f"{path} is no longer in the contacts folder; its rows are kept.")
    return landed


def _take_over(step: Step, connection: DuckDBPyConnection) -> list[str]:
    """Paths of the files landed from what other hosts have landed."""
    folder = step.settings.landed_files
    return take_over_landed_files(connection, folder) if folder else []


def _share(step: Step, connection: DuckDBPyConnection) -> None:
    """Let other hosts have what this one has landed, where they share the contacts folder."""
    if (folder := step.settings.landed_files) is None:
        return
    try:
        share_landed_files(connection, folder)
    except OSError as error:
        step.context.log.warning(
            f"Rows landed here are not shared with other hosts: {error.strerror}. When a contact file vanishes, only "
            f"this host keeps its rows. Make {folder} a folder that this user can write to."
        )


def _is_new_beside_loaded_files(connection: DuckDBPyConnection, published: Path) -> bool:
    """Whether the working database is new though files were loaded before.

    Landing only this run's days would then publish a file that lacks all others.
    """
    if scalar(connection, "SELECT count(*) FROM source_files"):
        return False
    return any(file.loaded_at for file in published_files(published).values())


def _log_file(log: dg.DagsterLogManager, state: FileState) -> None:
    if state.status == "loaded" and state.reading:
        bad = len(state.reading.unreadable)
        log.info(
            f"{state.file.path}: {state.reading.rows_read} rows ({state.reading.format})"
            + (f", {bad} records could not be read, see rejected_contacts" if bad else "")
        )
    elif state.status in ("unreadable", "outside_partitions"):
        log.warning(f"{state.file.path}: not loaded: {state.reason}")


def _figures(landed: Landed) -> dict[str, Any]:
    shown = [
        {
            "file": state.file.path,
            "day": state.day.isoformat(),
            "status": state.status,
            "rows": state.reading.rows_read if state.reading else None,
            "unreadable": len(state.reading.unreadable) if state.reading else None,
            "reason": state.reason,
        }
        for state in sorted(landed.files, key=lambda state: state.status == "loaded")
        if state.status != "found"
    ][:_MAX_FILES_SHOWN]
    return {
        "run_rows_landed": landed.rows,
        "run_files_landed": sum(1 for state in landed.files if state.reading),
        "files_unreadable": landed.count("unreadable"),
        "files_vanished": len(landed.vanished),
        **small_table("files", shown),
    }
