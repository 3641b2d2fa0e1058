"""The page's charts as Vega-Lite specifications.

Colours stand in the page's style sheet, so that light and dark differ in one place: a mark names a style (`limit`),
never a colour. The page sets the parameter `narrow` where it stands on a phone.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
SHARES = ("Match rate", "From", "To", "Fill rate", "Share")
"""Columns that are shown as percentages."""
_ROW_HEIGHT = 28
_LEAST_DAYS = 14
# On a phone, folder and name of a file stand on two lines.
_LABEL = r"narrow ? split(replace(datum.label, regexp('/(?=[^/]*$)'), '/\n'), '\n') : datum.label"
_LABEL_AXIS = {"title": None, "ticks": False, "domain": False, "labelExpr": _LABEL}
_DAY_AXIS = {"title": None, "labelAngle": 0, "labelPadding": 8, "labelOverlap": True, "ticks": False,
             "labelExpr": "utcFormat(toDate(datum.label), '%-d %b')"}  # fmt: skip


def bars(rows: Rows, label: str, value: str, axis: str, number_format: str = ",~f") -> Spec:
    """A horizontal bar for each row, in the order given, with its value at the end."""
    shared = {"y": _labels(label), "x": _quantity(value, axis, number_format, {"domainMin": 0})}
    figure = {"text": {"field": value, "type": "quantitative", "format": number_format}}
    layers = [
        {"mark": {"type": "bar", "style": "bar", "height": {"band": 0.7}}},
        {"mark": {"type": "text", "align": "left", "dx": 5, "style": "figure"}, "encoding": figure},
    ]
    return _spec(rows, layers, shared, _height_of(rows))


def intervals(rows: Rows, label: str, share: str, low: str, high: str, threshold: float | None = None) -> Spec:
    """A dot for each share with its interval, on a scale from 0 to 1; a line where it should not fall below."""
    span = _quantity(low, "match rate", ".0%", {"domain": [0, 1]})
    layers = [
        {"mark": {"type": "rule", "style": "interval"}, "encoding": {"x": span, "x2": {"field": high}}},
        {"mark": {"type": "point", "style": "dot"}, "encoding": {"x": {"field": share, "type": "quantitative"}}},
    ]
    return _spec(rows, layers, {"y": _labels(label)}, _height_of(rows), {"x": threshold} if threshold else None)


def days(rows: Rows, day: str, value: str, kind: str, kinds: Sequence[str], limit: float | None = None) -> Spec:
    """Stacked columns by day, coloured by kind in the order of `kinds`; a line at the limit.

    Args:
        day: ISO days; those in between without a row are shown as empty.
    """
    shown = [each for each in kinds if any(row[kind] == each for row in rows)]
    legend = {"title": None, "orient": "top", "values": shown}
    encoding = {
        "x": {"field": day, "type": "ordinal", "scale": {"domain": _span([row[day] for row in rows])},
              "axis": _DAY_AXIS},
        "y": _quantity(value, "credits", ",~f", {}),
        "color": {"field": kind, "type": "nominal", "scale": {"domain": list(kinds)}, "legend": legend},
    }  # fmt: skip
    return _spec(rows, [{"mark": "bar"}], encoding, 240, {"y": limit} if limit else None)


def _spec(rows: Rows, layers: list[Spec], shared: Spec, height: int, limit: Mapping[str, float] | None = None) -> Spec:
    """Layers over the rows, with what they share; `limit` is a line across at a value of x or y."""
    data = {"values": [dict(row) for row in rows]}
    layered = [{"data": data, "encoding": shared | {"tooltip": _tooltips(rows)}, "layer": layers}]
    for axis, value in (limit or {}).items():
        layered.append({"data": {"values": [{}]}, "mark": {"type": "rule", "style": "limit"},
                        "encoding": {axis: {"datum": value}}})  # fmt: skip
    narrow = [{"name": "narrow", "value": False}]
    return {"$schema": _SCHEMA, "width": "container", "height": height, "params": narrow, "layer": layered}


def _span(days: Sequence[str]) -> list[str]:
    """All days from the first to the last, and as many before that a column is never wider than a fortnight's."""
    last = date.fromisoformat(max(days))
    first = min(date.fromisoformat(min(days)), last - timedelta(days=_LEAST_DAYS - 1))
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def _labels(name: str) -> Spec:
    return {"field": name, "type": "nominal", "sort": None, "axis": _LABEL_AXIS}


def _quantity(name: str, title: str, number_format: str, scale: Spec) -> Spec:
    axis = {"title": title, "format": number_format, "tickCount": 5, "labelOverlap": True, "labelSeparation": 8}
    return {"field": name, "type": "quantitative", "axis": axis, "scale": scale}


def _tooltips(rows: Rows) -> list[Spec]:
    """All of a row's values under the names of its columns."""
    return [
        {"field": name, "type": "quantitative", "format": ".1%" if name in SHARES else ",.2~f"}
        if isinstance(value, int | float)
        else {"field": name, "type": "nominal"}
        for name, value in (rows[0] if rows else {}).items()
    ]


def _height_of(rows: Rows) -> int:
    return max(len(rows), 2) * _ROW_HEIGHT
