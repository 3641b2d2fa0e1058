"""The page's charts as Vega-Lite specifications.

Colours stand in the page's style sheet, so that light and dark differ in one place: a mark names a style (`limit`),
never a colour. The page sets the parameter `narrow` where it stands on a phone.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]
SHARES = ("Match rate", "From", "To", "Fill rate", "Share")
"""Columns that are shown as percentages."""
_ROW_HEIGHT = 28
_LEAST_DAYS = 14
# On a phone, folder and name of a file stand on two lines.
_LABEL = r"narrow ? split(replace(datum.label, regexp('/(?=[^/]*$)'), '/\n'), '\n') : datum.label"
_LABEL_AXIS = {"title": None, "ticks": False, "domain": False, "labelExpr": _LABEL}
_DAY_AXIS = {"title": None, "labelAngle": 0, "labelPadding": 8, "labelOverlap": True, "ticks": False,
             "labelExpr": "utcFormat(toDate(datum.label), '%-d %b')"}  # fmt: skip


def bars(rows: Rows, label: str, value: str, axis: str, number_format: str) -> Spec:
    """A horizontal bar for each row, in the order given, with its value at the end."""
    figure = {"text": {"field": value, "type": "quantitative", "format": number_format}}
    layers = [
        {"mark": {"type": "bar", "style": "bar", "height": {"band": 0.7}}},
        {"mark": {"type": "text", "align": "left", "dx": 5, "style": "figure"}, "encoding": figure},
    ]
    return _spec(rows, layers, _labels(label) | {"x": _quantity(value, axis, number_format, domainMin=0)})


def intervals(rows: Rows, label: str, share: str, low: str, high: str, threshold: float) -> Spec:
    """A dot for each share with its interval, on a scale from 0 to 1; a line where it should not fall below."""
    span = {"x": _quantity(low, "match rate", ".0%", domain=[0, 1]), "x2": {"field": high}}
    layers = [
        {"mark": {"type": "rule", "style": "interval"}, "encoding": span},
        {"mark": {"type": "point", "style": "dot"}, "encoding": {"x": {"field": share, "type": "quantitative"}}},
    ]
    return _spec(rows, layers, _labels(label), {"x": {"datum": threshold}})


def days(rows: Rows, day: str, value: str, kind: str, kinds: Sequence[str], limit: float) -> Spec:
    """Stacked columns by day, coloured by kind in the order of `kinds`; a line at the limit, unless that is 0.

    Args:
        day: ISO days; those in between without a row are shown as empty.
    """
    shown = [each for each in kinds if any(row[kind] == each for row in rows)]
    last = date.fromisoformat(max(row[day] for row in rows))
    first = date.fromisoformat(min(row[day] for row in rows))
    span = max((last - first).days + 1, _LEAST_DAYS)  # else a single day's column is as wide as the page
    domain = [(last - timedelta(days=number)).isoformat() for number in reversed(range(span))]
    shared = {
        "x": {"field": day, "type": "ordinal", "scale": {"domain": domain}, "axis": _DAY_AXIS},
        "y": _quantity(value, "credits", ",~f"),
        "color": {"field": kind, "type": "nominal", "scale": {"domain": list(kinds)},
                  "legend": {"title": None, "orient": "top", "values": shown}},
    }  # fmt: skip
    return _spec(rows, [{"mark": "bar"}], shared, {"y": {"datum": limit}} if limit else {}) | {"height": 240}


def _spec(rows: Rows, layers: list[Spec], shared: Spec, limit: Spec | None = None) -> Spec:
    """Layers over the rows, with the encoding that they share; `limit` is where a line goes across."""
    layered = [{"data": {"values": [*rows]}, "encoding": shared, "layer": layers}]
    if limit:
        layered.append({"data": {"values": [{}]}, "mark": {"type": "rule", "style": "limit"}, "encoding": limit})
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": max(len(rows), 2) * _ROW_HEIGHT,
        "config": {"mark": {"tooltip": {"content": "data"}}},  # all of a row's values
        "params": [{"name": "narrow", "value": False}],
        "layer": layered,
    }


def _labels(name: str) -> Spec:
    return {"y": {"field": name, "type": "nominal", "sort": None, "axis": _LABEL_AXIS}}


def _quantity(name: str, title: str, number_format: str, **scale: Any) -> Spec:
    axis = {"title": title, "format": number_format, "tickCount": 5, "labelOverlap": True, "labelSeparation": 8}
    return {"field": name, "type": "quantitative", "axis": axis, "scale": scale}
