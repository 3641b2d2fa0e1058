"""Registering in portions: the same people as at once, the same keys for rivals, and no write lock for nothing."""

import multiprocessing
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from asking_process import profile_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledger_helpers import FakeClock, partition, rows

from clodura_pipeline.ledger import Ledger, Registered, people, registering
from clodura_pipeline.ledger.rules.clock import SystemClock

SERVER = multiprocessing.get_context("forkserver")
Pairs = list[tuple[str, str]]
NAMES = st.sampled_from([*(f"li:{n}" for n in "abc"), *(f"em:{n}" for n in "uvwxyz")])
LISTS = st.lists(st.tuples(st.sampled_from([f"group {n}" for n in range(7)]), NAMES), max_size=18)
CONFLICTS = st.lists(st.sampled_from(["em:u", "em:v"]), max_size=2)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "_ROOM_FOR_RIVALS", 0.0)


def at_once(ledger: Ledger, pairs: Pairs, in_conflict: Sequence[str]) -> Registered:
    """All groups in one transaction."""
    with ledger._transaction() as cursor:
        return people.register(cursor, pairs, in_conflict)


def grouped(registered: Registered) -> set[frozenset[str]]:
    """Which labels belong together."""
    together: dict[int, set[str]] = defaultdict(set)
    for label, key in registered.keys.items():
        together[key].add(label)
    return {frozenset(group) for group in together.values()}


@settings(max_examples=150, deadline=None)
@given(lists=st.lists(st.tuples(LISTS, CONFLICTS), min_size=1, max_size=3), size=st.integers(1, 4), data=st.data())
@example(
    lists=[([("p", "em:u"), ("q", "li:a")], []), ([("g", "li:a"), ("g", "em:u"), ("h", "em:v"), ("h", "em:u")], [])],
    size=1,
    data=None,
)
def test_portions_of_any_size_in_any_order_give_the_same_people_as_all_at_once(
    lists: list[tuple[Pairs, list[str]]], size: int, data: st.DataObject | None
) -> None:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        pytest.MonkeyPatch.context() as patched,
        Ledger(Path(folder) / "one.sqlite", FakeClock(), profile_of) as one,
        Ledger(Path(folder) / "other.sqlite", FakeClock(), profile_of) as other,
    ):
        patched.setattr(registering, "GROUPS_AT_A_TIME", size)
        for pairs, in_conflict in lists:
            wanted = at_once(one, pairs, in_conflict)
            shuffled = data.draw(st.permutations(pairs)) if data else pairs
            found = other.identify(shuffled, in_conflict)
            assert grouped(found) == grouped(wanted)
            assert {each[:2] for each in found.parted} == {each[:2] for each in wanted.parted}
            assert partition(other.path) == partition(one.path)
            assert found.alias_sequence == other.alias_sequence()
            survivors = {row[0] for row in rows(other.path, "SELECT person_key FROM people WHERE alias_of IS NULL")}
            assert set(found.keys.values()) <= survivors


def test_with_nothing_new_a_rival_that_writes_is_not_waited_for(ledger: Ledger) -> None:
    many = [(f"{n}", name) for n in range(50) for name in (f"li:{n}", f"em:{n}@x.example")]
    first = ledger.identify(many, [])
    parted = ledger.identify([("x", "li:new"), ("x", "em:1@x.example")], [])
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        assert ledger.identify(many, []).keys == first.keys
        again = ledger.identify([("x", "li:new"), ("x", "em:1@x.example")], ["em:unknown@x.example"])
    assert again == parted
    assert again.parted == (("x", "em:1@x.example", first.keys["1"]),)


class Between:
    """Lets a rival act each time this process is about to write a portion."""

    def __init__(self, ledger: Ledger, rival: Ledger, lists: Sequence[Pairs]) -> None:
        self._rival, self._lists = rival, iter(lists)
        self._writing = ledger._in_form

    def __call__(self, *kind: Any) -> Any:
        if not kind:
            self._rival.register(next(self._lists, []))
        return self._writing(*kind)


@pytest.fixture
def rival(ledger: Ledger) -> Iterator[Ledger]:
    with Ledger(ledger.path, FakeClock(), profile_of) as opened:
        yield opened


def test_who_a_rival_registered_meanwhile_keeps_the_rivals_key(
    ledger: Ledger, rival: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_in_form", Between(ledger, rival, [[("z", "li:z"), ("a", "em:a")]]))
    keys = ledger.register([("a", "li:a"), ("a", "em:a"), ("b", "li:b")])
    assert rival.register([("a", "em:a"), ("b", "li:b")]) == keys
    assert rows(ledger.path, "SELECT count(*) FROM people")[0][0] == 3


def test_an_address_that_a_rival_gave_to_another_profile_meanwhile_joins_nobody(
    ledger: Ledger, rival: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_in_form", Between(ledger, rival, [[("z", "li:z"), ("z", "em:us")]]))
    found = ledger.identify([("a", "li:a"), ("a", "em:us")], [])
    assert found.parted == (("a", "em:us", rival.register([("z", "li:z")])["z"]),)
    assert found.keys["a"] != found.parted[0][2]


def test_who_a_rival_joined_between_two_portions_goes_by_the_surviving_key(
    ledger: Ledger, rival: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "GROUPS_AT_A_TIME", 1)
    joining = [("x", "em:a"), ("x", "em:b")]
    monkeypatch.setattr(ledger, "_in_form", Between(ledger, rival, [[], [], joining]))
    found = ledger.identify([("a", "em:a"), ("b", "em:b"), ("c", "em:c")], [])
    assert found.keys["a"] == found.keys["b"] != found.keys["c"]
    assert found.alias_sequence == rival.alias_sequence() > 0


def _register_many(path: Path, order: int, gate: Barrier, told: Connection) -> None:
    registering.GROUPS_AT_A_TIME = 7
    pairs = [(f"{n}", name) for n in range(200)[::order] for name in (f"li:{n}", f"em:{n}@x.example")]
    with Ledger(path, SystemClock(), profile_of) as ledger:
        gate.wait(30)
        told.send(ledger.register(pairs))


def test_processes_that_register_the_same_people_at_once_get_the_same_keys(ledger_path: Path) -> None:
    gate = SERVER.Barrier(2)
    pipes = [SERVER.Pipe(duplex=False) for _ in range(2)]
    processes = [
        SERVER.Process(target=_register_many, args=(ledger_path, order, gate, there))
        for order, (_, there) in zip((1, -1), pipes, strict=True)
    ]
    for process in processes:
        process.start()
    keys = [here.recv() if here.poll(30) else None for here, _ in pipes]
    for process in processes:
        process.join(30)
        process.kill()
    assert keys[0] == keys[1]
    assert rows(ledger_path, "SELECT count(*), count(alias_of) FROM people")[0][:] == (200, 0)
