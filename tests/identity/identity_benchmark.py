"""How well people are told apart and put together, on made-up lists with known answers, and how fast.

    uv run python -m tests.identity.identity_benchmark [rows for the speed test]

Precision counts pairs of rows that were joined, recall pairs that should have been. What recall lacks is by contract:
a name at a company joins only rows that have nothing stronger, and an address of two profiles joins nothing. Each such
miss costs at most one more question; a wrong join would give somebody another person's data.
"""

import sys
import time

import polars as pl

from clodura_pipeline.identity.cleaning import clean
from tests.identity.labelled import labelled_contacts
from tests.identity.resolved import resolve


def judged(landed: pl.DataFrame) -> pl.DataFrame:
    """The labelled rows that were kept, each with the `person` it was found to be."""
    found = resolve(clean(landed).contacts).rows
    return landed.select("source_file", "source_row", "trap", "truth").join(found, on=["source_file", "source_row"])


def _pairs(rows: pl.DataFrame, *keys: str) -> int:
    """How many pairs of rows agree in the keys."""
    sizes = rows.group_by(keys).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())


def scores(rows: pl.DataFrame) -> pl.DataFrame:
    """Per trap: rows, people in truth and as found, wrongly joined pairs, precision and recall (of pairs of rows)."""
    lines = []
    for (trap,), some in sorted(rows.group_by("trap"), key=lambda group: str(group[0])):
        # Joins with rows of another trap are wrong as well, so persons are looked up among all rows.
        touched = rows.join(some.select("person").unique(), on="person")
        joined, right = _pairs(touched, "person"), _pairs(touched, "person", "truth")
        wanted, got = _pairs(some, "truth"), _pairs(some, "person", "truth")
        lines.append(
            {
                "trap": trap,
                "rows": some.height,
                "people": some["truth"].n_unique(),
                "found": some["person"].n_unique(),
                "wrong_pairs": joined - right,
                "precision": right / joined if joined else 1.0,
                "recall": got / wanted if wanted else 1.0,
            }
        )
    return pl.DataFrame(lines)


def _speed(count: int) -> None:
    """Time for cleaning and resolving a large list of the same kind."""
    base = labelled_contacts(groups=500)
    copies = -(-count // base.height)
    number = pl.int_range(pl.len()).cast(pl.String)
    parts = [
        base.with_columns(
            pl.col("linkedin_url").str.replace(r"(-\d+)", rf"${{1}}c{copy}"),
            pl.col("email").str.replace(r"(?i)@(firm\d+)", rf"@${{1}}c{copy}"),
            pl.col("organisation_name").str.replace(r" (\d+)", rf" ${{1}}c{copy}"),
            (pl.lit(f"copy-{copy}/") + pl.col("source_file")).alias("source_file"),
            (pl.lit(f"{copy}-") + number).alias("contact_id"),
        )
        for copy in range(copies)
    ]
    landed = pl.concat(parts).head(count)
    start = time.perf_counter()
    cleaned = clean(landed)
    between = time.perf_counter()
    people = resolve(cleaned.contacts)
    end = time.perf_counter()
    print(
        f"\n{landed.height:,} rows: cleaned in {between - start:.1f} s ({cleaned.rejected.height:,} rejected),", end=" "
    )
    print(f"resolved in {end - between:.1f} s to {people.requests.height:,} people")


def main() -> None:
    """Print both tables."""
    result = scores(judged(labelled_contacts()))
    with pl.Config(tbl_rows=-1, fmt_str_lengths=60, tbl_hide_dataframe_shape=True, tbl_width_chars=140):
        print(result)
    _speed(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)


if __name__ == "__main__":
    main()
