"""A project that a previous canonical form has run, run again with today's: nobody is asked, and all is shown."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pytest
from click.testing import CliRunner
from project import TODAY, YESTERDAY, Project

from clodura_pipeline.cli import main
from clodura_pipeline.identity import canonical, rereading
from clodura_pipeline.identity.cells import columns
from clodura_pipeline.identity.rereading import FormerForm
from clodura_pipeline.sandbox import Person

HEADER = "contact_id,email,linkedin_url\n"
People = dict[str, list[Person]]


def previous_profile(address: str) -> str | None:
    """With its case."""
    found = re.search(r"linkedin\.com/in/([^/?#\s]+)", address, re.IGNORECASE)
    return f"li:{found[1]}" if found else None


def previous_address(address: str) -> str | None:
    """With its tag, and the dots that Gmail does not see."""
    return f"em:{address.strip().lower()}" if re.fullmatch(r"\S+@\S+", address) else None


@contextmanager
def previous_form(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The program as it was: its version, and how it read cells and answers."""
    read_emails, read_linkedin = columns.read_emails, columns.read_linkedin

    def emails(values: pl.Series) -> pl.DataFrame:
        known = pl.col("identifier").is_not_null()
        return read_emails(values).with_columns(
            pl.when(known).then(pl.lit("em:") + pl.col("address")).alias("identifier")
        )

    def pages(values: pl.Series) -> pl.DataFrame:
        as_written = pl.Series([previous_profile(value or "") for value in values], dtype=pl.String)
        person = pl.col("kind") == "person"
        return read_linkedin(values).with_columns(pl.when(person).then(as_written).otherwise("page").alias("page"))

    with monkeypatch.context() as patched:
        patched.setattr(columns, "read_emails", emails)
        patched.setattr(columns, "read_linkedin", pages)
        patched.setattr(canonical, "profile_id", previous_profile)
        patched.setattr(canonical, "email_id", previous_address)
        patched.setattr(canonical, "CANONICAL_VERSION", 0)
        yield
    former = FormerForm(previous_profile, previous_address, lambda *_: None)
    monkeypatch.setattr(rereading, "FORMER_FORMS", (former,))


def line(contact_id: str, email: str = "", linkedin: str = "") -> str:
    return f"{contact_id},{email},{linkedin}\n"


def tagged(person: Person) -> str:
    return person.email.replace("@", "+list@")


def capital(person: Person) -> str:
    return person.linkedin_url.upper()


def test_a_new_form_asks_nobody_and_the_published_file_is_whole(
    project: Project, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, missed = people["person"][:6], people["miss"][:2]
    project.put(
        f"crm-{YESTERDAY}.csv",
        HEADER
        + "".join(line(f"p{n}", linkedin=capital(person)) for n, person in enumerate(found))
        + "".join(line(f"m{n}", linkedin=person.linkedin_url) for n, person in enumerate(missed))
        + "".join(line(f"m{n} again", linkedin=capital(person)) for n, person in enumerate(missed))
        + line("", linkedin=capital(people["organisation"][0])),
    )
    project.put(f"webinar-{YESTERDAY}.csv", HEADER + line("w", email=found[0].email, linkedin=capital(found[0])))
    with previous_form(monkeypatch):
        assert project.run(YESTERDAY).success
        asked, books = project.asked, project.books()
        assert asked == 11  # the missed twice, for nothing joins their two spellings
        before = project.query("SELECT contact_id, match_status, clodura_person_id FROM enriched_contacts ORDER BY ALL")
        keys = project.query("SELECT count(DISTINCT person_key) FROM enriched_contacts")
    project.put(
        f"new-{TODAY}.csv",
        HEADER
        + "".join(line(f"n{n}", linkedin=f"{person.linkedin_url}/de") for n, person in enumerate(found))
        + line("n again", email=tagged(found[0])),
    )
    assert project.run(YESTERDAY, TODAY).success
    assert project.asked == asked
    after = project.query(
        "SELECT contact_id, match_status, clodura_person_id FROM enriched_contacts "
        "WHERE NOT starts_with(contact_id, 'n') ORDER BY ALL"
    )
    assert [row for row in after if not row[0].startswith("row-")] == [
        row for row in before if not row[0].startswith("row-")
    ]
    assert [row[1:] for row in after] == [row[1:] for row in before]
    assert project.query(
        "SELECT clodura_person_id FROM enriched_contacts WHERE starts_with(contact_id, 'n') ORDER BY ALL"
    ) == sorted([(person.person_id,) for person in [*found, found[0]]])
    assert (keys, project.query("SELECT count(DISTINCT person_key) FROM enriched_contacts")) == ([(11,)], [(9,)])
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(books.charged,)]
    assert project.query("SELECT sum(requests), sum(credits_charged) FROM credit_usage") == [(asked, books.charged)]


def test_who_was_erased_under_the_previous_form_is_known_by_it_and_not_asked(
    project: Project, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased, other = people["person"][:2]
    env = {
        "CLODURA_STATE_DIR": str(project.state),
        "CLODURA_DATABASE": str(project.database),
        "CLODURA_CONTACTS_DIR": str(project.contacts),
    }
    first = project.put(f"crm-{YESTERDAY}.csv", HEADER + line("e", tagged(erased), capital(erased)))
    with previous_form(monkeypatch):
        assert project.run(YESTERDAY).success
        forgot = CliRunner().invoke(main, ["forget", "--yes", capital(erased)], env=env)
        assert forgot.exit_code == 0, forgot.output
    first.unlink()
    asked = project.asked
    rows = line("by profile", linkedin=capital(erased)) + line("by address", tagged(erased)) + line("o", other.email)
    project.put(f"again-{TODAY}.csv", HEADER + rows)
    assert project.run(TODAY).success
    assert project.statuses() == {"o": "person"}
    assert project.asked == asked + 1
