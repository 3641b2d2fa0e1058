"""A quick selection of the crash harness: real processes, killed where most is at stake."""

import pytest
from harness import Crash, KillPoint, crash_all
from postgres_server import running_server

KILLS = (
    KillPoint("calling", "after", 9),
    KillPoint("settling", "before", 12),
    KillPoint("projecting", "before"),
    KillPoint("swapping_file", "before"),
)


@pytest.fixture(scope="module")
def crashes() -> dict[str, Crash]:
    return {str(done.kill): done for done in crash_all(list(KILLS), parallel=3)}


@pytest.mark.xdist_group("crashes")
@pytest.mark.parametrize("kill", KILLS, ids=str)
def test_a_kill_loses_no_answer_and_calls_again_only_for_people_in_flight(
    crashes: dict[str, Crash], kill: KillPoint
) -> None:
    done = crashes[str(kill)]
    assert done.killed
    assert done.broken == ()


def test_doubt_is_never_larger_than_the_calls_in_flight(crashes: dict[str, Crash]) -> None:
    assert all(done.called_again <= done.in_flight_at_kill for done in crashes.values())
    assert any(done.in_flight_at_kill for done in crashes.values())


@pytest.mark.xdist_group("crashes")
def test_a_kill_of_a_run_on_postgresql_loses_no_answer() -> None:
    with running_server() as server:
        (done,) = crash_all([KillPoint("settling", "before", 12)], parallel=1, server=server)
    assert done.killed
    assert done.broken == ()
