"""Assets of the contact files: landed, cleaned, validated, split."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from duckdb import DuckDBPyConnection

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.metadata import add_day_figures, row_count, small_table, table_metadata
from clodura_pipeline.graph.partitions import days_of, utc_now
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.intake.headers.spellings import load_spellings
from clodura_pipeline.warehouse.database import scalar, working_database
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.landing import Days, FileState, Landed, land
from clodura_pipeline.warehouse.publication import published_files
from clodura_pipeline.warehouse.state import raise_version
from clodura_pipeline.warehouse.tables import RAW_CONTACTS, REJECTED_CONTACTS, VALIDATED_CONTACTS
from clodura_pipeline.warehouse.validation import validate

# Dagster repeats an asset's metadata for every partition of a range; source_files has them all.
_MAX_FILES_SHOWN = 50
_LANDED = """
SELECT file_date, sum(rows_landed)::BIGINT AS rows, sum(records_unreadable)::BIGINT AS unreadable_records,
       count(*) AS files, sum(rows_landed)::BIGINT AS "dagster/partition_row_count"
FROM source_files WHERE rows_landed IS NOT NULL AND file_date IN (SELECT unnest(?)) GROUP BY file_date
"""
_SPLIT = """
SELECT file_date, count(*) AS rows, count(*) AS "dagster/partition_row_count"
FROM {table} WHERE file_date IN (SELECT unnest(?)) GROUP BY file_date
"""
_REASONS = """
SELECT reasons[1] AS reason, count(*) AS rows FROM rejected_contacts WHERE file_date IN (SELECT unnest(?))
GROUP BY 1 ORDER BY 2 DESC LIMIT 20
"""


class NoContactsFolder(UserFixableError):
    """There is no folder to look for contact files in."""


def build_contact_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`contact_files` (external), `raw_contacts`, `validated_contacts` and `rejected_contacts`."""
    raw_key = instance.key("raw_contacts")
    files_spec = instance.spec(
        "contact_files",
        "contacts",
        {"file"},
        description="Files people drop into the contacts folder.",
        metadata={"path": dg.MetadataValue.path(str(instance.settings.contacts_dir))},
    )
    raw_spec = instance.spec(
        "raw_contacts",
        "contacts",
        {"duckdb"},
        table_metadata(RAW_CONTACTS),
        deps=[files_spec.key],
        description="Every record of the day's files, as text. Unchanged files are not landed again.",
    )
    split_specs = [
        instance.spec(
            "validated_contacts",
            "contacts",
            {"duckdb", "pandera"},
            table_metadata(VALIDATED_CONTACTS),
            deps=[raw_key],
            description="Rows Clodura can be called for, cleaned and validated.",
        ),
        instance.spec(
            "rejected_contacts",
            "contacts",
            {"duckdb", "pandera"},
            table_metadata(REJECTED_CONTACTS),
            deps=[raw_key],
            description="Records that cannot be used, with their reasons.",
        ),
    ]

    @instance.asset(raw_spec, partitioned=True)
    def raw_contacts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        settings = instance.clodura(context).settings
        days = days_of(context)
        if not settings.contacts_dir.is_dir():
            raise NoContactsFolder(
                f"The contacts folder does not exist, so nothing was loaded: {settings.contacts_dir}. Create it, or "
                "set CLODURA_CONTACTS_DIR to the folder that your contact files are in."
            )
        landed = _land(context, instance, days)
        with working_database(instance.database(context), "reading figures") as connection:
            add_day_figures(context, raw_key, connection, _LANDED, days)
            counts = row_count(connection, RAW_CONTACTS)
        return dg.MaterializeResult(metadata={**counts, **_figures(landed)})

    @instance.asset(*split_specs, partitioned=True)
    def validated_and_rejected(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        days = days_of(context)
        with (
            instance.clodura(context).open_ledger() as ledger,
            working_database(instance.database(context), "validation") as connection,
        ):
            validated = validate(connection, days, ledger.erased_people())
            counts = {}
            for spec, table in zip(split_specs, (VALIDATED_CONTACTS, REJECTED_CONTACTS), strict=True):
                add_day_figures(context, spec.key, connection, _SPLIT.format(table=table.name), days)
                counts[spec.key] = row_count(connection, table)
            reasons = read(connection, _REASONS, [days]).to_dicts()
        context.log.info(f"{validated.files} new or changed files validated.")
        for spec in split_specs:
            shown = small_table("reasons", reasons) if spec is split_specs[1] else {}
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata={**counts[spec.key], "run_files_validated": validated.files, **shown}
            )

    return [dg.AssetsDefinition(specs=[files_spec]), raw_contacts, validated_and_rejected]


def _land(context: dg.AssetExecutionContext, instance: GraphInstance, wanted: list[date]) -> Landed:
    clodura, database = instance.clodura(context), instance.database(context)
    settings = clodura.settings
    today = datetime.now(UTC).date()
    spellings = load_spellings(settings.header_spellings) if settings.header_spellings else {}
    found = find_files(settings.contacts_dir)

    def open_database() -> AbstractContextManager[DuckDBPyConnection]:
        return working_database(database, "landing")

    with open_database() as connection:
        if is_new := _is_new_beside_loaded_files(connection, settings.database):
            context.log.warning(
                "The working database is new, but files were loaded before. All files that are still in the contacts "
                "folder are landed again, whatever their day. Rows of files that are gone come back only from a backup "
                "of CLODURA_STATE_DIR."
            )
    days = Days(settings.start_date, today, None if is_new else frozenset(wanted))
    with clodura.open_ledger() as ledger:
        landed = land(
            open_database,
            found,
            days,
            lambda path: date.fromisoformat(ledger.day_of_undated_file(path, today.isoformat())),
            spellings,
            utc_now(),
            lambda state: _log(context, state),
        )
    with open_database() as connection:
        raise_version(connection, "files_version")
    if not any(state.day in wanted for state in landed.files):
        context.log.warning(
            f"No contact file belongs to {wanted[0]}{f' to {wanted[-1]}' if len(wanted) > 1 else ''}: nothing was "
            f"loaded. Look at the dates in the paths below {settings.contacts_dir} (CLODURA_CONTACTS_DIR)."
        )
    for path in landed.vanished:
        context.log.warning(f"{path} is no longer in the contacts folder; its rows are kept.")
    return landed


def _is_new_beside_loaded_files(connection: DuckDBPyConnection, published: Path) -> bool:
    """Whether the working database is new though files were loaded before.

    Landing only this run's days would then publish a file that lacks all others.
    """
    if scalar(connection, "SELECT count(*) FROM source_files"):
        return False
    return any(file.loaded_at for file in published_files(published).values())


def _log(context: dg.AssetExecutionContext, state: FileState) -> None:
    if state.status == "loaded" and state.reading:
        bad = len(state.reading.unreadable)
        context.log.info(
            f"{state.file.path}: {len(state.reading.rows)} rows ({state.reading.format})"
            + (f", {bad} records could not be read, see rejected_contacts" if bad else "")
        )
    elif state.status in ("unreadable", "outside_partitions"):
        context.log.warning(f"{state.file.path}: not loaded: {state.reason}")


def _figures(landed: Landed) -> dict[str, Any]:
    shown = [
        {
            "file": state.file.path,
            "day": state.day.isoformat(),
            "status": state.status,
            "rows": len(state.reading.rows) if state.reading else None,
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
