"""What each step costs for a large list, against DuckDB's own reading of the same file in the same run.

    uv run python -m tests.benchmarks [rows, default 100000] [columns that the pipeline only keeps, default 0]
    uv run python -m tests.benchmarks --ledger [attempts, default 20000]
    uv run python -m tests.benchmarks --decisions [seconds, default 5]

Then come the jobs as an operator starts them, and an empty job against a trivial one of three assets. Each step runs
in a process of its own, so that its peak memory is its own. "reads" is the step's time divided by the time that DuckDB
takes for `CREATE TABLE AS SELECT * FROM read_csv(...)` of that file.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl

from clodura_pipeline.enrichment.plan import make_plan
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.identity.suppression_file import Suppression
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.published.build import build_analyst_tables
from clodura_pipeline.warehouse.published.publication import publish
from clodura_pipeline.warehouse.rows.landing import Days, land
from clodura_pipeline.warehouse.rows.validation import validate
from tests.benchmarks.decisions import measure_decisions
from tests.benchmarks.jobs import measure_jobs
from tests.benchmarks.large_ledger import measure_ledger
from tests.identity.labelled import labelled_contacts

DAY = date(2026, 11, 20)


class _WorkingDatabase:
    """The working database of the benchmark's folder."""

    def __init__(self, folder: Path) -> None:
        self.database = str(folder / "state" / "working.duckdb")

    def get_connection(self) -> "closing[duckdb.DuckDBPyConnection]":
        """The open database."""
        return closing(duckdb.connect(self.database, config={"temp_directory": f"{self.database}.tmp"}))


def write_contacts(target: Path, rows: int, other_columns: int = 0) -> None:
    """A CSV of so many dirty rows with known traps, about seven tenths as many people.

    Args:
        other_columns: columns without a meaning for the pipeline, as exports of CRMs have.
    """
    base = labelled_contacts(groups=500)
    texts = [name for name in base.columns if name not in ("file_date", "source_file", "source_row", "source", "truth",
             "trap", "source_columns", "record")]  # fmt: skip
    parts = [
        base.select(texts).with_columns(
            pl.col("linkedin_url").str.replace(r"(-\d+)", rf"${{1}}c{copy}"),
            pl.col("email").str.replace(r"(?i)@(firm\d+)", rf"@${{1}}c{copy}"),
            pl.col("organisation_name").str.replace(r" (\d+)", rf" ${{1}}c{copy}"),
            (pl.lit(f"{copy}-") + pl.int_range(pl.len()).cast(pl.String)).alias("contact_id"),
        )
        for copy in range(-(-rows // base.height))
    ]
    target.parent.mkdir(parents=True)
    others = [
        pl.format("value {} of row {}", pl.lit(number), pl.int_range(pl.len())).alias(f"Custom field {number}")
        for number in range(other_columns)
    ]
    pl.concat(parts).head(rows).with_columns(others).write_csv(target)


def _ledger(folder: Path) -> Ledger:
    return open_ledger(folder / "state" / "ledger.sqlite")


def read_csv(folder: Path) -> None:
    """DuckDB's own reading: the unit."""
    with duckdb.connect(folder / "read.duckdb") as connection:
        file = next((folder / "contacts").iterdir())
        connection.execute(f"CREATE OR REPLACE TABLE t AS SELECT * FROM read_csv('{file}', all_varchar = true)")


def land_files(folder: Path) -> None:
    """Land all files."""
    days = Days(DAY, DAY, frozenset({DAY}))
    now = datetime(2026, 11, 20, tzinfo=UTC)
    land(lambda: working_database(_WorkingDatabase(folder)), find_files(folder / "contacts"), days,
         lambda _: DAY, {}, now)  # fmt: skip


def validate_rows(folder: Path) -> None:
    """Clean and validate."""
    with _ledger(folder) as ledger, working_database(_WorkingDatabase(folder)) as connection:
        validate(connection, ledger.erased_people())


def plan(folder: Path) -> None:
    """Resolve people and plan."""
    with _ledger(folder) as ledger, working_database(_WorkingDatabase(folder)) as connection:
        make_plan(connection, ledger, Suppression(), [DAY], "benchmark")


def plan_again(folder: Path) -> None:
    """The same with nothing new: another run."""
    land_files(folder)
    validate_rows(folder)
    with _ledger(folder) as ledger, working_database(_WorkingDatabase(folder)) as connection:
        make_plan(connection, ledger, Suppression(), [DAY], "another")


def build(folder: Path) -> None:
    """Build the analysts' tables."""
    with _ledger(folder) as ledger, working_database(_WorkingDatabase(folder)) as connection:
        build_analyst_tables(connection, ledger, Suppression(), "benchmark", datetime(2026, 11, 20, tzinfo=UTC), 2000)


def publish_file(folder: Path) -> None:
    """Write the published file."""
    with working_database(_WorkingDatabase(folder)) as connection:
        publish(connection, folder / "clodura.duckdb")


STEPS: dict[str, Callable[[Path], None]] = {
    "DuckDB reads the file": read_csv,
    "land": land_files,
    "validate": validate_rows,
    "resolve people and plan": plan,
    "all of it again, nothing new": plan_again,
    "build the analysts' tables": build,
    "publish": publish_file,
}


def main() -> None:
    """Measure every step and print a table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    other_columns = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory(prefix="clodura-benchmark-") as name:
        folder = Path(name)
        file = folder / "contacts" / f"list-{DAY}.csv"
        write_contacts(file, rows, other_columns)
        print(f"{rows:,} rows, {file.stat().st_size / 1e6:,.0f} MB, DuckDB {duckdb.__version__}\n")
        print(f"{'step':<38} {'seconds':>8} {'CPU':>8} {'reads':>6} {'MiB':>6}")
        unit = 0.0
        for step in STEPS:
            done = subprocess.run([sys.executable, "-m", "tests.benchmarks", "--step", step, name], check=True,
                                  capture_output=True, text=True)  # fmt: skip
            seconds, worked, mebibytes = map(float, done.stdout.split())
            unit = unit or seconds
            _print_row(step, unit, seconds, worked, mebibytes)
        for label, cost in measure_jobs(folder / "contacts", folder / "jobs", str(DAY)):
            _print_row(label, unit, cost.seconds, cost.cpu_seconds, cost.mebibytes)


def _print_row(label: str, unit: float, seconds: float, cpu_seconds: float, mebibytes: float) -> None:
    print(f"{label:<38} {seconds:>8.2f} {cpu_seconds:>8.2f} {seconds / unit:>6.1f} {mebibytes:>6.0f}", flush=True)


def run_step(step: str, folder: Path) -> None:
    """One step in this process; prints seconds, CPU seconds and peak memory in MiB (of it or its largest child)."""
    start, worked = time.perf_counter(), time.process_time()
    STEPS[step](folder)
    seconds = time.perf_counter() - start
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    worked = time.process_time() - worked + children.ru_utime + children.ru_stime
    print(f"{seconds} {worked} {max(own.ru_maxrss, children.ru_maxrss) / 1024}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        run_step(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1:2] == ["--ledger"]:
        measure_ledger(int(sys.argv[2]) if len(sys.argv) > 2 else 20_000)
    elif sys.argv[1:2] == ["--decisions"]:
        measure_decisions(float(sys.argv[2]) if len(sys.argv) > 2 else 5.0)
    else:
        main()
