"""`dg launch` on the command line: what it prints, the caps it keeps, and what it leaves for other users to read."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from launched import DAY, JOB, UP_TO_THE_CALLS, environment, launch, project_folder
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
    assert done.wait() not in (0, None)
    printed = done.printed.splitlines()
    assert sum("Clodura rejected the API key (401)" in line for line in printed) == 1
    assert "Clodura rejected the API key (401)" in printed[-2]  # the last is of dg
    assert len(printed) <= 40


def test_a_day_without_a_partition_gets_a_sentence_that_names_the_setting(listed: Project) -> None:
    done = launch(listed, "", day="2020-01-01")
    assert done.wait() not in (0, None)
    (line,) = done.printed.splitlines()
    assert "2020-01-01 is no day of this pipeline" in line
    assert "CLODURA_START_DATE" in line


def test_a_word_for_a_day_gets_the_same_sentence(listed: Project) -> None:
    job = listed.build().resolve_job_def("enrich_contacts")
    with pytest.raises(UnknownDay, match="yesterday is no day of this pipeline"):
        job.execute_in_process(instance=listed.instance, partition_key="yesterday")


def test_a_cap_in_the_env_file_holds_and_no_run_config_lifts_it(listed: Project) -> None:
    config = json.dumps({"ops": {"clodura_responses": {"config": {"max_credits": 500}}}})
    done = launch(listed, "CLODURA_MAX_CREDITS_PER_RUN=4\n", "--config-json", config, what=UP_TO_THE_CALLS)
    assert done.wait() == 0, done.printed
    assert listed.call_log().charged == 4


def test_a_misspelt_cap_stops_the_start(listed: Project) -> None:
    done = launch(listed, "CLODURA_MAX_CREDIT_PER_RUN=4\n")
    assert done.wait() not in (0, None)
    assert "did you mean CLODURA_MAX_CREDITS_PER_RUN?" in done.printed
    assert listed.call_count == 0


def test_the_environment_wins_over_the_env_file_and_other_users_can_read_nothing_except_the_published_file(
    listed: Project, keep_page_script: Callable[[Path], None]
) -> None:
    """In a process that nothing was done for, under the usual umask of a server."""
    keep_page_script(listed.state)
    root = project_folder(listed, "CLODURA_MAX_CREDITS_PER_RUN=500\nCLODURA_PUBLISHED_MODE=0444\n")
    given = environment(listed, CLODURA_MAX_CREDITS_PER_RUN="4", DAGSTER_HOME="")
    command = [str(Path(sys.executable).with_name("dg")), "launch", *JOB, "--partition", DAY]
    done = subprocess.run(
        command, cwd=root, env=given, umask=0o022, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) <= 40
    for never in ("Traceback", "Warning", "sandbox-key", "@"):
        assert never not in done.stdout
    assert listed.call_log().charged == 4
    folders = (listed.folder / "project" / ".dagster", listed.state)
    left = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    assert len(left) > 10
    assert [path for path in left if path.stat().st_mode & 0o077] == []
    assert stat.S_IMODE(listed.database.stat().st_mode) == 0o444  # as the file has it
    assert stat.S_IMODE(listed.database.parent.stat().st_mode) == 0o755
