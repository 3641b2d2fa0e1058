"""Reads the contacts of a JSON text: a list of objects, an object that holds lists of them, or JSON Lines."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from clodura_pipeline.intake.encodings.decoding import Text, is_broken, shown
from clodura_pipeline.intake.headers.header_row import MAX_COLUMNS, no_usable_headers
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings, match_headers
from clodura_pipeline.intake.json.parsing import (
    WHOLE_LIST,
    ParsedValue,
    flatten,
    is_json_lines,
    parse_lines,
    parse_values,
)
from clodura_pipeline.intake.json.people import Shape, objects_by_key, people_in
from clodura_pipeline.intake.rows.landed_rows import CHUNK_ROWS, ContactRows, LandedRows, cell_columns, text_frame
from clodura_pipeline.intake.unreadable import UnreadableFile, UnreadableRecord


def read_json(text: Text, spellings: Spellings, rows: LandedRows) -> ContactRows:
    """Every record of a JSON text. One that is no object, or no valid JSON on its line, is unreadable by itself."""
    whole = text.utf8.decode("utf-8", "surrogatepass").lstrip("\ufeff \t\r\n")
    if whole.startswith("["):
        return read_objects(lambda: parse_values(whole, text), spellings, rows, "JSON")
    if is_json_lines(whole):
        del whole  # its lines are read from the bytes, and it is as large as these
        return read_objects(lambda: parse_lines(text), spellings, rows, "JSON Lines")
    values = list(parse_values(whole, text))
    if len(values) > 1 or not isinstance(values[0].value, dict):
        return read_objects(lambda: values, spellings, rows, "JSON objects")
    content = values[0].value
    if keyed := objects_by_key(content, spellings):
        return read_objects(
            lambda: (ParsedValue(one, None, json.dumps(one)) for one in keyed), spellings, rows, "JSON, objects by key"
        )
    return read_objects(lambda: values, spellings, rows, "JSON", whole_file=True)


def read_objects(
    values: Callable[[], Iterable[ParsedValue]],
    spellings: Spellings,
    rows: LandedRows,
    format_: str,
    *,
    whole_file: bool = False,
) -> ContactRows:
    """The people within objects as landed rows; the objects are gone through twice."""
    shape = Shape()
    for value, _, _ in values():
        shape.learn(value)
    shape.decide(spellings, whole_file=whole_file)
    table = _ObjectTable()
    for value, fault, written in values():
        people = [(value, fault)] if fault else people_in(value, shape, spellings, page=whole_file)
        for person, reason in people:
            table.add(person, reason, written if person is value else None)
    match = _match_names(list(table.columns), spellings)
    if table.count and not match.usable:
        raise UnreadableFile(no_usable_headers(match.headers, " (name in the JSON objects)", surely_headers=True))
    if whole_file and shape.people:
        format_ += f", list{'s' if len(shape.people) > 1 else ''} {', '.join(map(repr, shape.people))}"
    with rows.table(match) as landed:
        for frame in table.frames():
            landed.add_frame(frame)
        landed.unreadable = table.unreadable
    return rows.contacts(format_)


def _match_names(names: Sequence[str], spellings: Spellings) -> HeaderMatch:
    """What names mean; a whole list kept as JSON, or an object that some records lack, is no cell of any column.

    A list whose first element is an address or a profile holds others of the same kind.
    """
    objects = {name.rpartition(".")[0] for name in names}
    lists = frozenset(at for at, name in enumerate(names) if name.endswith(WHOLE_LIST))
    match = match_headers(["" if at in lists or name in objects else name for at, name in enumerate(names)], spellings)
    people = tuple(map(dict, match.people))
    for positions in people:
        for column in {"email", "linkedin_url"} & positions.keys():
            used = [names[at] for at in positions[column]]
            for at in sorted(lists):
                first = names[at].removesuffix(WHOLE_LIST)
                if any(one == first or one.startswith(f"{first}.") for one in used):
                    positions[column] = (*positions[column], at)
    all_names = match_headers(names, spellings).names
    return replace(match, headers=tuple(names), names=all_names, people=people, lists=lists)


class _ObjectTable:
    """Collects objects that need not have the same names: a column for each name that occurs."""

    def __init__(self) -> None:
        self.count = 0
        self.columns: dict[str, str] = {}  # name -> column of the frame
        self.unreadable: list[UnreadableRecord] = []
        self._rows: list[int] = []
        self._objects: list[dict[str, str | None]] = []
        self._frames: list[pl.DataFrame] = []

    def add(self, value: Any, fault: str | None, written: str | None) -> None:
        """Add an object as the next record, or what is at fault; `written`: its text, where the file has it alone."""
        self.count += 1
        texts = {} if fault else flatten(value)
        if not fault and not isinstance(value, dict):
            fault = "is not an object with names and values"
        elif any(is_broken(text) for pair in texts.items() for text in pair if text):
            fault = "has half a character, or bytes that are no text"
        if fault:
            text = json.dumps(value, ensure_ascii=False) if written is None else shown(written)
            self.unreadable.append(UnreadableRecord(self.count, fault, text))
            return
        for name in texts:
            self.columns.setdefault(name, str(len(self.columns)))
        if len(self.columns) > MAX_COLUMNS:
            raise UnreadableFile(
                f"has more than {MAX_COLUMNS:,} different names in its records; keep those that describe contacts"
            )
        self._rows.append(self.count)
        self._objects.append(texts)
        if len(self._rows) >= CHUNK_ROWS:
            self._flush()

    def frames(self) -> Iterator[pl.DataFrame]:
        """The cells in frames that all have the columns of all objects."""
        self._flush()
        nothing = pl.DataFrame(schema=dict.fromkeys(cell_columns(len(self.columns)), pl.String))
        while self._frames:
            yield pl.concat([self._frames.pop(0), nothing], how="diagonal")

    def _flush(self) -> None:
        names = dict.fromkeys(name for texts in self._objects for name in texts)
        columns = [self.columns[name] for name in names]
        cells = [[texts.get(name) for texts in self._objects] for name in names]
        self._frames.append(text_frame(self._rows, columns, cells))
        self._rows, self._objects = [], []
