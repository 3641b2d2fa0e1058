"""The plan: what its SQL says of many people is what the rules say of one."""

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.enrichment.plan import COMBINATION_SQL

FIELDS = ("linkedin_url", "email", "first_name", "last_name", "organisation_name", "organisation_linkedin_url")


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([None, "x"]), min_size=6, max_size=6))
def test_combination_in_sql_is_the_one_of_the_request(values: list[str | None]) -> None:
    row = ", ".join(
        f"{'NULL' if value is None else repr(value)}::VARCHAR AS {name}"
        for name, value in zip(FIELDS, values, strict=True)
    )
    found = duckdb.execute(f"SELECT {COMBINATION_SQL} FROM (SELECT {row})").fetchall()[0][0]
    combination = Identifiers(*values).combination
    assert found == (combination.label if combination else None)
