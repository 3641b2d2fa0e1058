"""A short, fixed run of the fuzzers, and inputs that they found."""

import pytest

from tests.fuzz.__main__ import run


@pytest.mark.parametrize("kind", ["files", "answers", "tables"])
def test_a_short_run_finds_nothing(kind: str) -> None:
    assert sum(run(1.7, 20261122, [kind]).values()) > 0
