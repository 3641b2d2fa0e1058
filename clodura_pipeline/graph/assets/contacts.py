"""Contact files in: landed, cleaned, validated, split."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection

from clodura_pipeline.graph.assets.metadata import definition_metadata, records, row_counts
from clodura_pipeline.graph.failures import in_words
from clodura_pipeline.graph.partitions import DAILY, ONE_RUN, days_of, utc_now
from clodura_pipeline.graph.resources import LedgerResource, ProjectFiles
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.intake.headers.matching import load_spellings
from clodura_pipeline.warehouse.analyst_tables import bump
from clodura_pipeline.warehouse.database import scalar, working_database
from clodura_pipeline.warehouse.landing import Days, FileState, Landed, land
from clodura_pipeline.warehouse.publication import published_files
from clodura_pipeline.warehouse.tables import RAW_CONTACTS, REJECTED_CONTACTS, VALIDATED_CONTACTS
from clodura_pipeline.warehouse.validation import validate

# Dagster repeats an asset's metadata for every partition of a range; source_files has them all.
MOST_FILES_SHOWN = 50


@dg.asset(
    group_name="contacts",
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    kinds={"duckdb"},
    metadata=definition_metadata(RAW_CONTACTS),
)
@in_words
def raw_contacts(
    context: dg.AssetExecutionContext, duckdb: DuckDBResource, ledger: LedgerResource, files: ProjectFiles
) -> dg.MaterializeResult:
    """Every record of the days' contact files, as text, with file and row number."""
    today = datetime.now(UTC).date()
    wanted = frozenset(days_of(context))
    spellings = load_spellings(Path(files.header_spellings)) if files.header_spellings else {}
    found = find_files(Path(files.contacts_dir))

    def open_database() -> AbstractContextManager[DuckDBPyConnection]:
        return working_database(duckdb, "landing")

    with open_database() as connection:
        if rebuilt := _lost_working_database(connection, Path(files.database)):
            context.log.warning(rebuilt)
    days = Days(date.fromisoformat(files.start_date), today, None if rebuilt else wanted)
    with ledger.open() as journal:
        landed = land(
            open_database,
            found,
            days,
            lambda path: date.fromisoformat(journal.day_of_undated_file(path, today.isoformat())),
            spellings,
            utc_now(),
            lambda state: _log(context, state),
        )
    with open_database() as connection:
        bump(connection, "files_version")
        counts = row_counts(connection, RAW_CONTACTS, list(wanted))
    if not found.files:
        context.log.warning(f"No contact files in {files.contacts_dir} (CLODURA_CONTACTS_DIR): nothing to load.")
    for path in landed.vanished:
        context.log.warning(f"{path} is no longer there; the rows it brought are kept.")
    return dg.MaterializeResult(metadata={**counts, **_figures(landed)})


@dg.multi_asset(
    group_name="contacts",
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    specs=[
        dg.AssetSpec(
            "validated_contacts",
            deps=[raw_contacts],
            description="Rows Clodura can be asked about: cleaned, with canonical identifiers, held to a schema.",
            kinds={"duckdb", "pandera"},
            metadata=definition_metadata(VALIDATED_CONTACTS),
        ),
        dg.AssetSpec(
            "rejected_contacts",
            deps=[raw_contacts],
            description="Records that could not be read or that Clodura cannot be asked about, with their reasons.",
            kinds={"duckdb", "pandera"},
            metadata=definition_metadata(REJECTED_CONTACTS),
        ),
    ],
)
@in_words
def validated_and_rejected(
    context: dg.AssetExecutionContext, duckdb: DuckDBResource, ledger: LedgerResource
) -> Iterator[dg.MaterializeResult]:
    """Cleans and validates the days' rows and splits them; every landed row ends in one of the two."""
    days = days_of(context)
    with ledger.open() as journal, working_database(duckdb, "validation") as connection:
        validated = validate(connection, days, journal.forgotten())
        kept = row_counts(connection, VALIDATED_CONTACTS, list(days))
        rejected = row_counts(connection, REJECTED_CONTACTS, list(days))
    context.log.info(
        f"{validated.landed} rows landed: {validated.kept} validated, {validated.rejected} rejected; "
        f"{validated.unreadable} further records could not be read."
    )
    reasons = [{"reason": reason, "rows": count} for reason, count in validated.reasons]
    yield dg.MaterializeResult(asset_key="validated_contacts", metadata={**kept, "landed": validated.landed})
    yield dg.MaterializeResult(
        asset_key="rejected_contacts",
        metadata={**rejected, "unreadable_records": validated.unreadable, "reasons": records(reasons)},
    )


def _lost_working_database(connection: DuckDBPyConnection, published: Path) -> str | None:
    """What to say when the working database is new though files were loaded before; None when it is not.

    Landing only this run's days would then publish a file that lacks all others.
    """
    if scalar(connection, "SELECT count(*) FROM source_files"):
        return None
    loaded = published_files(published)
    if not any(file.loaded_at for file in loaded.values()):
        return None
    return (
        "The working database is new, but files were loaded before: all that are still in the contacts folder are "
        "landed again, whatever their day. Rows of files that are gone come back only with a back-up of "
        "CLODURA_STATE_DIR."
    )


def _log(context: dg.AssetExecutionContext, state: FileState) -> None:
    if state.status == "loaded" and state.reading:
        bad = len(state.reading.unreadable)
        context.log.info(
            f"{state.file.path}: {len(state.reading.rows)} rows ({state.reading.format})"
            + (f", {bad} records could not be read, see rejected_contacts" if bad else "")
        )
    elif state.status in ("unreadable", "outside_partitions"):
        context.log.warning(f"{state.file.path}: not loaded: {state.reason}")


def _figures(landed: Landed) -> dict[str, dg.MetadataValue]:
    shown = [
        {
            "file": state.file.path,
            "day": state.day.isoformat(),
            "status": state.status,
            "rows": len(state.reading.rows) if state.reading else None,
            "unreadable": len(state.reading.unreadable) if state.reading else None,
            "format": state.reading.format if state.reading else None,
            "columns": ", ".join(f"{a} → {b}" for a, b in state.reading.mapping.items()) if state.reading else None,
            "reason": state.reason,
        }
        for state in sorted(landed.files, key=lambda state: state.status == "loaded")
        if state.status != "found"
    ][:MOST_FILES_SHOWN]
    return {
        "rows": dg.MetadataValue.int(landed.rows),
        "unreadable_records": dg.MetadataValue.int(landed.unreadable_records),
        "files_loaded": dg.MetadataValue.int(landed.count("loaded")),
        "files_unreadable": dg.MetadataValue.int(landed.count("unreadable")),
        "files_vanished": dg.MetadataValue.int(len(landed.vanished)),
        "files": records(shown),
    }
