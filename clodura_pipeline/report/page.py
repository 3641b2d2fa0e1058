"""Writes the page: one HTML file that needs no network, with charts for the eye and tables for every reader."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources

from clodura_pipeline.report.attention import Finding
from clodura_pipeline.report.section import Column, Section, Value

_CODE = resources.files(__package__ or "clodura_pipeline.report")
# Nothing is loaded from anywhere. Vega makes functions of its expressions, which needs 'unsafe-eval'.
_SECURITY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_WIDE = ("lists", "credits")


@dataclass(frozen=True)
class Page:
    """What the page says: a heading with when and what it shows, the leading figures, findings, sections."""

    subtitle: str
    figures: Sequence[tuple[str, str]] = ()
    findings: Sequence[Finding] = ()
    sections: Sequence[Section] = ()


def html(page: Page) -> str:
    """The page as HTML. All text is escaped: names of files are chosen by others."""
    charts = {section.anchor: section.chart for section in page.sections if section.chart}
    drawing = (
        f'<script type="application/json" id="charts">{_json(charts)}</script>\n'
        f"<script>{_vega()}</script>\n<script>{_CODE.joinpath('page.js').read_text()}</script>"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_SECURITY}">
<meta name="referrer" content="no-referrer">
<title>Enrichment report</title>
<style>{_CODE.joinpath("page.css").read_text()}</style>
</head>
<body>
<header>
<h1>Enrichment report</h1>
<p>{escape(page.subtitle)}</p>
{_figures(page.figures)}
</header>
<main>
{_attention(page.findings) if page.sections else ""}
{"".join(map(_section, page.sections))}
</main>
<footer>Aggregates of the published file, made by the asset <code>enrichment_report</code>. The page holds no contact
data beyond names of files. <noscript>The charts need JavaScript; the tables have the same figures.</noscript></footer>
{drawing if charts else ""}
</body>
</html>
"""


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    if not figures:
        return ""
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in figures)
    return f'<dl class="figures">{shown}</dl>'


def _attention(findings: Sequence[Finding]) -> str:
    shown = "".join(f"<li>{escape(one.what)} <span>{escape(one.remedy)}</span></li>" for one in findings)
    body = f"<ul>{shown}</ul>" if findings else '<p class="summary">Nothing needs attention.</p>'
    kind = "some" if findings else "none"
    return f'<section class="wide attention {kind}" aria-labelledby="attention"><h2 id="attention">What needs ' \
           f"attention</h2>{body}</section>"  # fmt: skip


def _section(section: Section) -> str:
    title, summary, anchor = escape(section.title), escape(section.summary), section.anchor
    # The chart is an image with the summary as its text; its figures are in the table.
    chart = (
        f'<div class="chart" id="chart-{anchor}" role="img" aria-label="Chart: {title}. {summary} The figures are in '
        'the table below."></div>' if section.chart else ""
    )  # fmt: skip
    table = _table(section.title, section.columns, section.rows) if section.rows else ""
    wide = ' class="wide"' if anchor in _WIDE else ""
    return f'<section{wide} aria-labelledby="{anchor}"><h2 id="{anchor}">{title}</h2><p class="summary">{summary}</p>' \
           f"{chart}{table}</section>\n"  # fmt: skip


def _table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Value]]) -> str:
    numeric = [column.write is not str for column in columns]
    kinds = [' class="number"' if number else "" for number in numeric]
    heads = "".join(
        f'<th scope="col"{kind}>{escape(column.heading)}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(columns[0].text(row[0]))}</th>'
        + "".join(f"<td{kinds[n]}>{escape(columns[n].text(row[n]))}</td>" for n in range(1, len(columns)))
        + "</tr>"
        for row in rows
    )
    return (
        f'<details><summary>Figures as a table</summary><div class="scroll" role="region" tabindex="0" aria-label="'
        f'{escape(title)}"><table><caption>{escape(title)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></details>"
    )


def _json(value: object) -> str:
    """JSON that may stand in a script element: no text in it can end the element or start a comment."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _vega() -> str:
    """The script of Vega, Vega-Lite and Vega-Embed, as the library bundles it for use without a network."""
    import vl_convert  # takes a while

    return vl_convert.javascript_bundle()  # pyright: ignore[reportCallIssue] (its stub lacks the default)
