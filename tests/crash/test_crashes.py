"""A quick selection of the crash harness: real processes, killed where most is at stake."""

from harness import KillPoint, crash_all
from postgres_server import running_server

KILLS = (
    KillPoint("calling", "after", 9),
    KillPoint("settling", "before", 12),
    KillPoint("projecting", "before"),
    KillPoint("swapping_file", "before"),
)


def test_a_kill_loses_no_answer_and_calls_again_only_for_people_in_flight() -> None:
    """One test for all points: they run beside each other."""
    crashes = list(crash_all(list(KILLS), parallel=3))
    assert [str(done.kill) for done in crashes if not done.killed] == []
    assert {str(done.kill): done.broken for done in crashes if done.broken} == {}
    assert all(done.called_again <= done.in_flight_at_kill for done in crashes)
    assert any(done.in_flight_at_kill for done in crashes)


def test_a_kill_of_a_run_on_postgresql_loses_no_answer() -> None:
    with running_server() as server:
        (done,) = crash_all([KillPoint("settling", "before", 12)], parallel=1, server=server)
    assert done.killed
    assert done.broken == ()
