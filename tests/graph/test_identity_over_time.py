"""People across days: conflicts that show late, people who turn out to be one, contacts that change hands."""

from datetime import timedelta
from typing import Any

from project import TODAY, YESTERDAY, Project

from clodura_pipeline.sandbox import Person

HEADER = "contact_id,email,linkedin_url\n"
BEFORE = TODAY - timedelta(days=2)
People = dict[str, list[Person]]


def put(project: Project, day: object, contact_id: str, email: str = "", linkedin: str = "") -> None:
    project.put(f"{day}/{contact_id}.csv", HEADER + f"{contact_id},{email},{linkedin}\n")


def shown(project: Project) -> dict[str, str]:
    """Clodura's person id by contact_id."""
    return dict(project.query("SELECT contact_id, clodura_person_id FROM enriched_contacts"))


ORDERS = ("012", "201", "021", "120")  # which row comes on which day: one profile, another profile, neither


def test_an_address_seen_with_two_profiles_joins_nobody_in_any_order(project: Project, people: People) -> None:
    trios = {order: people["person"][3 * n : 3 * n + 3] for n, order in enumerate(ORDERS)}
    for place, day in enumerate((BEFORE, YESTERDAY, TODAY)):
        for order, (one, other, third) in trios.items():
            row = {"0": {"linkedin": one.linkedin_url}, "1": {"linkedin": other.linkedin_url}}.get(order[place], {})
            put(project, day, f"{order}-{order[place]}", email=third.email, **row)
        project.enrich(day)
    found = shown(project)
    for order, (one, other, _) in trios.items():
        later = "1" if order.index("0") < order.index("1") else "0"
        assert found[f"{order}-{later}"] in (one.person_id, other.person_id)
    call_log = project.call_log()
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(call_log.charged,)]
    assert not call_log.bought_more_than_once()
    conflicts = dict(project.query("SELECT email, len(profiles) FROM identity_conflicts"))
    assert conflicts == {third.email: 2 for _, _, third in trios.values()}
    for _, _, third in trios.values():
        calls = [call.identifiers or {} for call in call_log.enrich_calls]
        sent_with_both = [sent for sent in calls if sent.get("email") == third.email and sent.get("linkedinUrl")]
        assert len(sent_with_both) <= 1  # only before the conflict could be known


def test_an_address_that_was_asked_by_beside_a_profile_is_not_bought_again_when_another_profile_claims_it(
    project: Project, people: People
) -> None:
    recruiter, *listed = people["person"][10:16]
    rows = "".join(f"{n},{person.email},{person.linkedin_url}\n" for n, person in enumerate(listed))
    project.put(f"{YESTERDAY}/crm.csv", HEADER + rows)
    project.put(f"{YESTERDAY}/newsletter.csv", HEADER + "".join(f"{n},{p.email},\n" for n, p in enumerate(listed)))
    project.enrich(YESTERDAY)
    project.put(
        f"{TODAY}/sourcing.csv",
        HEADER + "".join(f"{n},{p.email},{recruiter.linkedin_url}\n" for n, p in enumerate(listed)),
    )
    project.enrich(TODAY)
    asked = project.call_count
    assert asked == len(listed) + 1
    found = "SELECT source, contact_id, clodura_person_id FROM enriched_contacts"
    answers = {(n, str(place)): p.person_id for place, p in enumerate(listed) for n in ("crm", "newsletter")}
    project.enrich(YESTERDAY)
    assert project.call_count == asked
    shown_now = {(source, key): answer for source, key, answer in project.query(found) if source != "sourcing"}
    assert shown_now == answers
    old: dict[str, Any] = {"answer_max_age_days": 0, "no_match_max_age_days": 0}
    project.enrich(YESTERDAY, config={"refresh": True, "max_credits": 100}, **old)
    later = [call.identifiers or {} for call in project.call_log().enrich_calls[asked:]]
    assert len(later) == len(listed)
    assert not [sent for sent in later if sent.get("email")]


def test_two_people_found_to_be_one_share_an_answer_without_a_call(project: Project, people: People) -> None:
    person = people["person"][5]
    put(project, BEFORE, "profile", linkedin=person.linkedin_url)
    put(project, BEFORE, "address", email=person.email)
    project.enrich(BEFORE)
    asked = project.call_count
    put(project, TODAY, "both", email=person.email, linkedin=person.linkedin_url)
    project.enrich(TODAY)
    assert project.call_count == asked
    assert set(shown(project).values()) == {person.person_id}
    assert project.query("SELECT count(DISTINCT person_key) FROM enriched_contacts") == [(1,)]
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(project.call_log().charged,)]


def test_a_contact_id_that_passes_to_another_person_identifies_neither_of_them(
    project: Project, people: People
) -> None:
    before, after = people["person"][6:8]
    project.put(f"{YESTERDAY}/crm.csv", HEADER + f"17,{before.email},\n")
    project.enrich(YESTERDAY)
    assert shown(project) == {"17": before.person_id}
    project.put(f"{TODAY}/crm.csv", HEADER + f"17,{after.email},\n")
    project.enrich(TODAY)
    found = shown(project)
    assert "17" not in found
    assert set(found.values()) == {before.person_id, after.person_id}
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(project.call_log().charged,)]


def test_a_contact_that_passes_to_another_person_mixes_nothing_of_the_two(project: Project, people: People) -> None:
    header = "contact_id,first_name,last_name,email,linkedin_url\n"
    before, after = people["person"][6:8]
    earlier = f"17,Ann,Lee,{before.email},{before.linkedin_url}\n18,,,same@acme.example,\n"
    project.put(f"{YESTERDAY}/crm.csv", header + earlier)
    project.put(f"{TODAY}/crm.csv", header + f"17,Bob,Ray,{after.email},\n18,Cy,Fox,,{after.linkedin_url}\n")
    project.enrich(YESTERDAY, TODAY)
    rows = project.query("SELECT first_name, email, linkedin_url FROM enriched_contacts ORDER BY file_date, source_row")
    assert rows[:2] == [("Ann", before.email, before.linkedin_url), (None, "same@acme.example", None)]
    assert {row[0] for row in rows[2:]} <= {"Bob", "Cy"}
    assert not [row for row in rows[2:] if before.email in row or "same@acme.example" in row]


def test_an_id_that_one_file_uses_for_several_people_identifies_none_of_them(project: Project, people: People) -> None:
    listed = people["person"][16:20]
    rows = "".join(f"E77,P{n},Lee,{person.email}\n" for n, person in enumerate(listed))
    same = f"9,Ann,Ray,{listed[0].email}\n9,Annie,Ray,{listed[0].email}\n"
    project.put(f"{TODAY}/event.csv", "contact_id,first_name,last_name,email\n" + rows + same)
    project.enrich(TODAY)
    found = project.query("SELECT contact_id, clodura_person_id, set_aside FROM enriched_contacts ORDER BY source_row")
    assert [row[1] for row in found] == [*[p.person_id for p in listed], listed[0].person_id]
    assert [row[0] for row in found if not row[0].startswith("row-")] == ["9"]
    assert [len(row[2]) for row in found] == [1, 1, 1, 1, 0]
    assert "several people" in found[0][2][0]


def test_a_miss_is_asked_again_once_there_is_a_better_identifier(project: Project, people: People) -> None:
    person, missed = people["person"][8], people["miss"][0]
    put(project, YESTERDAY, "1", email=missed.email)
    project.enrich(YESTERDAY)
    project.enrich(YESTERDAY)
    assert project.call_count == 1
    put(project, TODAY, "2", email=missed.email, linkedin=person.linkedin_url)
    project.enrich(TODAY)
    assert project.call_count == 2
    assert set(project.statuses().values()) == {"person"}
