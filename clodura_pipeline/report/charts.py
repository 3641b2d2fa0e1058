"""The page's charts as Vega-Lite specifications, made and checked by Altair.

Colours stand in the page's style sheet, so that light and dark differ in one place: a mark names a style (`forecast`,
`limit`), never a colour. Import this module when a page is written: Altair takes 0.7 s to import.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]
_PERCENT = ".0%"
_NUMBER = ",~f"
_ROW_HEIGHT = 28
_LEAST_DAYS = 14
NARROW = "narrow"
"""A parameter of every chart, which the page sets: whether it stands on a phone."""
# There, folder and name of a file stand on two lines.
_LABEL = r"narrow ? split(replace(datum.label, regexp('/(?=[^/]*$)'), '/\n'), '\n') : datum.label"
_DAYS = alt.Axis(
    title=None,
    labelAngle=0,
    labelPadding=8,
    labelOverlap=True,
    ticks=False,
    labelExpr="utcFormat(toDate(datum.label), '%-d %b')",
)


def bars(rows: Rows, label: str, value: str, axis: str, number_format: str = _NUMBER) -> Spec:
    """A horizontal bar for each row, in the order given, with its value at the end."""
    base = alt.Chart(_data(rows)).encode(
        y=_labels(label),
        x=alt.X(value, type="quantitative", axis=_axis(axis, number_format), scale=alt.Scale(domainMin=0)),
        tooltip=_tooltips(rows),
    )
    figures = base.mark_text(align="left", dx=5, style="figure").encode(
        text=alt.Text(value, type="quantitative", format=number_format)
    )
    return _spec(base.mark_bar(style="bar", height=alt.RelativeBandSize(0.7)) + figures, len(rows))


def intervals(rows: Rows, label: str, share: str, low: str, high: str, threshold: float | None = None) -> Spec:
    """A dot for each share with its interval, on a scale from 0 to 1; a line where it should not fall below."""
    base = alt.Chart(_data(rows)).encode(y=_labels(label), tooltip=_tooltips(rows))
    scale = alt.Scale(domain=[0, 1])
    spans = base.mark_rule(style="interval").encode(
        x=alt.X(low, type="quantitative", scale=scale, axis=_axis("match rate", _PERCENT)), x2=alt.X2(high)
    )
    dots = base.mark_point(style="dot").encode(x=alt.X(share, type="quantitative", scale=scale))
    layers = [spans, dots]
    if threshold:
        line = alt.Chart(alt.InlineData(values=[{"limit": threshold}]))
        layers.append(line.mark_rule(style="limit").encode(x=alt.X("limit", type="quantitative", scale=scale)))
    return _spec(alt.layer(*layers), len(rows))


def days(rows: Rows, day: str, value: str, kind: str, kinds: Sequence[str], limit: float | None = None) -> Spec:
    """Stacked columns by day, coloured by kind in the order of `kinds`; a line at the limit.

    Args:
        day: ISO days; those in between without a row are shown as empty.
    """
    shown = [each for each in kinds if any(row[kind] == each for row in rows)]
    columns = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=alt.X(day, type="ordinal", scale=alt.Scale(domain=_span([row[day] for row in rows])), axis=_DAYS),
            y=alt.Y(value, type="quantitative", axis=_axis("credits", _NUMBER)),
            color=alt.Color(kind, type="nominal", scale=alt.Scale(domain=list(kinds)),
                            legend=alt.Legend(title=None, orient="top", values=shown)),
            tooltip=_tooltips(rows),
        )
    )  # fmt: skip
    layers = [columns]
    if limit:
        line = alt.Chart(alt.InlineData(values=[{"limit": limit}]))
        layers.append(line.mark_rule(style="limit").encode(y=alt.Y("limit", type="quantitative")))
    return _spec(alt.layer(*layers), height=240)


def _span(days: Sequence[str]) -> list[str]:
    """All days from the first to the last, and as many before that a column is never wider than a fortnight's."""
    last = date.fromisoformat(max(days))
    first = min(date.fromisoformat(min(days)), last - timedelta(days=_LEAST_DAYS - 1))
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def _data(rows: Rows) -> alt.InlineData:
    return alt.InlineData(values=[dict(row) for row in rows])


def _labels(name: str) -> alt.Y:
    return alt.Y(
        name, type="nominal", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False, labelExpr=_LABEL)
    )


def _axis(title: str, number_format: str) -> alt.Axis:
    return alt.Axis(title=title, format=number_format, tickCount=5, labelOverlap=True, labelSeparation=8)


def _tooltips(rows: Rows) -> list[alt.Tooltip]:
    """All of a row's values under the names of its columns; rates and shares as percentages."""
    return [
        alt.Tooltip(name, type="quantitative", format=".1%" if "rate" in name or "share" in name else ",.2~f")
        if isinstance(value, int | float)
        else alt.Tooltip(name, type="nominal")
        for name, value in (rows[0] if rows else {}).items()
    ]


def _spec(chart: alt.LayerChart | alt.FacetChart, rows: int = 0, height: int = 0) -> Spec:
    sized = chart.properties(width="container", height=height or max(rows, 2) * _ROW_HEIGHT)
    return {**sized.to_dict(validate=True), "params": [{"name": NARROW, "value": False}]}
