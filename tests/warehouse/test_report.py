"""The page about the published file: one file, right figures, no contact data, safe with any file name."""

import json
import re
import stat
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import vl_convert
from small_warehouse import Warehouse, answer_with, by_email, open_warehouse, person

from clodura_pipeline.report.report import write_report
from clodura_pipeline.settings import Settings, check_settings

HOSTILE = "2026-11-20/</script><script>alert(1)</script>\"'&\u2028.csv"
ANSWERS = answer_with({
    "ann@engines.example": person(personTitle="Engineer", personCity="Lyon"),
    "bob@engines.example": person(firstName="Bob", lastName="Ray"),
    "eva@engines.example": b'{"organisation": {"organisationName": "Engines"}, "creditsUsed": 1}',
})  # fmt: skip


class Reader(HTMLParser):
    """What a browser and a screen reader find on the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.labels: list[str] = []
        self.links: list[str] = []
        self.scripts = 0
        self.charts: dict[str, Any] = {}
        self.text = ""
        self._path: list[str] = []
        self._in_charts = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in ("meta", "br", "link"):
            self._path.append(tag)
        if tag == "script":
            self.scripts += 1
            self._in_charts = known.get("id") == "charts"
        if known.get("role") == "img":
            self.labels.append(known["aria-label"] or "")
        if tag == "caption":
            self.tables[""] = []
        if tag == "tr" and self.tables:
            self.tables[next(reversed(self.tables))].append([])

    def handle_endtag(self, tag: str) -> None:
        assert self._path.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        tag = self._path[-1] if self._path else ""
        if tag in ("h1", "h2"):
            self.headings.append(data)
        elif tag == "caption":
            self.tables[data] = self.tables.pop("")
        elif tag in ("th", "td"):
            self.tables[next(reversed(self.tables))][-1].append(data)
        elif tag == "script" and self._in_charts:
            self.charts = json.loads(data)
        if tag not in ("script", "style"):
            self.text += data


def settings_for(folder: Path) -> Settings:
    return check_settings({"database": folder / "clodura.duckdb", "max_credits_per_day": 40}, Path("/"))


@pytest.fixture
def settings(warehouse: Warehouse) -> Settings:
    return settings_for(warehouse.folder)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of two lists with five usable rows, one rejected one, three answers and one person pending."""
    folder = tmp_path_factory.mktemp("report")
    with open_warehouse(folder) as warehouse:
        warehouse.land("crm.csv", by_email("ann"), by_email("bob"), by_email("info"), by_email("eva"))
        warehouse.call(ANSWERS)
        warehouse.land(HOSTILE, by_email("ann"), by_email("zoe"))
        warehouse.publish().close()
    return write_report(settings_for(folder), 9.5).read_text()


@pytest.fixture
def page(written: str) -> Reader:
    return Reader(written)


def test_tables_behind_the_charts_have_the_right_figures(page: Reader) -> None:
    assert page.tables["From rows to matches"][1:] == [
        ["Rows in files", "6"], ["Usable rows", "5"], ["People", "4"], ["Called for", "3"], ["Answered", "3"],
        ["Matched", "2"],
    ]  # fmt: skip
    by_list = {row[0]: row[1:4] for row in page.tables["Match rate by list"][1:]}
    assert by_list == {"crm.csv": ["3", "2", "66.7 %"], HOSTILE: ["1", "1", "100.0 %"]}
    assert page.tables["Match rate by identifiers"][1][:4] == ["name and e-mail", "3", "2", "66.7 %"]
    assert page.tables["Cost per match by list"][1:] == [["crm.csv", "5", "2.50"]]
    (pending,) = page.tables["Pending"][1:]
    assert (pending[0], pending[2:]) == ("not_called_yet", ["1", "1", "1"])
    fields = {row[0]: row[1:] for row in page.tables["Fill rate of each field"][1:]}
    assert (fields["job_title"], fields["country"]) == (["50.0 %", "1"], ["0.0 %", "0"])
    charged, forecast = page.tables["Credits by day"][1:]
    assert charged[1:5] == ["3", "2", "5", "0"]
    assert forecast[1:] == ["1", "–", "2", "–", "7.50"]


def test_every_chart_has_a_table_and_words_for_a_screen_reader(page: Reader) -> None:
    assert page.headings[:2] == ["Enrichment report", "What needs attention"]
    assert len(page.charts) == len(page.labels) == len(page.tables) == len(page.headings) - 2
    assert all(label.startswith("Chart: ") for label in page.labels)
    for chart in page.charts.values():
        assert chart["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
        assert chart["width"] == "container"


def values_of(chart: Any, column: str) -> list[Any]:
    return [row[column] for layer in chart["layer"] for row in layer["data"]["values"] if column in row]


def test_chart_shows_what_its_table_says(page: Reader) -> None:
    assert [str(value) for value in values_of(page.charts["funnel"], "Count")] == [
        row[1] for row in page.tables["From rows to matches"][1:]
    ]


def test_file_name_cannot_become_markup_or_script(page: Reader) -> None:
    assert page.scripts == 3
    assert HOSTILE in page.tables["Match rate by list"][1] + page.tables["Match rate by list"][2]
    assert HOSTILE in values_of(page.charts["lists"], "List")


def test_page_needs_no_network_and_holds_no_contact_data(written: str, page: Reader) -> None:
    assert page.links == []
    assert "default-src 'none'" in written
    for private in ("engines.example", "Lyon", "Engineer", "Ann", "p-1"):
        assert private not in page.text + json.dumps(page.charts)
    assert len(written) < 2_000_000


def test_page_is_closed_like_the_published_file_and_replaced_as_a_whole(
    warehouse: Warehouse, settings: Settings
) -> None:
    warehouse.land("crm.csv", by_email("ann"))
    warehouse.publish().close()
    first = write_report(settings, None)
    with first.open() as reader:
        write_report(settings, None)
        assert reader.read().endswith("</html>\n")
    assert stat.S_IMODE(first.stat().st_mode) == settings.published_permissions
    assert [file.name for file in first.parent.glob("*.html*")] == ["clodura.html"]


@pytest.mark.parametrize("is_published", [False, True], ids=["no file", "empty file"])
def test_page_of_an_empty_warehouse_says_so(warehouse: Warehouse, settings: Settings, is_published: bool) -> None:
    if is_published:
        warehouse.publish().close()
    page = Reader(write_report(settings, None).read_text())
    assert "Nothing is published yet" in page.text
    assert (page.headings, page.charts) == (["Enrichment report"], {})


def test_what_needs_attention_names_file_and_remedy(warehouse: Warehouse, settings: Settings) -> None:
    warehouse.land("crm.csv", by_email("ann"), by_email("bob"))
    warehouse.call(lambda _: b'{"weird": {"x": 1}}')
    warehouse.publish().close()
    page = Reader(write_report(settings, 0.0).read_text())
    assert re.search(r"could not be read: 2\..*CLODURA_ANSWER_FIELDS", page.text)
    assert "4 credits at risk" in page.text


def test_every_chart_is_drawn_with_its_marks(page: Reader) -> None:
    for anchor, chart in page.charts.items():
        svg = vl_convert.vegalite_to_svg({**chart, "width": 400})
        assert "undefined" not in svg and "NaN" not in svg, anchor


def test_libraries_of_the_page_are_imported_only_when_it_is_written() -> None:
    """Every start of Dagster would wait for the one that holds the scripts of the charts."""
    code = "import sys, clodura_pipeline.report.report; sys.exit('vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
