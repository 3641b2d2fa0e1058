"""A clock that obeys, a desk that asks by hand, and sums that are added up anew."""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import Next, RawAnswer, State, Verdict
from clodura_pipeline.ledger import Granted, Ledger, Totals
from clodura_pipeline.ledger.attempts import Decision, Settled
from clodura_pipeline.ledger.rules.clock import SystemClock
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy
from clodura_pipeline.ledger.rules.requests import Question
from clodura_pipeline.sandbox import BooksView, build_directory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
UNLIMITED = Limits(0, 0, 0)
FREE = Policy(UNLIMITED, Budget(0))
VERDICTS = {
    "person": Verdict(State.PERSON, "ok", Next.GO_ON, 2, cost_basis="content"),
    "organisation": Verdict(State.ORGANISATION, "ok", Next.GO_ON, 1, cost_basis="content"),
    "no_match": Verdict(State.NO_MATCH, "ok", Next.GO_ON, 0, cost_basis="content"),
    "refused": Verdict(State.REFUSED, "invalid_combination", Next.GO_ON),
    "ambiguous": Verdict(State.AMBIGUOUS, "timeout", Next.GO_ON, at_risk_credits=2, cost_basis="doubt"),
    "unrecognised": Verdict(State.UNRECOGNISED, "not JSON", Next.GO_ON, at_risk_credits=2, cost_basis="doubt"),
    "unavailable": Verdict(State.NOT_PROCESSED, "unavailable", Next.TRY_AGAIN_LATER),
    "already_enriched": Verdict(State.NOT_PROCESSED, "already_enriched", Next.SET_ASIDE),
    "day_closed": Verdict(State.NOT_PROCESSED, "daily_limit", Next.STOP_DAY_CLOSED),
    "rate_limited": Verdict(State.NOT_PROCESSED, "rate_limited", Next.SLOW_DOWN),
}


class FakeClock:
    """Time that passes only when told to. Waiting lets it pass."""

    def __init__(self, wall: float = NOON, monotonic: float = 5_000.0) -> None:
        self.now = monotonic
        self.wall_now = wall
        self.boot = "boot-1"

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.wall_now

    def boot_id(self) -> str:
        return self.boot

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.go_on(max(0.0, seconds))
        return event.is_set()

    def go_on(self, seconds: float) -> None:
        """Let time pass, on both clocks."""
        self.now += seconds
        self.wall_now += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the machine's clock; no time passes."""
        self.wall_now += seconds

    def reboot(self, off_seconds: float, boot: str = "boot-2") -> None:
        """The machine starts again: monotonic time begins anew."""
        self.wall_now += off_seconds
        self.now = 10.0
        self.boot = boot


class Desk:
    """Asks through one ledger, step by step."""

    def __init__(self, ledger: Ledger, clock: FakeClock, run_id: str = "run", policy: Policy = FREE) -> None:
        self.ledger = ledger
        self.clock = clock
        self.policy = policy
        self.run = ledger.start_run(run_id, run_id, policy.budget.per_run_credits)

    def new_run(self, run_id: str, policy: Policy | None = None, root: str | None = None) -> "Desk":
        """Another run on the same ledger."""
        desk = Desk(self.ledger, self.clock, run_id, policy or self.policy)
        if root:
            desk.run = self.ledger.start_run(run_id, root, desk.policy.budget.per_run_credits)
        return desk

    def question(self, name: str, strength: Literal["linkedin", "email"] = "email") -> Question:
        """A question about somebody."""
        if strength == "linkedin":
            identifiers = Identifiers(linkedin_url=f"https://linkedin.com/in/{name}", email=f"{name}@x.example")
        else:
            identifiers = Identifiers(email=f"{name}@x.example")
        key = self.ledger.register([(name, f"email:{name}@x.example")])[name]
        return Question(key, identifiers, date(2026, 11, 22), "people.csv")

    def permit(self, name: str, strength: Literal["linkedin", "email"] = "email") -> Decision:
        """Ask for a permit."""
        return self.ledger.permit(self.question(name, strength), self.run, self.policy)

    def granted(self, name: str, strength: Literal["linkedin", "email"] = "email") -> Granted:
        """A permit that must be given."""
        decision = self.permit(name, strength)
        assert isinstance(decision, Granted), decision
        return decision

    def settle(self, granted: Granted, verdict: str | Verdict, date_header: str | None = None) -> Settled:
        """Settle a call as one of `VERDICTS`."""
        judged = VERDICTS[verdict] if isinstance(verdict, str) else verdict
        raw = None if judged.state is State.AMBIGUOUS else RawAnswer(200, b"{}", date=date_header)
        return self.ledger.settle(granted.attempt_id, judged, raw, self.policy)

    def asked(self, name: str, verdict: str, strength: Literal["linkedin", "email"] = "email") -> int:
        """Ask and settle at once; the attempt's id."""
        granted = self.granted(name, strength)
        self.settle(granted, verdict)
        return granted.attempt_id


def http_date(epoch_seconds: float) -> str:
    """A `Date` header."""
    return format_datetime(datetime.fromtimestamp(epoch_seconds, UTC), usegmt=True)


def rows(path: Path, query: str, *values: object) -> list[sqlite3.Row]:
    """Read the ledger's file behind its back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query, values).fetchall()


def sums(path: Path) -> Totals:
    """The sums over all attempts, added up anew, after holding every stored total against its own attempts."""
    assert_totals_are_the_sums(path)
    return Totals(*rows(path, f"SELECT {_SUMS} FROM attempts")[0])


_SUMS = (
    "count(*) FILTER (WHERE state <> 'not_processed' OR answered_at IS NOT NULL), "
    "coalesce(sum(reserved_credits), 0), coalesce(sum(charged_credits), 0), coalesce(sum(at_risk_credits), 0)"
)


def partition(path: Path) -> set[frozenset[str]]:
    """Which identifiers belong together, read behind the ledger's back."""
    together: dict[int, set[str]] = defaultdict(set)
    query = (
        "SELECT i.identifier, coalesce(p.alias_of, p.person_key) FROM identifiers i JOIN people p USING (person_key)"
    )
    for identifier, key in rows(path, query):
        together[key].add(identifier)
    return {frozenset(group) for group in together.values()}


def assert_totals_are_the_sums(path: Path) -> None:
    """Every stored total equals the sums over its attempts; a withdrawn call (never answered) is no call."""
    expected: dict[str, Totals] = {"all": Totals(*rows(path, f"SELECT {_SUMS} FROM attempts")[0])}
    for column, prefix in (("usage_date", "day:"), ("root_run_id", "run:")):
        for row in rows(path, f"SELECT {column}, {_SUMS} FROM attempts GROUP BY {column}"):
            expected[prefix + row[0]] = Totals(*tuple(row)[1:])
    stored = {
        row[0]: Totals(*tuple(row)[1:])
        for row in rows(path, "SELECT scope, calls, reserved_credits, charged_credits, at_risk_credits FROM totals")
    }
    assert {scope: total for scope, total in stored.items() if total != Totals()} == {
        scope: total for scope, total in expected.items() if total != Totals()
    }


def assert_books_agree(path: Path, books: BooksView) -> Totals:
    """charged <= what the server charged <= charged + at risk, and nothing is reserved any more."""
    total = sums(path)
    assert total.charged <= books.charged <= total.charged + total.at_risk
    return total


def people_of_the_directory(
    how_many: int, answer: Literal["person", "organisation", "miss"] | None = None, skip: int = 0
) -> Sequence[Identifiers]:
    """People of the sandbox's directory, asked for by profile and e-mail address."""
    wanted = [person for person in build_directory() if answer in (None, person.answer)][skip : skip + how_many]
    assert len(wanted) == how_many
    return [Identifiers(linkedin_url=person.linkedin_url, email=person.email) for person in wanted]


class SkippingClock(SystemClock):
    """The machine's clock, which can be told that time has passed: leases end without waiting for them."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def wall(self) -> float:
        return super().wall() + self.skipped

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Long waits are skipped."""
        if seconds < 1.0:
            return super().wait(event, seconds)
        self.skip(seconds)
        return event.is_set()

    def skip(self, seconds: float) -> None:
        """Let so much time have passed."""
        self.skipped += seconds
