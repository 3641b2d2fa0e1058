"""Fixtures of the graph tests."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
from project import Project

from clodura_pipeline.sandbox import Directory, Person, Sandbox, SandboxOptions


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Sandbox(SandboxOptions(starting_balance=1_000)) as sandbox, ExitStack() as until_end:
        made = Project(tmp_path, sandbox, lambda: until_end.enter_context(dg.DagsterInstance.ephemeral()))
        made.contacts.mkdir()
        yield made


@pytest.fixture
def directory(project: Project) -> Directory:
    return project.sandbox.directory


@pytest.fixture
def people(directory: Directory) -> dict[str, list[Person]]:
    """The sandbox's people by what an answer about them brings: person, organisation, miss."""
    by_answer: dict[str, list[Person]] = {"person": [], "organisation": [], "miss": []}
    for person in directory.people:
        by_answer[person.answer].append(person)
    return by_answer
