"""Assets of the contact files: landed, cleaned, validated, split."""

from datetime import UTC, date, datetime

import dagster as dg

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.graph.assets import assets, spec
from clodura_pipeline.graph.partitions import utc_now
from clodura_pipeline.graph.step import Step, row_count, small_table
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.intake.reader_process import Spellings
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.figures import LANDED_BY_DAY, REJECTED_BY_DAY, REJECTION_REASONS, VALIDATED_BY_DAY
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.published.publication import published_files
from clodura_pipeline.warehouse.rows.landed_files import share_landed_files, take_over_landed_files
from clodura_pipeline.warehouse.rows.landing import Days, Landed, land
from clodura_pipeline.warehouse.rows.source_files import FileState
from clodura_pipeline.warehouse.rows.validation import validate
from clodura_pipeline.warehouse.tables.columns import RAW_CONTACTS, REJECTED_CONTACTS, VALIDATED_CONTACTS

# At most 50: Dagster repeats an asset's metadata for every partition of a range.
_FILES = """
SELECT source_file AS file, file_date AS day, status, rows_landed AS rows, records_unreadable AS unreadable, reason
FROM source_files WHERE status <> 'found' ORDER BY status = 'loaded', file_date DESC, file LIMIT 50
"""


class NoContactsFolder(UserFixableError):
    """There is no folder to look for contact files in."""


@assets(
    spec("raw_contacts", "contacts", "Every record of the day's files, as text.", RAW_CONTACTS, deps=["contact_files"]),
    partitioned=True,
)
def land_contacts(step: Step) -> None:
    """Lands the files of the days, or all files where the working database is new."""
    folder = step.settings.contacts_dir
    if not folder.is_dir():
        raise NoContactsFolder(
            f"The contacts folder does not exist, so nothing was loaded: {folder}. Create it, or set "
            "CLODURA_CONTACTS_DIR to the folder that your contact files are in."
        )
    landed = _land(step)
    with step.database("reading figures") as connection:
        run = {
            "run_rows_landed": landed.rows,
            "run_files_landed": sum(1 for state in landed.files if state.reading),
            "files_unreadable": landed.count("unreadable"),
            "files_vanished": len(landed.vanished),
            **small_table("files", read(connection, _FILES).to_dicts()),
            **row_count(connection, RAW_CONTACTS),
        }
        step.describe_days("raw_contacts", connection, LANDED_BY_DAY, run)


@assets(
    spec(
        "validated_contacts",
        "contacts",
        "Rows Clodura can be called for, cleaned and validated.",
        VALIDATED_CONTACTS,
        deps=["raw_contacts"],
        kinds=("duckdb", "pandera"),
    ),
    spec(
        "rejected_contacts",
        "contacts",
        "Records that cannot be used, with their reasons.",
        REJECTED_CONTACTS,
        deps=["raw_contacts"],
        kinds=("duckdb", "pandera"),
    ),
    partitioned=True,
)
def validate_contacts(step: Step) -> None:
    """Validates the files that are new or changed."""
    with step.ledger() as ledger, step.database("validation") as connection:
        files = validate(connection, ledger.erased_people()).files
        step.context.log.info(f"{files} new or changed files validated.")
        if (folder := step.settings.landed_files) is not None:
            try:
                share_landed_files(connection, folder)
            except OSError as error:
                step.context.log.warning(
                    f"Rows landed here are not shared with other hosts: {error.strerror}. When a contact file "
                    f"vanishes, only this host keeps its rows. Make {folder} a folder that this user can write to."
                )
        run = {"run_files_validated": files, **row_count(connection, VALIDATED_CONTACTS)}
        step.describe_days("validated_contacts", connection, VALIDATED_BY_DAY, run)
        reasons = small_table("reasons", read(connection, REJECTION_REASONS, [step.days]).to_dicts())
        run = {**reasons, "run_files_validated": files, **row_count(connection, REJECTED_CONTACTS)}
        step.describe_days("rejected_contacts", connection, REJECTED_BY_DAY, run)


def _land(step: Step) -> Landed:
    log, settings, wanted = step.context.log, step.settings, step.days
    today = datetime.now(UTC).date()
    spellings: Spellings = {}
    if settings.header_spellings:
        from clodura_pipeline.intake.headers.spellings import load_spellings

        spellings = load_spellings(settings.header_spellings)
    found = find_files(settings.contacts_dir)
    lands_all_days = _take_over_landed_files(step)
    days = Days(settings.start_date, today, None if lands_all_days else frozenset(wanted))
    with step.ledger() as ledger:
        landed = land(
            lambda: step.database("landing"),
            found,
            days,
            lambda path: date.fromisoformat(ledger.day_of_undated_file(path, today.isoformat())),
            spellings,
            datetime.fromtimestamp(ledger.read_clock().stamp, UTC) if settings.ledger_url else utc_now(),
            lambda state: _log_file(log, state),
        )
    if not any(state.day in wanted for state in landed.files):
        log.warning(
            f"No contact file belongs to {wanted[0]}{f' to {wanted[-1]}' if len(wanted) > 1 else ''}: nothing was "
            f"loaded. Look at the dates in the paths below {settings.contacts_dir} (CLODURA_CONTACTS_DIR)."
        )
    for path in landed.vanished:
        log.warning(f"{path} is no longer in the contacts folder; its rows are kept.")
    return landed


def _take_over_landed_files(step: Step) -> bool:
    """Take over what other hosts have landed; returns whether the files of all days are to be landed.

    They are where the working database is new though files were loaded before: landing only this run's days would then
    publish a file that lacks all others.
    """
    log, settings, shared = step.context.log, step.settings, []
    if not settings.working_database.exists():
        log.info(
            "This host has no working database yet. It is built from contact files, from what other hosts have landed, "
            f"and from the ledger, without a call. File: {settings.working_database}"
        )
    with step.database("landing") as connection:
        is_new = not scalar(connection, "SELECT count(*) FROM source_files")
        if settings.landed_files:
            shared = take_over_landed_files(connection, settings.landed_files)
    if shared:
        log.info(f"{len(shared)} files are taken over from what other hosts have landed.")
    if not is_new or not any(file.loaded_at for file in published_files(settings.database).values()):
        return False
    log.warning(
        f"This host builds its working database again: all files in {settings.contacts_dir} are landed, answers come "
        "from the ledger. Rows of files that no host has kept come back only from a backup of CLODURA_STATE_DIR."
    )
    return True


def _log_file(log: dg.DagsterLogManager, state: FileState) -> None:
    if state.status == "loaded" and state.reading:
        bad = len(state.reading.unreadable)
        log.info(
            f"{state.file.path}: {state.reading.rows_read} rows ({state.reading.format})"
            + (f", {bad} records could not be read, see rejected_contacts" if bad else "")
        )
    elif state.status in ("unreadable", "outside_partitions"):
        log.warning(f"{state.file.path}: not loaded: {state.reason}")
