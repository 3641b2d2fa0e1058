"""Canonical forms: every spelling of one thing gives one identifier, and two things never do."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from clodura_pipeline.identity.cells.companies import domain_of, read_organisations
from clodura_pipeline.identity.cells.emails import read_emails
from clodura_pipeline.identity.cells.linkedin import page_url, pages_in, profile_id, read_linkedin
from clodura_pipeline.identity.cells.names import split_full_name
from clodura_pipeline.identity.cleaning import clean

COLUMNS = [
    "source_file",
    "source",
    "contact_id",
    "first_name",
    "last_name",
    "organisation_name",
    "organisation_linkedin_url",
]
ROW: dict[str, Any] = dict.fromkeys(["file_date", "source_row", *COLUMNS, "organisation_domain"])
SCHEMA: dict[str, Any] = {"file_date": pl.Date, "source_row": pl.Int64}
SCHEMA |= dict.fromkeys([*COLUMNS, "organisation_domain"], pl.String)
_ADDRESS = ("row", "address", "identifier")
TOKEN = "ACoAABCNSioBW3YZHc2lBHVG0E_TXYWitQkmwog"
INNER = "https%3A%2F%2Fwww.linkedin.com%2Fin%2Fann-lee"


def name_ids(*rows: Mapping[str, str | None]) -> list[str | None]:
    """The identifiers of rows that have a name and a company, cleaned together; None: the row is rejected."""
    cleaned = clean(pl.DataFrame([{**ROW, "source_row": place, **row} for place, row in enumerate(rows)], SCHEMA))
    found: dict[int, str] = dict(cleaned.contacts.select("source_row", "name_id").rows())
    return [found.get(place) for place in range(len(rows))]


def organisation_keys(*names: str) -> dict[str, str | None]:
    """The key of each company, read together."""
    found = read_organisations(pl.Series(names))
    return dict.fromkeys(names) | {names[row]: key for row, key in found.select("row", "key").iter_rows()}


def addresses_of(*cells: str) -> dict[str, tuple[str | None, str | None]]:
    """The first personal address of each cell, as it is sent and as it is compared; the cells are read together."""
    found = read_emails(pl.Series(cells)).filter(pl.col("identifier").is_not_null()).unique("row", keep="first")
    addresses = {row: (address, identifier) for row, address, identifier in found.select(_ADDRESS).iter_rows()}
    return {cell: addresses.get(row, (None, None)) for row, cell in enumerate(cells)}


def kinds_of(*addresses: str) -> dict[str, str]:
    """What each address is, read together."""
    found = read_emails(pl.Series(addresses))
    assert found["row"].to_list() == list(range(len(addresses)))
    return {addresses[row]: kind for row, kind in found.select("row", "kind").iter_rows()}


PROFILES = [
    "https://www.linkedin.com/in/ann-lee",
    "http://linkedin.com/in/ann-lee/",
    "HTTPS://WWW.LINKEDIN.COM/IN/ANN-LEE",
    "www.linkedin.com/in/Ann-Lee?trk=people-guest&utm_source=x#top",
    "uk.linkedin.com/in/ann-lee",
    "https://m.linkedin.com/mwlite/in/ann-lee",
    "https://touch.www.linkedin.com/in/ann-lee",
    "https://www.linkedin.com/comm/in/ann-lee?midToken=1",
    "https://www.linkedin.com/in/ann-lee/en",
    "https://www.linkedin.com/in/ann-lee/de-de/",
    "https://www.linkedin.com/in/ann-lee/detail/contact-info/",
    "https://www.linkedin.com/in/ann-lee&trk=x",
    "linkedin.com/in/ann-lee",
    "//www.linkedin.com/in/ann-lee",
    "in/ann-lee",
    "/in/ann-lee/",
    "  <https://www.linkedin.com/in/ann-lee>  ",
    '"https://www.linkedin.com/in/ann-lee",',
    "\u200bhttps://www.linkedin.com/in/ann-lee\ufeff",
    "LinkedIn: https://www.linkedin.com/in/ann-lee.",
    "[Ann Lee](https://www.linkedin.com/in/ann-lee)",
    '=HYPERLINK("https://www.linkedin.com/in/ann-lee","Ann")',
    "https:\\/\\/www.linkedin.com\\/in\\/ann-lee",
    "https://www.linkedin.com/in/https://www.linkedin.com/in/ann-lee",
    "https://www.linkedin.com/in/in/ann-lee",
    "https://www.linkedin.com/in/in/in/ann-lee/de",
    "linkedin.com/in//IN/ann-lee",
    "in/in/ann-lee",
    "https://www.linkedin.com/in/www.linkedin.com/in/ann-lee",
    "https://www.linkedin.com/in/linkedin.com/in/ann-lee/",
    f"https://www.linkedin.com/in/{INNER}",
    "https://www.linkedin.com/in/ann-lee%2F",
    "https://www.linkedin.com/in/ann-lee%2fen",
    "https://www.linkedin.com/in/ann-lee%252F",
    "https://www.linkedin.com/in/ann-lee%3ForiginalSubdomain%3Dde",
    "https://www.linkedin.com/in/ann-lee%23top",
    "https//www.linkedin.com/in/ann-lee",
    "https://www.linkedin.com/in/\nann-lee",
    "https://www.linkedin.com/in/ann%2Dlee",
    "https://www.linkedin.com/in/ann-lee%20",
    f"{INNER}%2F",
    f"https://www.linkedin.com/redir/redirect?url={INNER}&urlhash=x",
    "https://www.linkedin.com/redir/redirect?url=https://www.linkedin.com/in/ann-lee&urlhash=x",
    f"https://eur03.safelinks.protection.outlook.com/?url={INNER}%3Ftrk%3Dx&data=04%7C01",
    "https://www.google.com/url?q=https://www.linkedin.com/in/ann-lee&sa=D",
    "https://www.linkedin.com/authwall?trk=gf&sessionRedirect=https%3A%2F%2Fuk.linkedin.com%2Fin%2Fann-lee",
    "https://www.linkedin.com/uas/login?session_redirect=%2Fin%2Fann-lee",
    "https://urldefense.proofpoint.com/v2/url?u=https-3A__www.linkedin.com_in_ann-2Dlee&d=x",
    "https://urldefense.com/v3/__https://www.linkedin.com/in/ann-lee__;!!abc",
    "https://web.archive.org/web/2020/https://www.linkedin.com/in/ann-lee",
    "https://www.linkedin.com/in/ann-lee https://www.linkedin.com/company/acme",
]


def test_every_spelling_of_a_profile_is_one_person() -> None:
    assert {text: profile_id(text) for text in PROFILES} == dict.fromkeys(PROFILES, "li:ann-lee")


SLUGS = [
    ("linkedin.com/in/jos%C3%A9", "li:josé"),  # percent encoded
    ("linkedin.com/in/jos%c3%a9", "li:josé"),  # small hex digits
    ("linkedin.com/in/JOSÉ", "li:josé"),  # accent in capitals
    ("linkedin.com/in/jose\u0301", "li:josé"),  # accent as a mark
    ("linkedin.com/in/jos%25C3%25A9", "li:josé"),  # encoded twice
    ("linkedin.com/in/%E7%8E%8B%E5%B0%8F%E6%98%8E-123", "li:王小明-123"),  # chinese
    ("linkedin.com/in/ann%2cb", "li:ann%2Cb"),  # encoded comma stays encoded
    ("linkedin.com/in/a%E4b", "li:a%E4b"),  # broken byte stays encoded
    ("linkedin.com/in/a%zzb", "li:a%zzb"),  # bad escape is kept
    ("linkedin.com/in/-ann-lee-", "li:-ann-lee-"),  # hyphens at the ends belong to it
    (f"https://www.linkedin.com/in/{TOKEN}/", f"li:{TOKEN}"),  # member token keeps its case
    ("sy.linkedin.com/pub/k-marzec/a7/576/b50?trk=x", "li:k-marzec-b50576a7"),  # old public
    ("linkedin.com/pub/ann-lee/1/23/4", "li:ann-lee-0040231"),  # old public filled with zeros
    ("linkedin.com/pub/ann-lee/0/23/4", "li:ann-lee-004023"),  # old public without a leading zero
    ("https://linkedin.com/in/ann, https://linkedin.com/in/bob", "li:ann"),  # first of two
]


def test_slug_has_one_spelling() -> None:
    assert [(text, profile_id(text)) for text, _ in SLUGS] == SLUGS
    assert [profile_id(page_url(identifier)) for _, identifier in SLUGS] == [identifier for _, identifier in SLUGS]


OTHER_PAGES = [
    ("https://www.linkedin.com/company/acme/about/", "co:acme"),
    ("https://www.linkedin.com/school/mit/", "co:school/mit"),
    ("https://www.linkedin.com/showcase/acme-cloud", "co:showcase/acme-cloud"),
    ("https://www.linkedin.com/sales/lead/ACwAAB,NAME_SEARCH,x", "sales_navigator"),
    ("https://www.linkedin.com/sales/people/ACwAAB", "sales_navigator"),
    ("https://www.linkedin.com/talent/profile/AEM", "recruiter"),
    ("https://www.linkedin.com/recruiter/profile/1,2", "recruiter"),
    ("https://www.linkedin.com/search/results/people/?keywords=ann", "search"),
    ("https://www.linkedin.com/pub/dir/Ann/Lee", "search"),
    ("https://lnkd.in/abc", "short_link"),
    ("https://www.linkedin.com/posts/ann-lee_x", "other"),
    ("https://www.linkedin.com/feed/", "other"),
    ("https://www.linkedin.com/in/", "other"),
    ("https://www.linkedin.com/in/me", "other"),
    ("https://www.linkedin.com/in/null", "other"),
    ("https://www.linkedin.com/in/ann lee", "other"),
    ("https://www.linkedin.com/authwall?trk=x", "other"),
    ("https://www.linkedin.com/company/acme?back=https%3A%2F%2Flinkedin.com%2Fin%2Fbob", "co:acme"),
    ("https://evil-linkedin.com/in/x", "not_linkedin"),
    ("https://linkedin.com.evil.com/in/x", "not_linkedin"),
    ("ann@linkedin.com", "not_linkedin"),
    ("Ann Lee", "not_linkedin"),
]


def test_other_pages_are_recognised_and_identify_nobody() -> None:
    texts, pages = [text for text, _ in OTHER_PAGES], [page for _, page in OTHER_PAGES]
    assert read_linkedin(pl.Series(texts))["page"].to_list() == pages
    assert [pages_in(text) for text in texts] == [[page] for page in pages]
    assert [profile_id(text) for text in texts] == [None] * len(texts)


NO_SLUGS = [
    *("in", "in/", "in/in", "N/A", "n", "0", "x1", "xxx", "tbd", "no", "false", "test", "example", "linkedin"),
    *("notfound", "not-found", "not_found", "private", "profile", "johndoe", "out-of-network", "Undefined"),
    *("%5Bobject%20Object%5D", "[object Object]", "%7Bslug%7D", "{slug}", "%3Cslug%3E", "https", "https%3A"),
]


def test_slug_that_stands_for_nothing_is_nobody() -> None:
    other = {slug: pages_in(f"https://www.linkedin.com/in/{slug}") for slug in NO_SLUGS}
    assert other == {slug: ["other"] for slug in NO_SLUGS}
    read = read_linkedin(pl.Series([f"linkedin.com/in/{slug}" for slug in NO_SLUGS]))
    assert read["page"].to_list() == ["other"] * len(NO_SLUGS)


SHORT_NAMES = ["hp", "3m", "12", "x", "linkedin", "example", "private"]


def test_company_may_have_a_short_or_common_name() -> None:
    assert [pages_in(f"linkedin.com/company/{slug}") for slug in SHORT_NAMES] == [[f"co:{s}"] for s in SHORT_NAMES]


ADDRESSES = [
    ("  Ann.Lee@Acme.COM ", "ann.lee@acme.com", "em:ann.lee@acme.com"),  # case and spaces
    ("mailto:ann@x.com?subject=hi", "ann@x.com", "em:ann@x.com"),  # mailto
    ("Ann Lee <ann@x.com>", "ann@x.com", "em:ann@x.com"),  # name and brackets
    ('"Lee, Ann" <ann@x.com>', "ann@x.com", "em:ann@x.com"),  # quoted name with comma
    ("ann+news@x.com", "ann+news@x.com", "em:ann@x.com"),  # tag asked but not compared
    ("A.n.n@gmail.com", "a.n.n@gmail.com", "em:ann@gmail.com"),  # gmail dots
    ("a.nn+x@googlemail.com", "a.nn+x@googlemail.com", "em:ann@gmail.com"),  # googlemail
    ("a.nn@x.com", "a.nn@x.com", "em:a.nn@x.com"),  # dots elsewhere matter
    ("ann@müller.de", "ann@müller.de", "em:ann@xn--mller-kva.de"),  # idn
    ("ann@xn--mller-kva.de", "ann@xn--mller-kva.de", "em:ann@xn--mller-kva.de"),  # idn in ascii
    ("ann@x.com.", "ann@x.com", "em:ann@x.com"),  # trailing dot
    ("ann@x.com (work)", "ann@x.com", "em:ann@x.com"),  # comment
    ("a@x.com; b@y.com", "a@x.com", "em:a@x.com"),  # first of two
    ("info@x.com, ann@x.com", "ann@x.com", "em:ann@x.com"),  # person before role
    ("oops; ann@x.com", "ann@x.com", "em:ann@x.com"),  # first valid
    ("press.lee@x.com", "press.lee@x.com", "em:press.lee@x.com"),  # name that starts like a role
    ("info.lee@x.com; ann@x.com", "ann@x.com", "em:ann@x.com"),  # person behind role
    ("***@x.com, ann@x.com", "ann@x.com", "em:ann@x.com"),  # person behind masked
    *(
        (cell, "ann@x.com", "em:ann@x.com")
        for cell in (
            *("ann@x.com and b@y.com", "ann@x.com & b@y.com", "ann@x.com or b@y.com", "ann@x.com und b@y.com"),
            *("ann@x.com - work", "ann@x.com – old", "ann@x.com #old", "ann@x.com（work）", "ann@x.com -"),
            *("Work: ann@x.com", "E-Mail (privat): ann@x.com", "%20ann@x.com", "%3Cann@x.com%3E", "*ann@x.com*"),
            *("12;#ann@x.com", "ann@x.com;#12", "ａｎｎ＠ｘ．ｃｏｍ", "ann@x.com.invalid", "ann@x.com_"),
        )
    ),
    ("o’neil@x.com", "o'neil@x.com", "em:o'neil@x.com"),  # curly apostrophe
    ("ann@example.com", "ann@example.com", "em:ann@example.com"),  # test domain
]


def test_address_is_asked_as_written_and_compared_folded() -> None:
    expected = {text: (asked, identifier) for text, asked, identifier in ADDRESSES}
    assert addresses_of(*expected) == expected
    compared = [identifier for _, _, identifier in ADDRESSES]
    again = addresses_of(*(identifier.removeprefix("em:") for identifier in compared))
    assert [identifier for _, identifier in again.values()] == list(dict.fromkeys(compared))


BROKEN_ADDRESSES = [
    *("", "n/a", "none", "-", "unknown", "test@test", "test@test.com", "noemail@acme.com", "email@example.com"),
    *("ann", "ann@", "@x.com", "ann@x", "ann@x..com", "ann@@x.com", "ann lee@x.com", "ann@x .com", "ann@-x.com"),
    *("Ann Lee & ann@x.com", "http://ann@x.com", "ann@x.com lee"),
    *(".ann@x.com", "ann@1.2.3.4", "a" * 65 + "@x.com", "ann@x_y.com"),
]


def test_broken_address_is_none() -> None:
    assert addresses_of(*BROKEN_ADDRESSES) == dict.fromkeys(BROKEN_ADDRESSES, (None, None))


ROLE_ADDRESSES = [
    *(
        "info@x.com",
        "Sales@X.com",
        "contact@x.com",
        "office@x.com",
        "hello@x.com",
        "support@x.com",
        "no-reply@x.com",
    ),
    *("sales.uk@x.com", "support2@x.com", "customer-service@x.com", "info+x@x.com", "kontakt@x.de", "hr@x.com"),
    *("accueil@x.fr", "devis@x.fr", "mairie@x.fr", "achats@x.fr", "biuro@x.pl", "kancelaria@x.pl", "iroda@x.hu"),
    *("comercial@x.es", "rrhh@x.es", "soporte@x.es", "atendimento@x.br", "suporte@x.pt", "financeiro@x.br"),
    *(
        "segreteria@x.it",
        "amministrazione@x.it",
        "acquisti@x.it",
        "verkoop@x.nl",
        "inkoop@x.nl",
        "klantenservice@x.nl",
    ),
    *("myynti@x.fi", "toimisto@x.fi", "asiakaspalvelu@x.fi", "salg@x.no", "ordre@x.dk", "kundservice@x.se"),
    *("faktura@x.se", "obchod@x.cz", "objednavky@x.cz", "bilgi@x.tr", "satis@x.tr", "anfrage@x.de", "buero@x.de"),
    *("poststelle@x.de", "gemeinde@x.de", "rathaus@x.de", "redaktion@x.de", "rezeption@x.at", "bewerbung@x.de"),
    *("info-berlin@x.de", "info.muenchen@x.de", "office-wien@x.at", "kontakt-hamburg@x.de", "sales-emea@x.com"),
    *(
        "sales.emea2@x.com",
        "hr-department@x.com",
        "it.support@x.com",
        "marketingteam@x.com",
        "salesdepartment@x.com",
    ),
    *("dontreply@x.com", "bounce@x.com", "ceo@x.com", "demo@x.com", "user@x.com", "guest@x.com"),
]


def test_role_address_identifies_nobody() -> None:
    assert kinds_of(*ROLE_ADDRESSES) == dict.fromkeys(ROLE_ADDRESSES, "role")
    assert addresses_of(*ROLE_ADDRESSES) == dict.fromkeys(ROLE_ADDRESSES, (None, None))


NAMES_LIKE_FUNCTIONS = [
    *("anne.office", "mark.sales", "eva.kanzlei", "anna.post", "kanzler", "dev.patel", "job.devries", "press.lee"),
    *("hr.lee", "it.smith", "foo", "sin", "steam", "infora", "kontaktova", "ordrea", "jj", "no.lee", "ann.none"),
]


def test_name_that_looks_like_a_function_stays_a_persons() -> None:
    expected = {f"{local}@acme.eu": (f"{local}@acme.eu", f"em:{local}@acme.eu") for local in NAMES_LIKE_FUNCTIONS}
    assert addresses_of(*expected) == expected


MASKED = ["a***@acme.eu", "a****n@gmail.com", "*protected*@acme.eu", "****@acme.eu", "ann@a***.eu"]


def test_masked_address_identifies_nobody() -> None:
    assert kinds_of(*MASKED) == dict.fromkeys(MASKED, "masked")
    assert addresses_of(*MASKED) == dict.fromkeys(MASKED, (None, None))


STAND_IN_ADDRESSES = [
    *("email_not_unlocked@domain.com", "a@a.com", "aaa@aaa.com", "no@no.com", "no@email.com", "fake@fake.com"),
    *(
        "asdf@asdf.com",
        "qwerty@qwerty.com",
        "asdf12@acme.eu",
        "abc@gmail.com",
        "invalid@invalid.com",
        "foo@bar.com",
    ),
    *("keine@angabe.de", "kein@kein.de", "sin@correo.com", "aucun@aucun.fr", "notiene@gmail.com"),
    *("pasdemail@gmail.com", "deleted@acme.eu", "anonymous@anonymous.com", "no.email@acme.eu", "xxxxx@acme.eu"),
]


def test_address_typed_to_get_past_a_form_identifies_nobody() -> None:
    assert kinds_of(*STAND_IN_ADDRESSES) == dict.fromkeys(STAND_IN_ADDRESSES, "stand_in")
    assert addresses_of(*STAND_IN_ADDRESSES) == dict.fromkeys(STAND_IN_ADDRESSES, (None, None))


def test_disposable_address_identifies_nobody() -> None:
    disposable = ("ann@mailinator.com", "ann@sub.mailinator.com")
    assert kinds_of(*disposable) == dict.fromkeys(disposable, "disposable")
    assert addresses_of(*disposable) == dict.fromkeys(disposable, (None, None))


NAMES = [
    ("Ann", "Lee", "nc:ann|lee|on:acme"),
    ("Dr. ANN", "LEE, MBA", "nc:ann|lee|on:acme"),
    ("Mrs Ann", "Lee PhD", "nc:ann|lee|on:acme"),
    ("Anne-Marie", "O’Neil", "nc:annemarie|oneil|on:acme"),
    ("José 🚀", "Núñez", "nc:jose|nunez|on:acme"),
    ("Søren", "Łukasz", "nc:soren|lukasz|on:acme"),
    ("Ann", "Ma", "nc:ann|ma|on:acme"),
    ("Ann", "Lee Jr.", "nc:ann|lee jr|on:acme"),
    ("Ann", "Lee Sr", "nc:ann|lee sr|on:acme"),
    ("Ann", "Lee V", "nc:ann|lee v|on:acme"),
    ("Ann A.", "Lee", "nc:ann a|lee|on:acme"),
    ("ann a", "Lee", "nc:ann a|lee|on:acme"),
    ("Ann E.", "Lee", "nc:ann e|lee|on:acme"),
    ("Anne", "Lee", "nc:anne|lee|on:acme"),
    ("Ann A.", "Lee Jr.", "nc:ann a|lee jr|on:acme"),
    ("ＡＮＮ", "Ｌｅｅ", "nc:ann|lee|on:acme"),
    ("Jung", "O", "nc:jung|o|on:acme"),
    ("JP", "Lee", "nc:jp|lee|on:acme"),
    ("小明", "王", "nc:小明|王|on:acme"),
    ("राम", "रमी", "nc:राम|रमी|on:acme"),
    ("Ann", None, None),
    ("n/a", "Lee", None),
    ("Ann", "-", None),
    ("Test", "User", None),
    ("LinkedIn", "Member", None),
    *((first, "Lee", None) for first in ("J.", "J", "J.P.", "J. P.", "Dr.", "Mr", "Prof. Dr.", "Mr. & Mrs.")),
    *(("Ann", last, None) for last in ("S.", "S", "O.", "GmbH", "Robotics GmbH")),
]


def test_names_are_compared_without_case_accents_and_titles() -> None:
    rows = [{"first_name": first, "last_name": last, "organisation_name": "Acme GmbH"} for first, last, _ in NAMES]
    assert name_ids(*rows) == [identifier for _, _, identifier in NAMES]


STAND_INS = [
    *("Anonymous User", "Guest User", "Sales Team", "Accounts Payable", "Customer Service", "Hiring Manager"),
    *("Max Mustermann", "Vorname Nachname", "Prénom Nom", "Nombre Apellidos", "John Doe", "Not Provided"),
    *("Info Desk", "HR Department", "Unknown User", "Name Surname", "LinkedIn Member"),
]


def test_stand_in_for_a_name_is_nobody_at_any_company() -> None:
    names = [name.split() for name in STAND_INS]
    rows = [{"first_name": first, "last_name": last, "organisation_name": "Acme"} for first, last in names]
    assert name_ids(*rows) == [None] * len(STAND_INS)


NAMESAKES = [
    ("Maria Clara Silva", "Maria Eduarda Silva", "Maria Silva"),
    ("John A. Smith", "John B. Smith", "John Smith", "John Smith Jr.", "John Smith Sr.", "John Smith V"),
    ("Juan Carlos Pérez García", "Juan Luis Gómez García"),
    ("Mohammed Ali Khan", "Mohammed Yusuf Khan"),
    ("Nguyen Van An", "Nguyen Thi An"),
    ("Ann E. Smith", "Anne Smith"),
]


def test_people_with_different_middle_names_stay_apart() -> None:
    split = [split_full_name(name) for names in NAMESAKES for name in names]
    rows = [dict(zip(("first_name", "last_name"), parts or (None, None), strict=True)) for parts in split]
    found = iter(name_ids(*({**row, "organisation_name": "IBM"} for row in rows)))
    for names in NAMESAKES:
        assert len({next(found) for _ in names} - {None}) == len(names), names


MIDDLE_NAMES = ["John A. Smith", "Smith, John A.", "JOHN A SMITH", "Dr. John A. Smith, PhD"]


def test_spellings_of_a_middle_name_are_one_person() -> None:
    split = [split_full_name(name) for name in MIDDLE_NAMES]
    rows = [dict(zip(("first_name", "last_name"), parts or (None, None), strict=True)) for parts in split]
    found = name_ids(*({**row, "organisation_name": "IBM"} for row in rows))
    assert dict(zip(MIDDLE_NAMES, found, strict=True)) == dict.fromkeys(MIDDLE_NAMES, "nc:john a|smith|on:ibm")


def test_company_is_its_page_else_its_name_else_its_domain() -> None:
    page, name, domain = "https://linkedin.com/company/Acme/", "Acme Ltd", "https://www.Acme.com/x"
    all_of_them = {"organisation_name": name, "organisation_linkedin_url": page, "organisation_domain": domain}
    companies = [
        (all_of_them, "nc:ann|lee|co:acme"),
        ({"organisation_name": name, "organisation_domain": domain}, "nc:ann|lee|on:acme"),
        ({"organisation_domain": domain}, "nc:ann|lee|dm:acme.com"),
        ({"organisation_name": "www.acme.com"}, "nc:ann|lee|dm:acme.com"),
        ({}, None),
    ]
    found = name_ids(*({"first_name": "Ann", "last_name": "Lee", **company} for company, _ in companies))
    assert found == [identifier for _, identifier in companies]


LIKE_NONE = [
    ("https://acme.com/about", "dm:acme.com"),
    ("http://www.acme.com:8080/de?x=1", "dm:acme.com"),
    ("www.acme.com/about", "dm:acme.com"),
    ("Independent Pictures", "on:independentpictures"),
    ("Other Ltd", "on:other"),
    ("Freelance GmbH", "on:freelance"),
    ("Home Depot", "on:homedepot"),
    ("Private Bank", "on:privatebank"),
    ("X", "on:x"),
]


def test_company_that_looks_like_none_is_one() -> None:
    rows = [{"first_name": "Ann", "last_name": "Lee", "organisation_name": name} for name, _ in LIKE_NONE]
    assert name_ids(*rows) == [f"nc:ann|lee|{key}" for _, key in LIKE_NONE]
    assert organisation_keys(*dict(LIKE_NONE)) == dict(LIKE_NONE)


NOWHERE = [
    *("Self-employed", "Freelance", "n/a", "Retired", "Stealth Startup", "Independent", "Student", "Consultant"),
    *(
        "gmail.com",
        "www.gmail.com",
        "https://gmail.com/",
        "Gmail",
        "Private",
        "Other",
        "Various",
        "Home",
        "Personal",
    ),
    *("Freelance Designer", "Self-employed photographer", "Entrepreneur", "Homemaker", "Job Seeker", "Sole Trader"),
    *("Open to new opportunities", "ZZP", "Zelfstandig", "Particulier", "Particular", "Independiente"),
    *("Libero professionista", "Sin empresa", "Keine Firma", "Privatkunde", "(not set)", "not specified"),
    *("--none--", "None", "Unknown Company", "Company", "https://facebook.com/acme"),
]


def test_people_without_a_company_have_no_company_in_common() -> None:
    rows = [{"first_name": "Ann", "last_name": "Lee", "organisation_name": nowhere} for nowhere in NOWHERE]
    assert name_ids(*rows) == [None] * len(NOWHERE)


LEGAL_FORMS = [
    *(
        "Acme",
        "ACME, Inc.",
        "Acme GmbH",
        "acme g.m.b.h.",
        "Acme GmbH & Co. KG",
        "The Acme Company Ltd.",
        "Acmé S.A.",
    ),
    *(
        "Acme Sp. z o.o.",
        "Acme s.r.o.",
        "Acme Pty Ltd",
        "PT Acme Tbk",
        "株式会社Acme",
        "Acme UG (haftungsbeschränkt)",
    ),
    *("Acme B.V.", "Acme S.A. de C.V.", "Acme Private Limited", "Acme & Co", "ООО Acme", "(Acme) LLC"),
]


def test_company_is_compared_without_its_legal_form() -> None:
    assert organisation_keys(*LEGAL_FORMS) == dict.fromkeys(LEGAL_FORMS, "on:acme")


def test_company_that_is_called_like_a_legal_form_keeps_a_name() -> None:
    assert all(organisation_keys("Co", "AG", "The Company", "株式会社").values())


def test_companies_that_differ_stay_apart() -> None:
    different = ["Acme", "Acme Systems", "Acme Labs GmbH", "Müller", "Muler", "AT&T", "ATT Co", "3M", "4M"]
    assert len({*organisation_keys(*different).values()}) == len(different)


DOMAINS = [
    ("https://www.Acme.com/about?x=1", "acme.com"),
    ("acme.co.uk", "acme.co.uk"),
    ("@acme.com", "acme.com"),
    ("ann@acme.com", "acme.com"),
    ("www.müller.de", "xn--mller-kva.de"),
    ("acme.com:8080/", "acme.com"),
    ("gmail.com", None),
    ("https://facebook.com/acme", None),
    ("facebook.com", "facebook.com"),
    ("acme", None),
    ("http://[bad", None),
    ("1.2.3.4", None),
]


def test_domain_of_a_company() -> None:
    assert [(text, domain_of(text)) for text, _ in DOMAINS] == DOMAINS


FULL_NAMES = [
    ("Ann Lee", ("Ann", "Lee")),
    ("Lee, Ann", ("Ann", "Lee")),
    ("Ms. Ann Lee (she/her) 🚀", ("Ann", "Lee")),
    ("Ann Lee, MBA, PMP", ("Ann", "Lee")),
    ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
    ("Maria von der Leyen", ("Maria", "von der Leyen")),
    ("de la Cruz, Juan", ("Juan", "de la Cruz")),
    ("John Ronald Reuel Tolkien", ("John Ronald Reuel", "Tolkien")),
    ("King Lee", ("King", "Lee")),
    ("John Smith Jr.", ("John", "Smith Jr.")),
    ("Ann Lee | Acme", ("Ann", "Lee")),
    ("Ann Lee [Acme]", ("Ann", "Lee")),
    ("Prof. Dr. h.c. Hans Müller", ("Hans", "Müller")),
    ("Prof. Dr. h. c. mult. Hans Müller", ("Hans", "Müller")),
    ("Dr. rer. nat. Eva Abt", ("Eva", "Abt")),
    ("Dr.-Ing. Eva Abt", ("Eva", "Abt")),
    ("ＡＮＮ　ＬＥＥ", ("ANN", "LEE")),
    ("Smith Jr., John A.", ("John A.", "Smith Jr.")),
    ("Maria Clara da Silva", ("Maria Clara", "da Silva")),
    ("Jose Co", ("Jose", "Co")),
    ("MARIA SA", ("MARIA", "SA")),
    ("Acme Robotics GmbH", None),
    ("Deutsche Bank AG", None),
    ("DEUTSCHE BANK AG", None),
    ("Banco Central SA", None),
    ("Smith & Co", None),
    ("Mr. & Mrs. Smith", None),
    ("山田 健", ("健", "山田")),
    ("山田　健", ("健", "山田")),
    ("김 민준", ("민준", "김")),
    ("ジョン・スミス", ("ジョン", "スミス")),
    ("Ann", None),
    ("王小明", None),
    ("Ann and Bob Lee", None),
    ("Mr Lee", None),
    ("n/a", None),
]


def test_full_name_is_split_or_left_alone() -> None:
    assert [(text, split_full_name(text)) for text, _ in FULL_NAMES] == FULL_NAMES
