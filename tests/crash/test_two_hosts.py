"""Two installations that share nothing but the ledger's URL: one limit, one budget, each person paid for once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from harness import PROCESSES, settings_of
from job_process import run_job
from ledger_checks import assert_ledger_agrees, rows
from postgres_server import running_server

from clodura_pipeline.sandbox import Sandbox, SandboxOptions

PEOPLE = 24


def together(hosts: list[dict[str, Any]], day: str) -> list[int | None]:
    """Run the job on all hosts at once; their exit codes."""
    processes = [PROCESSES.Process(target=run_job, args=(settings, day, None)) for settings in hosts]
    for process in processes:
        process.start()
    for process in processes:
        process.join(150)
    return [process.exitcode for process in processes]


def test_two_installations_pay_once_within_one_budget_and_both_publish_everything(tmp_path: Path) -> None:
    day = datetime.now(UTC).date().isoformat()
    options = SandboxOptions(starting_balance=10_000, latency_seconds=0.05)
    with running_server() as server, Sandbox(options) as sandbox:
        url = server.new_ledger()
        hosts = []
        for name in ("one", "other"):
            contacts = tmp_path / name / "contacts"
            contacts.mkdir(parents=True)
            lines = "".join(f"{n},{person.email}\n" for n, person in enumerate(sandbox.directory.people[:PEOPLE]))
            (contacts / f"list-{day}.csv").write_text("contact_id,email\n" + lines)
            hosts.append(settings_of(tmp_path / name, sandbox.base_url, url) | {"max_credits_per_day": 21})
        assert together(hosts, day) == [0, 0]
        assert 18 <= sandbox.call_log.charged <= 21
        for host in hosts:  # the first pays for the rest, the other sees what was paid for
            assert together([host | {"max_credits_per_day": 0}], day) == [0]
        sandbox.wait_until_idle()
        assert sandbox.call_log.bought_more_than_once() == {}
        total = assert_ledger_agrees(url, sandbox.call_log)
        assert len(rows(url, "SELECT 1 FROM people")) == PEOPLE
    for name in ("one", "other"):
        with duckdb.connect(tmp_path / name / "out" / "clodura.duckdb", read_only=True) as file:
            statuses = {row[0] for row in file.execute("SELECT match_status FROM enriched_contacts").fetchall()}
            assert statuses <= {"person", "organisation", "no_match"}
            assert file.execute("SELECT sum(credits_charged) FROM credit_usage").fetchall() == [(total.charged,)]
            assert file.execute("SELECT count(*) FROM enriched_contacts").fetchall() == [(PEOPLE,)]
