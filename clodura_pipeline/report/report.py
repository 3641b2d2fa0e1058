"""Makes the page from the published file and puts it beside that file."""

import contextlib
from pathlib import Path

import duckdb

from clodura_pipeline.report import attention
from clodura_pipeline.report.forecast import make_forecast
from clodura_pipeline.report.page import Page, html
from clodura_pipeline.report.section import amount, count, percent, rows_of
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.replacement import replace_file

_STATE = """
SELECT strftime(published_at, '%d %B %Y, %H:%M UTC') AS published, ledger_sequence, pending,
       (SELECT count(*) FROM people) AS people,
       (SELECT count(*) FROM people WHERE match_status = 'person') AS matched,
       (SELECT count(*) FROM people WHERE match_status IN ('person', 'organisation', 'no_match')) AS answered,
       (SELECT count(*) FROM people WHERE match_status = 'organisation') AS organisations,
       (SELECT coalesce(sum(credits_charged), 0) FROM credit_usage) AS charged,
       (SELECT count(*) FROM source_files) AS files
FROM publication
"""
_EMPTY = "Nothing is published yet: put a contact file into the contacts folder and start a run."


def report_path(settings: Settings) -> Path:
    """Where the page is: beside the published file, with the ending .html."""
    return settings.database.with_suffix(".html")


def write_report(settings: Settings, balance: float | None) -> Path:
    """Replace the page by one about the published file as it is now; returns its path.

    Args:
        balance: Clodura's newest stated balance; None: unknown.

    Raises:
        OSError: the folder cannot be written; the earlier page is unchanged.
    """
    target = report_path(settings)
    page = Page(_EMPTY)
    if settings.database.is_file():
        with contextlib.closing(duckdb.connect(settings.database, read_only=True)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            page = make_page(connection, settings, balance)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(html(page))
    replace_file(fresh, target, settings.published_permissions)
    return target


def make_page(connection: duckdb.DuckDBPyConnection, settings: Settings, balance: float | None) -> Page:
    """What the page says of an open published file."""
    from clodura_pipeline.report.sections import make_sections  # imports Altair

    states = rows_of(connection, _STATE)
    if not states or not states[0]["files"]:
        return Page(_EMPTY)
    state = states[0]
    forecast = make_forecast(connection, settings, balance)
    figures = (
        ("people", count(state["people"])),
        ("matched", count(state["matched"])),
        ("match rate", percent(state["matched"] / state["answered"]) if state["answered"] else "–"),
        ("only the company", count(state["organisations"])),
        ("credits charged", amount(state["charged"])),
        ("credits per match", f"{state['charged'] / state['matched']:.2f}" if state["matched"] else "–"),
        ("pending contacts", count(state["pending"])),
        ("balance", "unknown" if balance is None else amount(balance)),
    )
    subtitle = f"The published file of {state['published']}, at the ledger's sequence {state['ledger_sequence']}."
    findings = attention.find(connection, settings, forecast)
    return Page(subtitle, figures, findings, make_sections(connection, settings, forecast))
