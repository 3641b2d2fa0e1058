"""Two installations that share a ledger on PostgreSQL and the contacts folder, and nothing else."""

from collections.abc import Iterator

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from postgres_server import PostgresServer, running_server
from project import TODAY, YESTERDAY, Project

from clodura_pipeline.cli import main
from clodura_pipeline.graph.alerts import alert_text
from clodura_pipeline.ledger import LedgerUrl
from clodura_pipeline.sandbox import Directory
from clodura_pipeline.settings import check_settings

CONTACT_ROWS = "SELECT * FROM contact_rows ORDER BY ALL"
CONTACTS = "SELECT contact_id, match_status, job_title, credits_charged FROM enriched_contacts ORDER BY ALL"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> LedgerUrl:
    return postgres.new_ledger()


@pytest.fixture
def other(project: Project, url: LedgerUrl) -> Project:
    """Another host; `project` is the first."""
    project.settings |= {"ledger_url": url.url}
    folder = project.folder / "other"
    return Project(
        folder, project.sandbox, project.open_instance, project.settings | {"contacts_dir": project.contacts}
    )


def clodura(host: Project, url: LedgerUrl, contacts: Project, *arguments: str) -> Result:
    env = {
        "CLODURA_STATE_DIR": str(host.state),
        "CLODURA_DATABASE": str(host.database),
        "CLODURA_CONTACTS_DIR": str(contacts.contacts),
        "CLODURA_LEDGER_URL": url.url,
    }
    return CliRunner().invoke(main, list(arguments), env=env)


def test_a_host_publishes_what_another_has_landed_and_no_erased_person_comes_back(
    project: Project, other: Project, url: LedgerUrl, directory: Directory
) -> None:
    ann, *others = [person for person in directory.people if person.answer == "person"][:4]
    head = "contact_id,email\n"
    gone = project.put(f"gone-{YESTERDAY}.csv", head + f"1,{ann.email}\n2,{others[0].email}\n")
    project.put(f"kept-{TODAY}.csv", head + "".join(f"{n},{each.email}\n" for n, each in enumerate(others, start=3)))
    project.enrich(YESTERDAY, TODAY)
    gone.unlink()
    other.enrich()
    assert other.query(CONTACT_ROWS) == project.query(CONTACT_ROWS)
    assert other.query(CONTACTS) == project.query(CONTACTS)
    assert project.call_count == 4
    status = clodura(other, url, project, "status")
    assert status.exit_code == 0, status.output
    assert "8 credits charged, 0 at risk, 4 calls" in status.output
    settings = check_settings({**other.settings, "min_balance": 999}, other.folder)
    alert = alert_text(dg.DagsterRun("enrich_contacts"), other.instance, settings)
    assert "Balance: 992 credits are left" in (alert or "")
    forgotten = clodura(project, url, project, "forget", ann.email, "--yes")
    assert forgotten.exit_code == 0, forgotten.output
    assert ann.email.encode() not in b"".join(path.read_bytes() for path in (project.contacts / ".landed").iterdir())
    third = Project(project.folder / "third", project.sandbox, project.open_instance, other.settings)
    for host in (other, third):
        host.enrich()
        assert ann.email not in str(host.query("SELECT * FROM enriched_contacts"))
        assert host.query("SELECT count(*) FROM contact_rows") == [(4,)]
    assert project.call_count == 4
