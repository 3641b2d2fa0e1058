"""A working database with a ledger, filled from rows as the graph fills it, and calls settled as the test says."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from clodura_pipeline.clodura.answers.fields import load_answer_fields
from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.verdicts import RawAnswer, judge
from clodura_pipeline.enrichment.plan import make_plan, planned_batches, planned_people
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.identity.suppression_file import Suppression
from clodura_pipeline.intake.rows.landed_rows import LANDED_SCHEMA
from clodura_pipeline.ledger import Ledger, Permit
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Refresh, Run
from clodura_pipeline.warehouse.database import create_tables
from clodura_pipeline.warehouse.frames import insert
from clodura_pipeline.warehouse.published.analysts_file import attach_analysts_file
from clodura_pipeline.warehouse.published.build import build_analyst_tables
from clodura_pipeline.warehouse.published.publication import publish
from clodura_pipeline.warehouse.rows.validation import validate

DAY = date(2026, 11, 20)
POLICY = Policy(Limits(0, 0, 0), Budget(0))
Answer = Callable[[EnrichmentRequest], bytes]


def by_email(name: str, **cells: str) -> dict[str, str]:
    """A row with first name, last name and e-mail address; its contact_id is the name."""
    return {
        "contact_id": name,
        "first_name": name.title(),
        "last_name": "Lee",
        "email": f"{name}@engines.example",
        **cells,
    }


def person(**fields: Any) -> bytes:
    """An answer with a person."""
    return json.dumps({"personId": "p-1", "firstName": "Ann", "lastName": "Lee", **fields}).encode()


def answer_with(answers: Mapping[str, bytes]) -> Answer:
    """Answers by e-mail address; a miss for all others."""
    return lambda request: answers.get(request.identifiers.email or "", b"{}")


@dataclass
class Warehouse:
    """Lands rows, calls for people and publishes, without Dagster and without a server."""

    connection: duckdb.DuckDBPyConnection
    ledger: Ledger
    folder: Path
    now: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)
    runs: int = 0
    calls_per_day: int = 2000
    suppression: Suppression = field(default_factory=Suppression)

    def land(self, source_file: str, *rows: dict[str, str], day: date = DAY, source: str = "") -> None:
        """Land the rows of a file, in place of its earlier ones, and validate them."""
        frame = pl.DataFrame(
            [{**dict.fromkeys(LANDED_SCHEMA), "source_row": n, "record": "{}", **row} for n, row in enumerate(rows, 1)],
            schema=LANDED_SCHEMA,
        )
        place = {"file_date": day, "source_file": source_file, "source": source or source_file.removesuffix(".csv")}
        landed = frame.with_columns(pl.lit(value).alias(name) for name, value in place.items())
        self.connection.execute("DELETE FROM raw_contacts WHERE source_file = ?", [source_file])
        insert(self.connection, "raw_contacts", landed)
        self.connection.execute("INSERT OR REPLACE INTO landed_files VALUES (?, false, '', '', false)", [source_file])
        self.connection.execute("DELETE FROM source_files WHERE source_file = ?", [source_file])
        self.connection.execute(
            "INSERT INTO source_files BY NAME SELECT ? AS source_file, ? AS source, ?::DATE AS file_date, "
            "'loaded' AS status, ? AS records, ? AS rows_landed",
            [source_file, place["source"], day, len(rows), len(rows)],
        )
        validate(self.connection, self.ledger.erased_people())

    def reread(self, fields: str) -> None:
        """Read the kept answers again by further field names, as a file of them has it."""
        file = self.folder / "fields.toml"
        file.write_text(fields)
        reader = AnswerReader(load_answer_fields(file))
        self.ledger.reread(lambda raw, asked: judge(raw, asked, self.now, reader), reader.version)

    def call(
        self,
        answer: Answer,
        days: tuple[date, ...] = (DAY,),
        refresh: Refresh | None = None,
        at_most: int | None = None,
    ) -> int:
        """Plan and call for everyone who may be called for, or the first of them; returns the number of calls."""
        self.runs += 1
        run_id = f"run-{self.runs}"
        make_plan(self.connection, self.ledger, self.suppression, days, run_id, refresh)
        run = self.ledger.start_run(Run(run_id, run_id, 0, str(days[0]), str(days[-1])))
        reader, calls = AnswerReader(), 0
        people = planned_people(self.connection, days)[:at_most]
        for batch in planned_batches(lambda: nullcontext(self.connection), days, people, 100):
            for request in batch:
                permit = self.ledger.permit(request, run, replace(POLICY, refresh=refresh))
                if isinstance(permit, Permit):
                    raw = RawAnswer(200, answer(request))
                    verdict = judge(raw, request.identifiers, self.now, reader)
                    self.ledger.settle(permit.attempt_id, verdict, raw, POLICY, reader.version)
                    calls += 1
        self.ledger.end_run(run, None)
        return calls

    def build(self) -> None:
        """Bring the analysts' tables up to date, an hour later than before."""
        self.now += timedelta(hours=1)
        build_analyst_tables(self.connection, self.ledger, self.suppression, "run", self.now, self.calls_per_day)

    def publish(self) -> duckdb.DuckDBPyConnection:
        """Bring the analysts' tables up to date, and open the published file."""
        self.build()
        target = self.folder / "clodura.duckdb"
        assert publish(self.connection, target)
        return duckdb.connect(target, read_only=True)


@contextlib.contextmanager
def open_warehouse(folder: Path) -> Iterator[Warehouse]:
    """An empty one in a folder."""
    with (
        duckdb.connect(folder / "working.duckdb") as connection,
        open_ledger(folder / "state" / "ledger.sqlite") as ledger,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        create_tables(connection)
        attach_analysts_file(connection, folder / "analysts.duckdb")
        yield Warehouse(connection, ledger, folder)
