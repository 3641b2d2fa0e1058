"""Canonical forms for any text: idempotent, one per spelling, different for different things, alike in columns."""

import unicodedata
from urllib.parse import quote

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from clodura_pipeline.identity.cells import companies, emails, linkedin, names
from clodura_pipeline.identity.cells.linkedin import page_url, profile_id
from clodura_pipeline.identity.cells.text import folded

TOKEN = "ACoAABCNSioBW3YZHc2lBHVG0E_TXYWitQkmwog"
SLUGS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-éüñçßøł王明дж"), min_size=3, max_size=30).filter(
    lambda slug: any(c.isalnum() for c in slug) and slug.replace("-", "") not in linkedin.PLACEHOLDER_PEOPLE
)
ANY_TEXT = st.text(max_size=60) | st.from_regex(
    r"(https?://)?(www\.)?linkedin\.com/in/[^/]{0,20}(/.{0,10})?", fullmatch=True
)
SPELLINGS = (
    "https://www.linkedin.com/in/{}",
    "http://de.linkedin.com/in/{}/",
    "linkedin.com/in/{}?trk=a&b=c",
    "/in/{}",
    "<https://m.linkedin.com/in/{}/en>",
    "https://www.linkedin.com/redir/redirect?url=https%3A%2F%2Fwww.linkedin.com%2Fin%2F{}",
)


@given(ANY_TEXT)
def test_profile_form_is_idempotent_whatever_the_cell_holds(text: str) -> None:
    identifier = profile_id(text)
    if identifier is not None:
        assert profile_id(page_url(identifier)) == identifier
        assert page_url(identifier).isascii()


@given(st.text(max_size=30), st.text("%0123456789abcdefABCDEF", max_size=20))
def test_slug_form_is_idempotent_for_any_escapes(text: str, escapes: str) -> None:
    identifier = profile_id(f"linkedin.com/in/{text}{escapes}")
    if identifier is not None:
        assert profile_id(page_url(identifier)) == identifier


@given(SLUGS, st.sampled_from(SPELLINGS), st.booleans(), st.booleans(), st.booleans())
def test_spellings_of_one_slug_agree(slug: str, spelling: str, encoded: bool, upper: bool, decomposed: bool) -> None:
    expected = profile_id(f"https://www.linkedin.com/in/{quote(slug)}")
    assert expected == f"li:{unicodedata.normalize('NFC', slug)}"
    written = slug.upper() if upper and slug.upper().lower() == slug else slug
    written = unicodedata.normalize("NFD", written) if decomposed else written
    written = quote(written) if encoded or "redir" in spelling else written
    assert profile_id(spelling.format(written)) == expected


@given(st.sets(SLUGS, min_size=2, max_size=8))
def test_different_slugs_are_different_people(slugs: set[str]) -> None:
    assert len({profile_id(f"linkedin.com/in/{quote(slug)}") for slug in slugs}) == len(slugs)


# Columns of cells: a column is read at the price of a cell.
@settings(max_examples=20)
@given(st.lists(st.text(max_size=40) | st.emails().map(str), min_size=1, max_size=10))
def test_address_form_is_idempotent(cells: list[str]) -> None:
    read = emails.read_emails(pl.Series(cells)).drop_nulls("identifier")
    again = emails.read_emails(read["address"])
    assert again["identifier"].to_list() == read["identifier"].to_list()
    assert again["address"].to_list() == read["address"].to_list()
    compared = emails.read_emails(read["identifier"].str.strip_prefix("em:"))
    assert compared["identifier"].to_list() == read["identifier"].to_list()


@settings(max_examples=20)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=10))
def test_name_and_company_forms_are_idempotent(cells: list[str]) -> None:
    for text in cells:
        cleaned = names.clean_name(text)
        if cleaned is not None:
            assert names.clean_name(cleaned) == cleaned
        domain = companies.domain_of(text)
        if domain is not None:
            assert companies.domain_of(domain) == domain
    once = pl.DataFrame({"text": cells}).select(folded(pl.col("text")))
    assert once.select(folded(pl.col("text"))).equals(once)
    read = companies.read_organisations(pl.Series(cells)).drop_nulls()
    again = companies.read_organisations(read["name"])
    assert again["name"].to_list() == read["name"].to_list()
    assert again["key"].to_list() == read["key"].to_list()
    assert companies.read_organisations(read["key"].str.slice(3))["key"].to_list() == read["key"].to_list()


# Texts around the border between plain spellings, which expressions recognise, and all others.
PATTERNS = (
    r"[aA][nN]{1,2}[ .'-]?[lL]e{1,2}( (Jr|MBA|PhD|van|and|na|test))?",
    r"(Ann|Dr\.|J)( [A-Ea]\.?| rer\.| h\. c\.| Eva)?( Lee| O|, Jr| V| SA| Bank AG| \[Acme\]| GmbH)?",
    r"(Mr|Dr|The|PT|Test|Na|null|x)?\.? ?[A-Z][a-z]{1,4}( (Lee|Inc|GmbH|Co|and|Ltd\.|, Inc|SA|S\.A\.|s\.l))?",
    r"(info|ann|sales|a\.b|none|test)[0-9+._-]?[a-z]{0,2}@(gmail|googlemail|acme|test|mailinator|x-y)\.(com|co\.uk)",
    r"(info|hr|press|dev|asdf|a{1,5}|no|x{3})[.-]?(team|desk|lee|berlin|it)?[0-9]?@(aa?|no|gmail|email|asdf)\.(com|eu)"
    r"(\.invalid)?( (and|&|-) (b@c\.eu|work))?",
    r"[ </]?(https?://)?(www\.|de\.|m\.)?[lL]inkedin\.com/(in|company|pub|sales)/[a-zA-Z0-9_%é-]{0,8}"
    r"(/(en|de-de|x))?/?([?#][a-z=&%,]{0,4})?",
    r"(https?://)?(www\d?\.)?(acme|gmail|x--y|linkedin)\.(com|co\.uk|c)(/|/x)?",
    r"(linkedin\.com/)?(in/){1,3}([a-z]{1,4}|N|0|%7B|linkedin\.com/in/)[a-z]{0,3}(%2[fF3]|%3F|%5D)?[a-z]{0,2}",
    r"(Self[ -]employed|Freelance|Private|None|gmail\.com|(https?://|www\.)(acme|gmail)\.com/[a-z?]{0,2})"
    r"( [A-Z][a-z]| GmbH)?",
    r"/{0,2}(in|company)/[a-z%-]{0,4}[/ ]?[a-z?]{0,3}[>\"]?",
    r"([A-Z]?[a-z., ]{0,4}|\"Lee, A\" ?)<(mailto:)?[a-z]{1,3}(\.[a-z])?@?x\.(com|c)>[; ]?",
)
CELLS = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.text("abzANXK0-'._+@ ", max_size=16),
    *(st.from_regex(pattern, fullmatch=True) for pattern in PATTERNS),
    st.sampled_from(
        [f"linkedin.com/in/{TOKEN}", "linkedin.com/in/null", "Kelvin \u212a", "ſean", "freelance", "The Co"]
    ),
)


@settings(max_examples=80)
@given(st.lists(CELLS.filter(lambda cell: cell is not None), min_size=1, max_size=12))
def test_plain_values_are_what_the_reader_of_all_spellings_makes_of_them(cells: list[str]) -> None:
    readers = (
        (linkedin._plain_pages, linkedin.pages_in),
        (emails._plain_addresses, emails._addresses_in),
        (companies._plain_names, companies._clean_organisation),
        (companies._plain_domains, lambda text: [companies.domain_of(text)]),
        (names.plain_names, lambda text: [names.clean_name(text)]),
        (names.plain_names, lambda text: [names.clean_first_name(text)]),
        (names._plain_splits, lambda text: ["\n".join(names.split_full_name(text) or ())]),
    )
    for plain, read in readers:
        for cell, value in zip(cells, plain(pl.Series(cells)), strict=True):
            assert value is None or [value] == read(cell)


@settings(max_examples=25)
@given(st.lists(CELLS, min_size=1, max_size=12), st.data())
def test_value_is_read_alone_as_among_others(cells: list[str | None], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(cells) - 1))
    for read in (linkedin.read_linkedin, emails.read_emails, companies.read_organisations, companies.read_domains):
        together = read(pl.Series(cells, dtype=pl.String)).filter(pl.col("row") == place).drop("row")
        assert read(pl.Series([cells[place]], dtype=pl.String)).drop("row").equals(together)
