"""`dg launch` on the command line: what it prints, and what it leaves for other users of the machine to read."""

import stat

import pytest
from launched import launch
from project import TODAY, Project

from clodura_pipeline.graph.partitions import UnknownDay
from clodura_pipeline.sandbox import Person


@pytest.fixture
def listed(project: Project, people: dict[str, list[Person]]) -> Project:
    """A list of four people, each worth two credits."""
    rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people["person"][:4]))
    project.put(f"list-{TODAY}.csv", "contact_id,email\n" + rows)
    return project


def test_a_failed_run_prints_its_reason_once_and_no_stack(listed: Project) -> None:
    done = launch(listed, "", CLODURA_API_KEY="wrong-key", DAGSTER_HOME="")
    printed = (done.stdout + done.stderr).splitlines()
    assert done.returncode != 0
    assert sum("Clodura rejected the API key (401)" in line for line in printed) == 1
    assert "Clodura rejected the API key (401)" in printed[-2]  # the last is of dg
    assert len(printed) <= 40


def test_a_day_without_a_partition_gets_a_sentence_that_names_the_setting(listed: Project) -> None:
    done = launch(listed, "", day="2020-01-01")
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "2020-01-01 is no day of this pipeline" in line
    assert "CLODURA_START_DATE" in line


def test_a_word_for_a_day_gets_the_same_sentence(listed: Project) -> None:
    job = listed.build().resolve_job_def("enrich_contacts")
    with pytest.raises(UnknownDay, match="yesterday is no day of this pipeline"):
        job.execute_in_process(instance=listed.instance, partition_key="yesterday")


def test_a_cap_in_the_environment_holds_and_other_users_can_read_nothing_except_the_published_file(
    listed: Project,
) -> None:
    done = launch(listed, "CLODURA_MAX_CREDITS_PER_RUN=500\n", CLODURA_MAX_CREDITS_PER_RUN="4", DAGSTER_HOME="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert listed.call_log().charged == 4
    folders = (listed.folder / "project" / ".dagster", listed.state)
    left = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    assert len(left) > 10
    assert [path for path in left if path.stat().st_mode & 0o077] == []
    assert stat.S_IMODE(listed.database.stat().st_mode) == 0o440
    assert stat.S_IMODE(listed.database.parent.stat().st_mode) == 0o755
