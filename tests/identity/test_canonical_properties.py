"""Canonical forms for any text: idempotent, one per spelling, different for different things, alike in columns."""

import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from clodura_pipeline.identity import canonical
from clodura_pipeline.identity.cells import columns, companies, emails, linkedin, names
from clodura_pipeline.identity.cells import linkedin_slugs as slugs

TOKEN = "ACoAABCNSioBW3YZHc2lBHVG0E_TXYWitQkmwog"
SLUGS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-éüñçßøł王明дж"), min_size=3, max_size=30).filter(
    lambda slug: any(c.isalnum() for c in slug) and slug.replace("-", "") not in slugs.PLACEHOLDER_PEOPLE
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
    identifier = canonical.profile_id(text)
    if identifier is not None:
        assert canonical.profile_id(canonical.profile_url(identifier)) == identifier
        assert canonical.profile_url(identifier).isascii()


@given(st.text(max_size=30), st.text("%0123456789abcdefABCDEF", max_size=20))
def test_slug_form_is_idempotent_for_any_escapes(text: str, escapes: str) -> None:
    identifier = canonical.profile_id(f"linkedin.com/in/{text}{escapes}")
    if identifier is not None:
        assert canonical.profile_id(canonical.profile_url(identifier)) == identifier


@given(SLUGS, st.sampled_from(SPELLINGS), st.booleans(), st.booleans(), st.booleans())
def test_spellings_of_one_slug_agree(slug: str, spelling: str, encoded: bool, upper: bool, decomposed: bool) -> None:
    expected = canonical.profile_id(f"https://www.linkedin.com/in/{quote(slug)}")
    assert expected == f"li:{unicodedata.normalize('NFC', slug)}"
    written = slug.upper() if upper and slug.upper().lower() == slug else slug
    written = unicodedata.normalize("NFD", written) if decomposed else written
    written = quote(written) if encoded or "redir" in spelling else written
    assert canonical.profile_id(spelling.format(written)) == expected


@given(st.sets(SLUGS, min_size=2, max_size=8))
def test_different_slugs_are_different_people(slugs: set[str]) -> None:
    assert len({canonical.profile_id(f"linkedin.com/in/{quote(slug)}") for slug in slugs}) == len(slugs)


@given(st.text(max_size=40) | st.emails().map(str))
def test_address_form_is_idempotent(text: str) -> None:
    identifier, asked = canonical.email_id(text), canonical.clean_email(text)
    assert (identifier is None) == (asked is None)
    if identifier is not None and asked is not None:
        assert canonical.email_id(identifier.removeprefix("em:")) == identifier
        assert (canonical.email_id(asked), canonical.clean_email(asked)) == (identifier, asked)


@given(st.text(max_size=40))
def test_name_and_company_forms_are_idempotent(text: str) -> None:
    cleaned = canonical.clean_name(text)
    if cleaned is not None:
        assert canonical.clean_name(cleaned) == cleaned
    assert names.fold(names.fold(text)) == names.fold(text)
    folded = canonical.fold_organisation(text)
    assert canonical.fold_organisation(folded) == folded
    organisation = canonical.clean_organisation(text)
    if organisation is not None:
        assert canonical.clean_organisation(organisation) == organisation
    domain = canonical.domain_of(text)
    if domain is not None:
        assert canonical.domain_of(domain) == domain


# Texts around the border between the expressions and the Python functions.
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


@settings(max_examples=60, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=12))
def test_columns_are_read_as_single_cells_are(cells: list[str | None]) -> None:
    values = pl.Series(cells, dtype=pl.String)

    def each(reader: Callable[[str], Any]) -> list[Any]:
        return [None if cell is None else reader(cell) for cell in cells]

    pages = each(linkedin.read_linkedin)
    read = columns.read_linkedin(values)
    assert read["kind"].to_list() == [page and str(page.kind) for page in pages]
    assert read["several"].to_list() == [page and page.several for page in pages]
    assert read["page"].to_list() == each(lambda cell: canonical.profile_id(cell) or canonical.company_id(cell))
    mails = each(emails.read_email)
    for field, column in {"kind": "kind", "address": "address", "identifier": "identifier", "role": "role"}.items():
        assert columns.read_emails(values)[column].to_list() == [mail and getattr(mail, field) for mail in mails]
    first = columns.read_first_names(values)
    assert first["cleaned"].to_list() == each(names.clean_first_name)
    assert first["folded"].to_list() == each(
        lambda cell: names.fold_first_name(names.clean_first_name(cell) or "") or None
    )
    last = columns.read_last_names(values)["folded"].to_list()
    assert last == each(lambda cell: names.fold_last_name(names.clean_name(cell) or "") or None)
    split = columns.split_full_names(values)
    assert list(split.iter_rows()) == [parts or (None, None) for parts in each(names.split_full_name)]
    organisations = columns.read_organisations(values)
    assert organisations["cleaned"].to_list() == each(companies.clean_organisation)
    assert organisations["key"].to_list() == each(
        lambda cell: companies.company_key(None, companies.clean_organisation(cell), None)
    )
    assert columns.read_domains(values)["domain"].to_list() == each(companies.domain_of)


COLUMNS = ("first_name", "last_name", "email", "linkedin_url")
COMPANY_COLUMNS = ("organisation_name", "organisation_linkedin_url", "organisation_domain")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[CELLS] * 7), max_size=6))
def test_identifiers_of_a_frame_are_those_of_its_rows(rows: list[tuple[str | None, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys((*COLUMNS, *COMPANY_COLUMNS), pl.String), orient="row")
    got = canonical.with_canonical_ids(frame).select("profile_id", "email_id", "name_id").rows()
    assert got == [
        (
            canonical.profile_id(url or ""),
            canonical.email_id(mail or ""),
            canonical.name_id(first, last, organisation=name, organisation_linkedin_url=page, domain=domain),
        )
        for first, last, mail, url, name, page, domain in rows
    ]
