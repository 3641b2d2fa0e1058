"""A new canonical form is applied to the past: the same people are found by it, and no call is made again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from clocks import FakeClock
from ledger_checks import owners, partition, rows
from manual_run import VERDICTS, ManualRun
from requests_of_tests import FILE_DATE, FORM, canonical_of

from clodura_pipeline.clodura.answers.reader import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import State, Verdict
from clodura_pipeline.ledger import CanonicalForm, Ledger, LedgerError, Permit
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.person_key import person_key
from clodura_pipeline.ledger.rules.eligibility import Answered

Canonical = tuple[str | None, str | None, str | None]


def newer_of(person: Identifiers) -> Canonical:
    """As form 1, but dots in the local part of an address and hyphens in a profile mean nothing."""
    profile, email, name = canonical_of(person)
    if email:
        local, _, domain = email.partition("@")
        email = f"{local.replace('.', '')}@{domain}"
    return _without_hyphens(profile), email, name


def _without_hyphens(profile: str | None) -> str | None:
    return profile and profile.replace("-", "")


NEWER = CanonicalForm(
    2, lambda people: [newer_of(person) for person in people], lambda url: _without_hyphens(FORM.profile_of(url))
)


def request(form: CanonicalForm, *other_ids: str, **fields: str) -> EnrichmentRequest:
    """A request as a program of this form makes it."""
    person = Identifiers(**fields)
    (found,) = form.identifiers_of([person])
    sent = tuple(each for each in found if each is not None)
    return EnrichmentRequest(person_key(sent[0]), person, sent, other_ids, FILE_DATE, "people.csv")


def write(path: Path, calls: Sequence[tuple[EnrichmentRequest, str | Verdict]], form: CanonicalForm = FORM) -> None:
    """A ledger with these calls, written by a program of a form."""
    clock = FakeClock()
    with Ledger(path, clock, form) as ledger:
        manual = ManualRun(ledger, clock)
        for each, verdict in calls:
            manual.call(each, verdict)


def naming(profile: str) -> Verdict:
    person = Person(linkedin_url=profile)
    return replace(VERDICTS["person"], enrichment=Enrichment(Found.PERSON, person, Organisation(), None))


@pytest.mark.parametrize(
    ("sent", "verdict", "later"),
    [
        ({"email": "ada.l@x.example"}, "person", {"email": "adal@x.example"}),
        ({"email": "ada.l@x.example"}, "person", {"email": "ada.l@x.example"}),
        ({"linkedin_url": "https://linkedin.com/in/ada-l"}, "organisation", {"linkedin_url": "linkedin.com/in/adal"}),
        ({"email": "a@x.example"}, naming("linkedin.com/in/ada-l"), {"linkedin_url": "linkedin.com/in/adal"}),
        ({"linkedin_url": "linkedin.com/in/ada", "email": "a.l@x.example"}, "person", {"email": "al@x.example"}),
    ],
    ids=["another spelling", "the same spelling", "a profile", "a profile from an answer", "beside a profile"],
)
def test_a_spelling_of_the_new_form_finds_the_answer_that_is_there(
    memory: Path, sent: dict[str, str], verdict: str | Verdict, later: dict[str, str]
) -> None:
    path = memory / "ledger.sqlite"
    write(path, [(request(FORM, **sent), verdict)])
    before = rows(path, "SELECT id, person_key, state, charged_credits, request, raw FROM attempts")
    clock = FakeClock()
    with Ledger(path, clock, NEWER) as ledger:
        assert isinstance(ManualRun(ledger, clock, "later").permit(request(NEWER, **later)), Answered)
        assert audit_ledger(ledger.address).sound
    assert rows(path, "SELECT id, person_key, state, charged_credits, request, raw FROM attempts") == before


def test_two_spellings_of_one_person_are_joined_and_readers_see_it(memory: Path) -> None:
    path = memory / "ledger.sqlite"
    one, other = request(FORM, email="ada.l@x.example"), request(FORM, email="adal@x.example")
    write(path, [(one, "no_match"), (other, "person")])
    clock = FakeClock()
    with Ledger(path, clock, FORM) as ledger:
        sequence = ledger.changes_since(0).sequence
    with Ledger(path, clock, NEWER) as ledger:
        assert partition(path) == {frozenset({"em:ada.l@x.example", "em:adal@x.example"})}
        assert set(owners(ledger.address, "em:ada.l@x.example", "em:adal@x.example").values()) == {one.person_key}
        changes = ledger.changes_since(sequence)
        assert (other.person_key, one.person_key) in {(row[0], row[1]) for row in changes.people}
        assert audit_ledger(ledger.address).sound


def test_readers_see_an_identifier_that_only_the_new_form_has(memory: Path) -> None:
    path, clock = memory / "ledger.sqlite", FakeClock()
    one = request(FORM, email="ada.l@x.example")
    write(path, [(one, "person")])
    with Ledger(path, clock, FORM) as ledger:
        sequence = ledger.changes_since(0).sequence
    with Ledger(path, clock, NEWER) as ledger:
        assert ("em:adal@x.example", one.person_key, 1) in ledger.changes_since(sequence).identifiers


@pytest.mark.parametrize("older", [0, 1], ids=["the older one has the address", "the younger one has it"])
def test_people_with_different_profiles_are_not_joined_by_an_address(memory: Path, older: int) -> None:
    path = memory / "ledger.sqlite"
    same_person = [
        request(FORM, linkedin_url="linkedin.com/in/a-b", email="shared.x@x.example"),
        request(FORM, linkedin_url="linkedin.com/in/ab", email="own@x.example"),
    ]
    other = request(FORM, linkedin_url="linkedin.com/in/other", email="sharedx@x.example")
    write(path, [(each, "person") for each in (same_person[older], same_person[1 - older], other)])
    clock = FakeClock()
    with Ledger(path, clock, NEWER) as ledger:
        keys = owners(ledger.address, "li:ab", "li:a-b", "li:other")
        assert keys["li:ab"] == keys["li:a-b"] != keys["li:other"]
        run = ManualRun(ledger, clock, "later")
        for profile in ("ab", "other"):
            later = request(NEWER, linkedin_url=f"linkedin.com/in/{profile}")
            assert run.permit(later) == Answered(State.PERSON)
        assert audit_ledger(ledger.address).sound


def test_what_only_files_said_passes_to_the_person_who_was_called_by_it(memory: Path) -> None:
    path = memory / "ledger.sqlite"
    by_files = request(FORM, "em:adal@x.example", linkedin_url="linkedin.com/in/files")
    called = request(FORM, email="ada.l@x.example")
    write(path, [(by_files, "person"), (called, "no_match")])
    clock = FakeClock()
    with Ledger(path, clock, NEWER) as ledger:
        assert owners(ledger.address, "em:adal@x.example") == {"em:adal@x.example": called.person_key}
        later = request(NEWER, email="adal@x.example")
        assert ManualRun(ledger, clock, "later").permit(later) == Answered(State.NO_MATCH)


def test_a_migrated_ledger_refuses_an_older_program_also_while_it_has_it_open(memory: Path) -> None:
    path, clock = memory / "ledger.sqlite", FakeClock()
    one = request(FORM, email="ada.l@x.example")
    with Ledger(path, clock, FORM) as older:
        manual = ManualRun(older, clock)
        permit = manual.permitted(one)
        Ledger(path, clock, NEWER).close()
        with pytest.raises(LedgerError, match=r"form 2; this one writes 1.*Install the newer version"):
            manual.permit(request(FORM, email="b@x.example"))
        manual.settle(permit, "person")  # an answer that is paid for is stored all the same
    with pytest.raises(LedgerError, match="Install the newer version"):
        Ledger(path, clock, FORM)
    with Ledger(path, clock, NEWER) as newer:
        assert ManualRun(newer, clock, "later").permit(request(NEWER, email="adal@x.example")) == Answered(State.PERSON)


def test_a_migration_happens_once(memory: Path) -> None:
    path, clock = memory / "ledger.sqlite", FakeClock()
    write(path, [(request(FORM, email="ada.l@x.example"), "person")])
    Ledger(path, clock, NEWER).close()

    def fail(_: Sequence[Identifiers]) -> list[Canonical]:
        raise AssertionError("read again")

    with Ledger(path, clock, replace(NEWER, identifiers_of=fail)) as ledger:
        assert isinstance(ManualRun(ledger, clock).permit(request(NEWER, email="new@x.example")), Permit)


def test_a_migration_that_fails_changes_nothing(memory: Path) -> None:
    path, clock = memory / "ledger.sqlite", FakeClock()
    write(path, [(request(FORM, email=f"ada.{number}@x.example"), "person") for number in range(3)])
    before = partition(path)

    def fails_late(people: Sequence[Identifiers]) -> list[Canonical]:
        found = [newer_of(person) for person in people]
        return found[:-1]

    with pytest.raises(ValueError, match="zip"):
        Ledger(path, clock, replace(NEWER, identifiers_of=fails_late))
    assert partition(path) == before
    with Ledger(path, clock, FORM) as ledger:
        assert audit_ledger(ledger.address).sound


def test_nothing_of_erased_people_comes_back(memory: Path) -> None:
    path, clock = memory / "ledger.sqlite", FakeClock()
    write(path, [(request(FORM, email="ada.l@x.example"), "person"), (request(FORM, email="b.c@x.example"), "person")])
    with Ledger(path, clock, FORM) as ledger:
        ledger.erase(["em:ada.l@x.example"])
    with Ledger(path, clock, NEWER) as ledger:
        assert partition(path) == {frozenset({"em:b.c@x.example", "em:bc@x.example"})}
        assert audit_ledger(ledger.address).sound
