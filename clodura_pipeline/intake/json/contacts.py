"""Reads the contacts of a JSON text: a list of objects, an object that holds lists of them, or JSON Lines."""

import json
from collections.abc import Callable, Iterable

from clodura_pipeline.intake.encodings.decoding import Text
from clodura_pipeline.intake.headers.header_row import no_usable_headers
from clodura_pipeline.intake.headers.matching import Spellings
from clodura_pipeline.intake.json.flattening import ObjectTable, match_names, written_as
from clodura_pipeline.intake.json.parsing import ParsedValue, is_json_lines, parse_lines, parse_values
from clodura_pipeline.intake.json.people import Shape, objects_by_key, people_in
from clodura_pipeline.intake.rows.landed_rows import ContactRows, LandedRows
from clodura_pipeline.intake.unreadable import UnreadableFile


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
    table = ObjectTable()
    for value, fault, written in values():
        if fault:
            table.refuse_next(fault, written)
            continue
        for person, reason in people_in(value, shape, spellings, page=whole_file):
            own_text = written if person is value else None
            if reason:
                table.refuse_next(reason, written_as(person, own_text))
            else:
                table.add_object(person, own_text)
    match = match_names(list(table.columns), spellings)
    if table.count and not match.usable:
        raise UnreadableFile(no_usable_headers(match.headers, " (name in the JSON objects)", surely_headers=True))
    if whole_file and shape.people:
        format_ += f", list{'s' if len(shape.people) > 1 else ''} {', '.join(map(repr, shape.people))}"
    with rows.table(match) as landed:
        for frame in table.frames(len(match.headers)):
            landed.add_frame(frame)
        landed.unreadable = table.unreadable
    return rows.contacts(format_)
