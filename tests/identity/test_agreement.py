"""Agreement: is the person of an answer the one that was asked for?"""

from hypothesis import given, settings
from hypothesis import strategies as st

from clodura_pipeline.clodura.answers.reader import Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.identity.agreement import agreements

ADA = "https://www.linkedin.com/in/ada"


def named(first: str, last: str, **more: str) -> Identifiers:
    return Identifiers(first_name=first, last_name=last, **more)


CASES = [
    # a profile decides, however it is spelt
    (Identifiers(ADA), (Person(linkedin_url="http://uk.linkedin.com/in/Ada/?x=1"), Organisation()), "agrees", 1),
    (Identifiers(ADA), (Person(linkedin_url="https://linkedin.com/in/bob"), Organisation()), "differs", 1),
    (Identifiers(ADA), (Person(linkedin_url="in/ada"), Organisation()), "agrees", 1),
    (Identifiers(ADA), (Person(), Organisation(name="Engines")), "unknown", 0),
    (Identifiers(ADA, first_name="Ada", last_name="King"),
     (Person(None, "Ada", "Byron", ADA), Organisation()), "agrees", 2),
    # names
    (named("Ada", "Byron", email="a@gmail.com"), (Person(None, "ada", "BYRON"), Organisation()), "agrees", 1),
    (named("Zoë", "Müller"), (Person(None, "Zoe", "Mueller"), Organisation()), "agrees", 1),
    (named("Byron", "Ada"), (Person(None, "Ada", "Byron"), Organisation()), "agrees", 1),
    (named("Ada Marie", "Byron"), (Person(None, "Ada", "Byron"), Organisation()), "agrees", 1),
    (named("Ada", "Byron"), (Person(None, "Ada", "Byron-King"), Organisation()), "agrees", 1),
    (named("Hanna", "Meyer"), (Person(None, "Hannah", "Meier"), Organisation()), "agrees", 1),
    (named("Ada", "Byron"), (Person(None, "Bob", "King"), Organisation()), "differs", 1),
    (named("Ada", "Byron"), (Person(None, "Bob", "Byron"), Organisation()), "differs", 1),
    (named("Ada", "Byron"), (Person(None, "Ada", "Smith"), Organisation()), "differs", 1),
    (named("Bob", "Byron"), (Person(None, "Robert", "Byron"), Organisation()), "unknown", 1),
    (named("Liz", "Byron"), (Person(None, "Elizabeth", "Byron"), Organisation()), "unknown", 1),
    (named("A.", "Byron"), (Person(None, "Ada", "Byron"), Organisation()), "unknown", 1),
    (named("Ada", "B."), (Person(None, "Ada", "Byron"), Organisation()), "unknown", 1),
    (named("Ada", "Byron"), (Person(None, "Ада", "Байрон"), Organisation()), "unknown", 1),
    # companies
    (named("Ada", "Byron", organisation_name="Engines GmbH"),
     (Person(None, "Ada", "Byron"), Organisation(name="ENGINES")), "agrees", 2),
    (named("Ada", "Byron", organisation_name="Engines"),
     (Person(None, "Ada", "Byron"), Organisation(name="Bakery of Leeds")), "differs", 2),
    (named("Ada", "Byron", organisation_name="Engines"),
     (Person(None, "Ada", "Byron"), Organisation(name="E. Holding", domain="engines.example")), "agrees", 2),
    (named("Ada", "Byron", email="ada@engines.example"),
     (Person(None, "Ada", "Byron"), Organisation(domain="www.engines.example")), "agrees", 2),
    (named("Ada", "Byron", email="ada@engines.example"),
     (Person(None, "Ada", "Byron"), Organisation(domain="bakery.example")), "unknown", 2),
    # an address alone
    (Identifiers(email="ada.byron@engines.example"),
     (Person(None, "Ada", "Byron"), Organisation(domain="engines.example")), "agrees", 2),
    (Identifiers(email="abyron@engines.example"), (Person(None, "Ada", "Byron"), Organisation()), "agrees", 1),
    (Identifiers(email="ada.byron@engines.example"),
     (Person(None, "Bob", "King"), Organisation(domain="engines.example")), "differs", 2),
    (Identifiers(email="desk7@engines.example"),
     (Person(None, "Bob", "King"), Organisation(domain="engines.example")), "unknown", 1),
    (Identifiers(email="desk7@engines.example"),
     (Person(None, "Bob", "King"), Organisation(domain="bakery.example")), "differs", 1),
    (Identifiers(email="ada7@gmail.com"),
     (Person(None, "Bob", "King"), Organisation(domain="x.example")), "unknown", 0),
    (Identifiers(email="ada@engines.example"), (Person(), Organisation()), "unknown", 0),
]  # fmt: skip


def test_an_answer_is_compared_with_the_request() -> None:
    compared = agreements([(asked, *found) for asked, found, _, _ in CASES])
    for (asked, found, verdict, count), agreement in zip(CASES, compared, strict=True):
        assert (agreement.verdict, len(agreement.reasons)) == (verdict, count), (asked, found, agreement.reasons)


TEXTS = st.none() | st.text(max_size=12)
ASKED, FOUND = (st.lists(TEXTS, min_size=size, max_size=size) for size in (6, 5))


# Answers are compared ten at a time, at the price of one.
@settings(max_examples=20)
@given(st.lists(st.tuples(ASKED, FOUND), max_size=10))
def test_no_text_raises_and_reasons_hold_no_values(cases: list[tuple[list[str | None], list[str | None]]]) -> None:
    words = {"profile", "name", "company", "domain"}
    for compared in agreements(
        [
            (Identifiers(*asked), Person(None, *found[:3]), Organisation(name=found[3], domain=found[4]))
            for asked, found in cases
        ]
    ):
        assert compared.verdict in ("agrees", "differs", "unknown")
        assert all(reason.split(":")[0] in words for reason in compared.reasons)


NAMES = st.text(min_size=1, max_size=12)


@settings(max_examples=20)
@given(st.lists(st.tuples(NAMES, NAMES), max_size=10))
def test_the_same_name_never_differs(names: list[tuple[str, str]]) -> None:
    cases = [(named(first, last), Person(None, first, last), Organisation()) for first, last in names]
    assert "differs" not in [compared.verdict for compared in agreements(cases)]
