"""The real demo: what it says is true, a second one makes no calls, and the user's own settings are not used."""

import contextlib
import json
import tomllib
from pathlib import Path
from typing import Any

import duckdb
from two_demos import TwoDemos

from clodura_pipeline.demo import summary
from clodura_pipeline.intake.contact_file import read_contacts


def query(demos: TwoDemos, sql: str) -> Any:
    """The first value that a query on the published file returns."""
    with contextlib.closing(duckdb.connect(demos.database, read_only=True)) as connection:
        return connection.execute(sql).fetchall()[0][0]


def test_every_record_of_the_files_is_usable_or_rejected(demos: TwoDemos) -> None:
    contacts = demos.first.finished.folder.contacts
    readings = [read_contacts(path) for path in contacts.rglob("*.csv")]
    records = sum(len(reading.rows) + len(reading.unreadable) for reading in readings)
    figures = demos.first.figures
    assert figures["records"] == records == figures["usable"] + figures["rejected"]
    assert 300 <= records <= 500
    assert figures["files"] == len(readings) == 5


def test_the_figures_are_those_of_the_published_file(demos: TwoDemos) -> None:
    figures = demos.first.figures
    people = query(demos, "SELECT count(DISTINCT person_key) FROM enriched_contacts")
    assert figures["people"] == people == figures["answered"]
    for name, status in (("persons", "person"), ("organisations", "organisation"), ("no_matches", "no_match")):
        sql = f"SELECT count(DISTINCT person_key) FROM enriched_contacts WHERE match_status = '{status}'"
        assert figures[name] == query(demos, sql) > 0
    assert figures["rejected"] == query(demos, "SELECT count(*) FROM rejected_contacts") > 0


def test_credits_agree_with_the_sandboxs_own_books_and_nobody_is_paid_for_twice(demos: TwoDemos) -> None:
    finished = demos.first.finished
    assert finished.charges_agree
    assert finished.charged == finished.call_log.charged > 0
    assert finished.charged == query(demos, "SELECT sum(credits_charged) FROM credit_usage")
    assert finished.charged == query(demos, "SELECT sum(credits_charged) FROM enriched_contacts")
    assert not finished.call_log.bought_more_than_once()


def test_people_called_for_are_the_calls_that_the_sandbox_received_within_the_limit(demos: TwoDemos) -> None:
    finished = demos.first.finished
    assert (
        finished.called == len(finished.call_log.enrich_calls) == query(demos, "SELECT sum(requests) FROM credit_usage")
    )
    assert set(finished.call_log.by_status()) == {200}
    assert finished.call_log.max_calls_within(1.0) <= 50


def test_every_check_passes_also_those_that_compare_balances_over_a_restart(demos: TwoDemos) -> None:
    for run in (demos.first, demos.second):
        assert run.finished.remarks == []


def test_a_second_demo_makes_no_calls_and_says_so(demos: TwoDemos) -> None:
    second = demos.second
    assert (second.finished.called, second.finished.charged, second.finished.call_log.enrich_calls) == (0, 0, ())
    assert second.figures == demos.first.figures
    assert "0 people called for, 0 credits: every person already has an answer." in second.printed
    assert "every person already has an answer" not in demos.first.printed


def test_the_summary_shows_figures_and_three_questions_with_their_real_answers(demos: TwoDemos) -> None:
    printed, figures = demos.first.printed, demos.first.figures
    lines = [line.split() for line in printed.splitlines()]
    assert ["Credits", str(figures["credits_charged"])] in [line[:2] for line in lines]
    assert ["Matched", str(figures["persons"])] in [line[:2] for line in lines]
    assert f"match rate {figures['persons'] / figures['answered']:.0%} of the {figures['answered']}" in printed
    assert str(demos.database) in "".join(printed.split("\n")).replace(" ", "")
    questions = tomllib.loads((Path(summary.__file__).parent / "questions.toml").read_text())["question"]
    assert len(questions) == 3
    for question in questions:
        assert question["text"] in printed
        assert [line for line in question["sql"].splitlines() if line not in printed] == []
        with contextlib.closing(duckdb.connect(demos.database, read_only=True)) as connection:
            rows = connection.execute(question["sql"]).fetchall()
        assert rows
        for row in rows:
            assert [word for value in row for word in str(value).split()] in [
                [word for word in line if word != "│"] for line in lines
            ]


def test_the_files_hold_an_address_that_belongs_to_two_profiles(demos: TwoDemos) -> None:
    assert query(demos, "SELECT count(*) FROM identity_conflicts") == 1


def test_nothing_of_the_users_own_is_called_or_touched(demos: TwoDemos) -> None:
    assert demos.users_server.calls == ()
    assert list(demos.users_folder.iterdir()) == []
    assert demos.first.finished.called > 2  # the user's cap on credits, in a spelling that counts too


def test_the_demos_folder_is_closed_to_other_users(demos: TwoDemos) -> None:
    assert demos.first.finished.folder.database.parent.stat().st_mode & 0o777 == 0o700


def test_the_runs_are_kept_in_a_storage_of_the_demos_own_and_the_log_is_quiet_about_people(demos: TwoDemos) -> None:
    folder = demos.first.finished.folder
    assert len([run for run in (folder.dagster_home / "storage").iterdir() if run.is_dir()]) == 4
    log = folder.log.read_text()
    sent = [json.dumps(value) for call in demos.first.finished.call_log.enrich_calls for value in _texts(call)]
    assert "enrich_contacts" in log
    assert not [text for text in sent if text.strip('"') in log]


def _texts(call: Any) -> list[str]:
    return [call.identifiers[name] for name in ("email", "linkedinUrl") if name in call.identifiers]
