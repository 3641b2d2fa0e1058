"""Takes each landed column from a row's cells: every value of a kind, the best first, and never parts of two people."""

from itertools import zip_longest

import polars as pl

from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.identity.cells.word_lists import GENERATIONS, PLACEHOLDERS
from clodura_pipeline.intake.headers.matching import ABOUT_A_PERSON, HeaderMatch, Positions

# A cell of these holds all values of its kind, one a line; a cell of the others holds one.
SEVERAL_VALUES = ("email", "linkedin_url", "organisation_name", "organisation_linkedin_url", "organisation_domain")
EMAIL_ADDRESS = r"[^\s\"'<>()\[\],;:\\]+@[^\s\"'<>()\[\],;:\\]+\.[^\s\"'<>()\[\],;:\\]+"
PROFILE = r"(?:https?://)?(?:[\w-]+\.)*linkedin\.com/(?:in|pub)/[^\s\"'<>,;\\]+"
_NAME = r"^\s*\p{L}[\p{L}\p{M}.'’ -]*\s*$"
_GENERATION = rf"(?i)\b((?:{'|'.join(sorted(GENERATIONS, key=len, reverse=True))})\b\.?)"
_NUMBERS = r"^\s*\d{6,}(?:\s*[;,]\s*\d{6,})*\s*$"
# Letters, digits and hyphens, as LinkedIn allows; digits alone are somebody's number in another system.
_HANDLE, _NUMBER = r"^[\p{L}\p{N}-]+$", r"^[0-9-]+$"
# Titles with a dot, a family name (words in capitals before others are one), and the rest; no name with a comma.
_FAMILY_NAME_FIRST = r"^\s*((?:\p{L}{1,5}\.\s*)*)(\p{Lu}{2,}(?:[ -]\p{Lu}{2,})*|[^\s.,]+)\s+([^\s,][^,]*)$"
_NOT_EAST_ASIAN = r"[\p{Latin}\p{Cyrillic}\p{Greek}]"
_NOTHING = pl.lit(None, pl.String)
_PROFILES = "https://www.linkedin.com/in/"


def filled(position: int) -> pl.Expr:
    """A cell, or null where it is blank."""
    cell = pl.col(str(position))
    return pl.when(cell.str.contains(r"\S")).then(cell)


def select_columns(match: HeaderMatch) -> list[pl.Expr]:
    """The expressions of the landed columns, over a table whose text columns are named by their positions.

    Where a row may be about several people, it is about the first of them that it has a value for.
    """
    chosen: dict[str, pl.Expr] = dict.fromkeys(LANDED_COLUMNS, _NOTHING)
    for positions in reversed(match.people):
        columns = _Person(match, positions).columns()
        if len(match.people) > 1:
            own = [position for column in ABOUT_A_PERSON for position in positions.get(column, ())]
            present = pl.any_horizontal(filled(position).is_not_null() for position in own)
            columns = {column: pl.when(present).then(columns[column]).otherwise(chosen[column]) for column in chosen}
        chosen = columns
    return [chosen[column].alias(column) for column in LANDED_COLUMNS]


class _Person:
    """The columns of one of the people that a row may be about."""

    def __init__(self, match: HeaderMatch, positions: Positions) -> None:
        self._match, self._positions = match, positions

    def columns(self) -> dict[str, pl.Expr]:
        columns = {
            column: self._all_of(column) if column in SEVERAL_VALUES else self._first_of(column)
            for column in LANDED_COLUMNS
        }
        columns |= self._names(columns["full_name"])
        return columns | self._company_addresses() | self._joined(columns)

    def _first_of(self, column: str) -> pl.Expr:
        cells: list[pl.Expr] = []
        for position in self._positions.get(column, ()):
            cell = filled(position)
            if position in self._match.family_name_first:
                # "Kovács Anna" under such a header is "Kovács, Anna", as lists in any language write it.
                written = cell.str.replace(_FAMILY_NAME_FIRST, "${1}${2}, ${3}")
                cell = pl.when(cell.str.contains(_NOT_EAST_ASIAN)).then(written).otherwise(cell)
            cells.append(cell)
        return pl.coalesce(cells) if cells else _NOTHING

    def _all_of(self, column: str) -> pl.Expr:
        """The different values of a kind, one a line."""
        cells = [self._cell(column, position) for position in self._positions.get(column, ())]
        if len(cells) < 2:
            return cells[0] if cells else _NOTHING
        lines = pl.concat_str(cells, separator="\n", ignore_nulls=True).str.split("\n")
        text = lines.list.unique(maintain_order=True).list.join("\n")
        return _where(text, text != "")

    def _cell(self, column: str, position: int) -> pl.Expr:
        cell = filled(position)
        if position in self._match.lists:  # JSON text
            return cell.str.extract_all(EMAIL_ADDRESS if column == "email" else PROFILE).list.join("\n")
        if column == "organisation_name":  # HubSpot's "Associated Company": a name in one export, numbers in another
            return _where(cell, ~cell.str.contains(_NUMBERS))
        if position not in self._match.handles:
            return cell
        handle = cell.str.strip_chars().str.strip_prefix("@").str.strip_suffix("/")
        usable = handle.str.contains(_HANDLE) & ~handle.str.contains(_NUMBER) & (handle.str.len_chars() >= 3)
        usable &= ~_says_nothing(handle)
        return pl.when(usable.fill_null(False)).then(pl.lit(_PROFILES) + handle).otherwise(cell)

    def _names(self, full: pl.Expr) -> dict[str, pl.Expr]:
        """First and last name, and with them the full name where a column holds the whole name in some of its rows.

        With several columns for both they are a pair: the first that is complete, else the first that is there. "Name"
        beside "First name" is the last name, unless it repeats the first one: then it is the full name.
        """
        firsts, lasts = self._positions.get("first_name", ()), self._positions.get("last_name", ())
        first, last = self._first_of("first_name"), self._first_of("last_name")
        if len(firsts) > 1 and len(lasts) > 1:
            first, last = _NOTHING, _NOTHING
            pairs = [
                tuple(_NOTHING if position is None else filled(position) for position in pair)
                for pair in zip_longest(firsts, lasts)
            ]
            complete = [(one.is_not_null() & other.is_not_null(), one, other) for one, other in pairs]
            begun = [(one.is_not_null() | other.is_not_null(), one, other) for one, other in pairs]
            for test, one, other in reversed([*complete, *begun]):
                first, last = pl.when(test).then(one).otherwise(first), pl.when(test).then(other).otherwise(last)
        low_first, low_last = first.str.strip_chars().str.to_lowercase(), last.str.strip_chars().str.to_lowercase()
        names = {"first_name": first, "last_name": last}
        for column, repeats in (
            ("last_name", low_last.str.starts_with(low_first + " ") | low_last.str.ends_with(pl.lit(", ") + low_first)),
            ("first_name", low_first.str.ends_with(pl.lit(" ") + low_last) | low_first.str.starts_with(low_last + ",")),
        ):
            if not self._match.whole_or_part.isdisjoint(self._positions.get(column, ())):
                whole, name = repeats.fill_null(False), names[column]
                full = pl.coalesce(full, pl.when(whole).then(name))
                return names | {column: pl.when(~whole).then(name), "full_name": full}
        return names

    def _company_addresses(self) -> dict[str, pl.Expr]:
        """Where a row names two companies, their pages and domains are taken from the best columns only."""
        names = [filled(position).str.to_lowercase() for position in self._positions.get("organisation_name", ())]
        if len(names) < 2:
            return {}
        agree = (pl.min_horizontal(names) == pl.max_horizontal(names)).fill_null(True)
        return {
            column: pl.when(agree).then(self._all_of(column)).otherwise(filled(self._positions[column][0]))
            for column in ("organisation_linkedin_url", "organisation_domain")
            if len(self._positions.get(column, ())) > 1
        }

    def _joined(self, columns: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Names with the parts that a file keeps apart.

        Middle names and generations only where a row has nothing stronger: without them namesakes at one company
        would be one person.
        """
        first, last, full = columns["first_name"], columns["last_name"], columns["full_name"]
        alone = columns["email"].is_null() & columns["linkedin_url"].is_null()
        if "second_last_name" in self._positions:
            last = _followed_by(last, self._name_part("second_last_name"))
        if "particle" in self._positions:
            particle = self._name_part("particle")
            there = _bare(last).str.starts_with(_bare(particle) + " ")
            before = particle + " " + last.str.strip_chars_start()
            last = pl.when(particle.is_not_null() & ~there).then(before).otherwise(last)
        if "generation" in self._positions:
            generation = _where(self._first_of("generation").str.extract(_GENERATION, 1), alone)
            full = pl.when(last.is_null()).then(_followed_by(full, generation)).otherwise(full)
            last = _followed_by(last, generation)
        if "middle_name" in self._positions:
            first = _followed_by(first, _where(self._name_part("middle_name"), alone))
        return {"first_name": first, "last_name": last, "full_name": full}

    def _name_part(self, part: str) -> pl.Expr:
        text = self._first_of(part).str.strip_chars()
        return _where(text, text.str.contains(_NAME) & ~_says_nothing(text))


def _where(text: pl.Expr, condition: pl.Expr) -> pl.Expr:
    return pl.when(condition.fill_null(False)).then(text)


def _says_nothing(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(" ", "", literal=True).is_in(sorted(PLACEHOLDERS))


def _bare(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars(" .\t").str.to_lowercase()


def _followed_by(name: pl.Expr, part: pl.Expr) -> pl.Expr:
    """The name with the part behind it, unless it stands there already."""
    there = _bare(name) == _bare(part)
    there |= _bare(name).str.ends_with(pl.lit(" ") + _bare(part))
    return pl.when(part.is_not_null() & ~there).then(name.str.strip_chars_end() + " " + part).otherwise(name)
