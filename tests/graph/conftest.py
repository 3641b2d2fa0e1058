"""Fixtures of the graph tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from launched import end_started
from project import Project, by_answer, open_project

from clodura_pipeline.sandbox import Directory, Person


@pytest.fixture(autouse=True)
def no_process_outlives_its_test() -> Iterator[None]:
    yield
    end_started()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with open_project(tmp_path) as made:
        yield made


@pytest.fixture
def directory(project: Project) -> Directory:
    return project.sandbox.directory


@pytest.fixture
def people(directory: Directory) -> dict[str, list[Person]]:
    """The sandbox's people by what an answer about them brings: person, organisation, miss."""
    return by_answer(directory)
