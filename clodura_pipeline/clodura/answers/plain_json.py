"""JSON that stands for something else: pairs, tables and text for an object, a list of jobs for the present one."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from clodura_pipeline.clodura.answers.fields import AnswerFields
from clodura_pipeline.clodura.answers.values import is_filled


def plainer(value: Any, fields: AnswerFields) -> Any:
    """JSON in a text, a list of names with values, or a table with one row, as the object that it stands for."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            decoded = json.loads(value, parse_constant=lambda _: None)
        except ValueError:
            return value
        return decoded if isinstance(decoded, dict | list) else value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        pairs = [_pair(item, fields) for item in value]
        return dict(filter(None, pairs)) if all(pairs) and len(dict(filter(None, pairs))) == len(pairs) else value
    if isinstance(value, dict):
        columns, rows = ([v for k, v in value.items() if isinstance(v, list) and fields.is_among(k, f"names.{one}")]
                         for one in ("columns", "rows"))  # fmt: skip
        if len(columns) == 1 and rows and isinstance(rows[-1], list) and len(rows[-1]) == 1:
            row = rows[-1][0]
            if isinstance(row, list) and len(row) == len(columns[0]) and all(isinstance(c, str) for c in columns[0]):
                return dict(zip(columns[0], row, strict=True))
    return value


def _pair(item: Mapping[str, Any], fields: AnswerFields) -> tuple[str, Any] | None:
    """Name and value of an object that holds nothing else: `{"key": "firstName", "value": "Ada"}`."""
    names = [v for k, v in item.items() if isinstance(v, str) and fields.is_among(k, "names.pair_names")]
    values = [v for k, v in item.items() if fields.is_among(k, "names.pair_values")]
    return (names[0], values[0]) if len(names) == len(values) == 1 and len(item) == 2 else None


def looked_into(value: Any, fields: AnswerFields) -> Any:
    """The value itself; for an object the first of the names in it that hold a value: `{"id": 3, "name": "London"}`."""
    if isinstance(value, list):
        return [looked_into(item, fields) for item in value]
    if not isinstance(value, dict):
        return value
    return next((v for k, v in value.items() if fields.is_among(k, "names.values") and is_filled(v)), value)


def current_job(jobs: Iterable[Any], fields: AnswerFields) -> Any:
    """The one job of a list that is marked as the present one, else the only one that has not ended; else None."""
    jobs = [job for job in jobs if isinstance(job, dict)]
    marked = [job for job in jobs if any(v is True and fields.is_among(k, "names.current") for k, v in job.items())]
    open_ended = [
        job for job in jobs
        if not any(fields.is_among(k, "names.ended") and is_filled(v) and str(v).lower() not in ("present", "now")
                   for k, v in job.items())
        and not any(v is False and fields.is_among(k, "names.current") for k, v in job.items())
    ]  # fmt: skip
    candidates = marked or open_ended
    return candidates[0] if len(candidates) == 1 else None
