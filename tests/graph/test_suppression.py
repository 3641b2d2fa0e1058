"""The suppression file: who is on it is never asked and shows nothing that was bought."""

from pathlib import Path

import pytest
from project import TODAY, Project, call_people, checks_of, metadata_of, plan_calls

from clodura_pipeline.identity.suppression_file import SuppressionFileError, read_suppression
from clodura_pipeline.sandbox import Person
from clodura_pipeline.warehouse.tables.columns import ENRICHED_CONTACTS

People = dict[str, list[Person]]
HEADER = "contact_id,first_name,last_name,email,linkedin_url,organisation_name,website\n"
FIELDS = (
    *ENRICHED_CONTACTS.names[
        ENRICHED_CONTACTS.names.index("pending_reason") : ENRICHED_CONTACTS.names.index("credits_charged")
    ],
    "answered_at",
)


def write(project: Project, *lines: str) -> Path:
    path = project.folder / "never-ask.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_who_is_listed_is_never_asked_and_shows_nothing_that_was_bought(project: Project, people: People) -> None:
    found = people["person"]
    bought, free, by_mail, by_profile, by_domain, by_site, by_role = found[:7]
    before = HEADER + f"bought,,,{bought.email},,,\nfree,,,{free.email},,,\n"
    project.put(f"old-{TODAY}.csv", before)
    project.enrich(up_to=call_people)
    assert project.call_count == 2

    named = f"{by_role.first_name},{by_role.last_name}"
    project.put(
        f"new-{TODAY}.csv",
        HEADER
        + f"mail,,,{by_mail.email},,,\nmail-too,,,{by_mail.email},{by_mail.linkedin_url},,\n"
        + f"profile,,,,{by_profile.linkedin_url},,\n"
        + f"domain,,,somebody@mail.{by_domain.organisation.domain},,,\n"
        + f"site,,,,{by_site.linkedin_url},{by_site.organisation.name},https://www.unwanted.example/about\n"
        + f"role,{named},info@role.example,,{by_role.organisation.name},\n",
    )
    listed = write(
        project,
        "# asked us not to",
        bought.linkedin_url,  # known from the answer alone
        by_mail.email.upper() + "  # by telephone",
        by_profile.linkedin_url.replace("https://www.", "") + "?trk=x",
        by_domain.organisation.domain,
        "unwanted.example",
        "info@role.example",
        "",
    )
    result = project.run(suppression_file=listed)
    assert result.success
    assert project.call_count == 2
    assert all(passed for name, passed in checks_of(result).items() if "match_rate" not in name)
    statuses = project.statuses()
    assert statuses.pop("free") == "person"
    assert set(statuses.values()) == {"suppressed"}
    assert len(statuses) == 7
    shown = project.query(f"SELECT {', '.join(FIELDS)} FROM enriched_contacts WHERE match_status = 'suppressed'")
    assert set(shown) == {(None,) * len(FIELDS)}
    assert project.query("SELECT credits_charged FROM enriched_contacts WHERE contact_id = 'bought'") == [(2,)]
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(project.call_log().charged,)]
    assert project.query("SELECT sum(suppressed), sum(unanswered) FROM list_report") == [(6, 0)]
    plan = metadata_of(result, "enrichment_plan")
    assert (plan["run_to_call"], plan["run_suppressed"]) == (0, 6)

    taken_off = project.enrich(up_to=plan_calls, suppression_file=write(project, "unwanted.example"))
    assert taken_off["enrichment_plan"]["run_to_call"] == 4


BAD = {
    "no address": "ann at example",
    "a company page": "https://www.linkedin.com/company/acme",
    "two addresses": "ann@x.example, ben@x.example",
    "a name": "Ann Lee",
    "a word": "everybody",
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
def test_a_line_that_is_none_of_the_three_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    path = tmp_path / "never-ask.txt"
    path.write_text(f"# first\nok@x.example\n{line}\n")
    with pytest.raises(SuppressionFileError, match=r"never-ask\.txt, line 3") as raised:
        read_suppression(path)
    assert line not in str(raised.value)


def test_spellings_of_one_entry_are_one_entry(tmp_path: Path) -> None:
    path = tmp_path / "never-ask.txt"
    path.write_bytes(
        "\ufeffAnn.Lee+x@Gmail.com\nannlee@googlemail.com\nhttps://de.linkedin.com/in/Ann-Lee/de?x=1\nin/ann-lee\n"
        "@Acme.example\nhttps://www.acme.example/about\nACME.EXAMPLE\n".encode()
    )
    listed = read_suppression(path)
    assert listed.identifiers == {"em:annlee@gmail.com", "li:ann-lee"}
    assert listed.domains == {"acme.example"}
