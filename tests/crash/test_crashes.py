"""A quick selection of the crash harness: real processes, killed where it would hurt most."""

import pytest
from harness import Crash, Moment, crash_all

MOMENTS = (
    Moment("calling", "after", 9),
    Moment("settling", "before", 12),
    Moment("projecting", "before"),
    Moment("swapping_file", "before"),
)


@pytest.fixture(scope="module")
def crashes() -> dict[str, Crash]:
    return {str(done.moment): done for done in crash_all(list(MOMENTS), parallel=3)}


@pytest.mark.xdist_group("crashes")
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_kill_loses_no_answer_and_buys_nobody_twice_who_was_not_under_way(
    crashes: dict[str, Crash], moment: Moment
) -> None:
    done = crashes[str(moment)]
    assert done.killed
    assert done.broken == ()


def test_doubt_is_never_larger_than_the_calls_under_way(crashes: dict[str, Crash]) -> None:
    assert all(done.asked_again <= done.under_way_at_kill for done in crashes.values())
    assert any(done.under_way_at_kill for done in crashes.values())
