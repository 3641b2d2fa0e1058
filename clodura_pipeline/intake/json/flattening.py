"""Lays nested objects flat: one level of names and texts, as a table can hold them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from clodura_pipeline.intake.encodings.decoding import is_broken, shown
from clodura_pipeline.intake.headers.matching import HeaderMatch, Positions, Spellings, match_headers
from clodura_pipeline.intake.rows.cell_table import CHUNK_ROWS, MAX_COLUMNS, cell_columns, text_frame
from clodura_pipeline.intake.unreadable import UnreadableFile, UnreadableRecord

Object = dict[str, Any]
_MAX_DEPTH = 6  # objects within objects; what lies deeper is kept as JSON text
_WHOLE_LIST = "[]"
# Objects around a record that say nothing of it: those of Elasticsearch, Airbyte and n8n.
_ENVELOPES = frozenset({"_source", "_airbyte_data", "json"})


def flatten(value: Any, prefix: str = "", into: dict[str, str | None] | None = None, depth: int = 0) -> dict[str, Any]:
    """One level of names and texts: "company": {"name": …} is "company.name".

    Of a list, the first element stands under the list's name; a longer list is kept whole, as JSON, under "name[]".
    """
    texts: dict[str, str | None] = {} if into is None else into
    value = _without_type(value)
    if isinstance(value, dict) and (value or not prefix) and depth < _MAX_DEPTH:
        for name, inner in value.items():
            envelope = not prefix and name in _ENVELOPES and isinstance(inner, dict) and inner
            flatten(inner, "" if envelope else f"{prefix}.{name}" if prefix else name, texts, depth + 1)
    elif isinstance(value, list) and depth < _MAX_DEPTH:
        flatten(value[0] if value else None, prefix, texts, depth + 1)
        if len(value) > 1:
            put(texts, f"{prefix}{_WHOLE_LIST}", json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict | list):
        put(texts, prefix, json.dumps(value, ensure_ascii=False) if value else None)
    else:
        put(texts, prefix, str(value).lower() if isinstance(value, bool) else value)
    return texts


def match_names(names: Sequence[str], spellings: Spellings) -> HeaderMatch:
    """What names mean; a whole list kept as JSON, or an object that some records lack, is no cell of any column."""
    objects = {name.rpartition(".")[0] for name in names}
    cells = ["" if name.endswith(_WHOLE_LIST) or name in objects else name for name in names]
    match = match_headers(cells, spellings)
    people = tuple(_with_whole_lists(positions, names) for positions in match.people)
    lists = frozenset(at for at, name in enumerate(names) if name.endswith(_WHOLE_LIST))
    all_names = match_headers(names, spellings).names
    return replace(match, headers=tuple(names), names=all_names, people=people, lists=lists)


def _with_whole_lists(positions: Positions, names: Sequence[str]) -> Positions:
    """The positions with the lists whose first element is an address or a profile: its others are of the same kind."""
    all_positions = dict(positions)
    for at, name in enumerate(names):
        first = name.removesuffix(_WHOLE_LIST)
        for column in ("email", "linkedin_url") if first != name else ():
            used = [names[position] for position in positions.get(column, ())]
            if any(one == first or one.startswith(f"{first}.") for one in used):
                all_positions[column] = (*all_positions[column], at)
    return all_positions


def _without_type(value: Any) -> Any:
    """The value itself of what MongoDB writes with its type: {"$oid": "5f1"}, {"$date": {"$numberLong": "1"}}."""
    while isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
        value = next(iter(value.values()))
    return value


def put(into: Object, name: str, value: Any) -> None:
    """Add a value; beside another of the same name, and never in its place."""
    unique, number = name, 1
    while unique in into:
        number += 1
        unique = f"{name}_{number}"
    into[unique] = value


def written_as(value: Any, written: str | None) -> str:
    """A value as it is shown where it is unreadable: as in the file, else as JSON."""
    return json.dumps(value, ensure_ascii=False) if written is None else shown(written)


class ObjectTable:
    """Collects objects that need not have the same names: a column for each name that occurs."""

    def __init__(self) -> None:
        self.count = 0
        self.columns: dict[str, str] = {}  # name -> column of the frame
        self.unreadable: list[UnreadableRecord] = []
        self._rows: list[int] = []
        self._objects: list[dict[str, str | None]] = []
        self._frames: list[pl.DataFrame] = []

    def add_object(self, value: Any, written: str | None) -> None:
        """Add an object as the next record; `written`: its text in the file, where the file has it alone."""
        if not isinstance(value, dict):
            return self.refuse_next("is not an object with names and values", written_as(value, written))
        texts = flatten(value)
        if any(is_broken(text) for pair in texts.items() for text in pair if text):
            return self.refuse_next("has half a character, or bytes that are no text", written_as(value, written))
        for name in texts:
            self.columns.setdefault(name, str(len(self.columns)))
        if len(self.columns) > MAX_COLUMNS:
            raise UnreadableFile(
                f"has more than {MAX_COLUMNS:,} different names in its records; keep those that describe contacts"
            )
        self.count += 1
        self._rows.append(self.count)
        self._objects.append(texts)
        if len(self._rows) >= CHUNK_ROWS:
            self._flush()
        return None

    def refuse_next(self, reason: str, text: str) -> None:
        self.count += 1
        self.unreadable.append(UnreadableRecord(self.count, reason, text))

    def frames(self, width: int) -> Iterator[pl.DataFrame]:
        """The cells in frames that all have the columns of all objects."""
        self._flush()
        nothing = pl.DataFrame(schema=dict.fromkeys(cell_columns(width), pl.String))
        while self._frames:
            yield pl.concat([self._frames.pop(0), nothing], how="diagonal")

    def _flush(self) -> None:
        names = dict.fromkeys(name for texts in self._objects for name in texts)
        columns = [self.columns[name] for name in names]
        cells = [[texts.get(name) for texts in self._objects] for name in names]
        self._frames.append(text_frame(self._rows, columns, cells))
        self._rows, self._objects = [], []
