"""The demo for real: what it says is true, a second one asks nobody, and the user's own settings stay out of it."""

import contextlib
import json
from typing import Any

import duckdb
from two_demos import TwoDemos

from clodura_pipeline.intake.formats import read_contacts


def ask(demos: TwoDemos, query: str) -> Any:
    """The first value that a query on the published file returns."""
    with contextlib.closing(duckdb.connect(demos.database, read_only=True)) as connection:
        return connection.execute(query).fetchall()[0][0]


def test_every_record_of_the_files_is_told_as_usable_or_rejected(demos: TwoDemos) -> None:
    contacts = demos.first.finished.place.contacts
    readings = [read_contacts(path) for path in contacts.rglob("*.csv")]
    records = sum(len(reading.rows) + len(reading.unreadable) for reading in readings)
    figures = demos.first.figures
    assert figures.records == records == figures.usable + figures.rejected
    assert 300 <= records <= 500
    assert figures.files == len(readings) == 5


def test_the_figures_are_those_of_the_published_file(demos: TwoDemos) -> None:
    figures = demos.first.figures
    assert figures.people == ask(demos, "SELECT count(DISTINCT person_key) FROM enriched_contacts") == figures.answered
    for status in ("person", "organisation", "no_match"):
        query = f"SELECT count(DISTINCT person_key) FROM enriched_contacts WHERE match_status = '{status}'"
        assert figures.by_status[status] == ask(demos, query) > 0
    assert figures.rejected == ask(demos, "SELECT count(*) FROM rejected_contacts") > 0


def test_credits_agree_with_the_sandboxs_own_books_and_nobody_is_bought_twice(demos: TwoDemos) -> None:
    finished = demos.first.finished
    assert finished.books_agree
    assert finished.charged == finished.books.charged > 0
    assert finished.charged == ask(demos, "SELECT sum(credits_charged) FROM credit_usage")
    assert finished.charged == ask(demos, "SELECT sum(credits_charged) FROM enriched_contacts")
    assert not finished.books.bought_more_than_once()


def test_people_asked_are_those_the_sandbox_was_asked_about_at_no_more_than_the_limit(demos: TwoDemos) -> None:
    finished = demos.first.finished
    assert finished.asked == len(finished.books.enrich_calls)
    assert set(finished.books.by_status()) == {200}
    assert finished.books.max_calls_within(1.0) <= 50


def test_every_check_passes_also_those_that_compare_balances_over_a_restart(demos: TwoDemos) -> None:
    for told in (demos.first, demos.second):
        assert told.finished.remarks == []
        assert told.finished.checks >= 30


def test_a_second_demo_asks_nobody_and_says_so(demos: TwoDemos) -> None:
    second = demos.second
    assert (second.finished.asked, second.finished.charged, second.finished.books.enrich_calls) == (0, 0, ())
    assert second.figures == demos.first.figures
    assert "0 people asked, 0 credits: everybody already has an answer." in second.printed
    assert "everybody already has an answer" not in demos.first.printed


def test_the_summary_tells_figures_and_the_real_output_of_its_query(demos: TwoDemos) -> None:
    printed, figures = demos.first.printed, demos.first.figures
    lines = [line.split() for line in printed.splitlines()]
    assert ["Credits", str(figures.credits_charged)] in [line[:2] for line in lines]
    assert ["Matched", str(figures.by_status["person"])] in [line[:2] for line in lines]
    assert f"match rate {figures.by_status['person'] / figures.answered:.0%} of the {figures.answered}" in printed
    assert figures.example.rows
    for row in figures.example.rows:
        assert [word for value in row for word in str(value).split()] in lines


def test_the_files_hold_an_address_that_belongs_to_two_profiles(demos: TwoDemos) -> None:
    assert ask(demos, "SELECT count(*) FROM identity_conflicts") == 1


def test_nothing_of_the_users_own_is_asked_or_touched(demos: TwoDemos) -> None:
    assert demos.users_server.calls == ()
    assert list(demos.users_folder.iterdir()) == []
    assert demos.first.finished.asked > 2  # the user's cap on credits, in a spelling that counts too


def test_the_runs_are_kept_in_a_storage_of_the_demos_own_and_the_log_is_quiet_about_people(demos: TwoDemos) -> None:
    place = demos.first.finished.place
    assert len([run for run in (place.dagster_home / "storage").iterdir() if run.is_dir()]) == 6
    log = place.log.read_text()
    asked_with = [json.dumps(value) for call in demos.first.finished.books.enrich_calls for value in _texts(call)]
    assert "enrich_contacts" in log
    assert not [text for text in asked_with if text.strip('"') in log]


def _texts(call: Any) -> list[str]:
    return [call.identifiers[name] for name in ("email", "linkedinUrl") if name in call.identifiers]
