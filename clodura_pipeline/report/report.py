"""Makes the page from the published file and puts it beside that file: HTML that needs no network."""

import contextlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from clodura_pipeline.private_files import make_private_folder, replace_file
from clodura_pipeline.report.attention import find_problems
from clodura_pipeline.report.forecast import make_forecast
from clodura_pipeline.report.sections import amount, count, make_sections, percent
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.frames import read

_FOLDER = Path(__file__).parent  # page.html, page.css, page.js
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


def write_report(settings: Settings, balance: float | None) -> Path:
    """Replace the page by one about the published file as it is now, beside that file; returns its path.

    Args:
        balance: Clodura's newest stated balance; None: unknown.

    Raises:
        OSError: the folder cannot be written; the earlier page is unchanged.
    """
    target = settings.database.with_suffix(".html")
    page: dict[str, Any] = {"subtitle": _EMPTY}
    if settings.database.is_file():
        with contextlib.closing(duckdb.connect(settings.database, read_only=True)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            page = _page(connection, settings, balance)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(_html(page, vega_script(settings.state_dir)))
    replace_file(fresh, target, settings.published_permissions)
    return target


def _page(connection: duckdb.DuckDBPyConnection, settings: Settings, balance: float | None) -> dict[str, Any]:
    """What the page says of an open published file."""
    states = read(connection, _STATE).to_dicts()
    if not states or not states[0]["files"]:
        return {"subtitle": _EMPTY}
    state = states[0]
    forecast = make_forecast(connection, settings, balance)
    figures = {
        "people": count(state["people"]),
        "matched": count(state["matched"]),
        "match rate": percent(state["matched"] / state["answered"]) if state["answered"] else "–",
        "only the company": count(state["organisations"]),
        "credits charged": amount(state["charged"]),
        "credits per match": f"{state['charged'] / state['matched']:.2f}" if state["matched"] else "–",
        "pending contacts": count(state["pending"]),
        "balance": "unknown" if balance is None else amount(balance),
    }
    return {
        "subtitle": f"The published file of {state['published']}, at the ledger's sequence {state['ledger_sequence']}.",
        "figures": figures.items(),
        "findings": find_problems(connection, settings, forecast),
        "sections": make_sections(connection, settings, forecast),
    }


def _html(page: dict[str, Any], vega: str) -> str:
    """The page as HTML. All text is escaped: names of files are chosen by others."""
    from jinja2 import Environment, FileSystemLoader  # 0.1 s, which each process of Dagster would spend

    template = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True).get_template("page.html")
    return (
        template.render(
            page,
            charts={section.anchor: section.chart for section in page.get("sections", ()) if section.chart},
            css=(_FOLDER / "page.css").read_text(),
            js=(_FOLDER / "page.js").read_text(),
            vega=vega,
        )
        + "\n"
    )


def vega_script(folder: Path) -> str:
    """The script that draws charts without a network. It is kept in this folder: to bundle it takes 2 s (measured)."""
    import vl_convert  # takes a while

    kept = folder / f"vega-{version('vl-convert-python')}.js"
    if not kept.is_file():
        make_private_folder(folder)
        fresh = kept.with_name(f".{kept.name}.{os.getpid()}")
        fresh.write_text(vl_convert.javascript_bundle())  # pyright: ignore[reportCallIssue] (its stub lacks the default)
        replace_file(fresh, kept, 0o600)
    return kept.read_text()
