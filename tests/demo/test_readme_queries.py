"""What the README says of the published file: its queries and lines of Python run word for word on the demo's."""

import re
from pathlib import Path

import duckdb
import pytest
from two_demos import TwoDemos

README = (Path(__file__).parents[2] / "README.md").read_text()
QUERIES = [
    query.strip()
    for block in re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    for query in block.split(";")
    if query.strip()
]
PUBLISHED = "data/clodura.duckdb"


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.splitlines()[0][:60])
def test_query_of_the_readme_runs_word_for_word_and_finds_something(
    demos: TwoDemos, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(demos.database, read_only=True) as file:
        found = file.execute(query).fetchall()
    assert found
    for copied in re.findall(r"TO '([^']+)'", query):
        assert duckdb.read_csv(copied).fetchall()


def test_readme_has_the_queries_that_it_promises() -> None:
    assert len(QUERIES) >= 4


def test_lines_of_python_in_the_readme_open_the_file(
    demos: TwoDemos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / PUBLISHED).symlink_to(demos.database)
    monkeypatch.chdir(tmp_path)
    (connect,) = re.findall(r'`(duckdb\.connect\("[^`]+\))`', README)
    with eval(connect, {"duckdb": duckdb}) as connection:
        relation = connection.sql("SELECT * FROM list_report")
        assert len(relation.pl()) == relation.arrow().read_all().num_rows == 5
    (attach,) = re.findall(r"`(ATTACH '[^`]+)`", README)
    with duckdb.connect() as connection:
        connection.execute(attach)
        assert connection.execute("SELECT count(*) > 300 FROM file_results").fetchall() == [(True,)]
        assert connection.execute("SELECT count(*) > 0 FROM new_since(now() - INTERVAL 1 DAY)").fetchall() == [(True,)]


def test_page_stands_beside_the_file(demos: TwoDemos) -> None:
    page = demos.database.with_suffix(".html").read_text()
    assert page.endswith("</html>\n")
    assert f"<dt>people</dt><dd>{demos.first.figures['people']}</dd>" in page
