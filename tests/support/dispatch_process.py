"""The real dispatcher in a process of its own, so that tests can kill it, stop it and run several on one ledger.

    python tests/support/dispatch_process.py job.json

`job.json` holds `base_url`, `ledger` (path or URL), `run_id`, `people` (objects with the fields of `Identifiers`),
and optionally `api_key`, `cap_scope`, `max_credits`, `limits`, `budget`, `policy` (fields of these classes) and
`batch_size`. It prints one JSON line `{"event": "calling"}` before the first call and one
`{"event": "done", "progress": ..., "stopped": ..., "outcomes": [[person key, state], ...]}` at its end. SIGTERM and
SIGINT interrupt it as Dagster's termination does: no new calls, those in flight are stored, exit code 143; a second
signal ends it at once.
"""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from requests_of_tests import FORM, requests_for

from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.enrichment.dispatcher import Outcome, Progress
from clodura_pipeline.enrichment.session import Session, open_session
from clodura_pipeline.ledger import Address, BalanceReading, Ledger, LedgerUrl
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Run
from clodura_pipeline.ledger.rules.stops import Stop
from clodura_pipeline.sandbox import DEFAULT_API_KEY

INTERRUPTED_EXIT = 143


class Terminated(BaseException):
    """A signal that ends this process."""


@dataclass(frozen=True)
class Job:
    """What one run is to do."""

    base_url: str
    ledger: Address
    people: Sequence[Identifiers]
    run_id: str = "run"
    cap_scope: str | None = None
    api_key: str = field(default=DEFAULT_API_KEY, repr=False)
    max_credits: int = 0
    policy: Policy = field(default_factory=lambda: Policy(Limits(0, 0, 0), Budget(0), timeout_seconds=5.0))
    batch_size: int = 50


@dataclass
class Ran:
    """What a run came to, as far as it got."""

    outcomes: list[Outcome]
    progress: Progress
    stopped: Stop | None
    balance_before: BalanceReading | None = None
    balance_after: BalanceReading | None = None
    person_keys: Sequence[int] = ()

    @property
    def states(self) -> list[str | None]:
        """The states of all outcomes, in the order of the job's people."""
        place = {key: number for number, key in enumerate(self.person_keys)}
        ordered = sorted(self.outcomes, key=lambda outcome: place[outcome.request.person_key])
        return [outcome.state for outcome in ordered]


def run_job(
    job: Job,
    clock: Clock | None = None,
    ran: Ran | None = None,
    on_outcome: Callable[[Session, Outcome], None] = lambda _session, _outcome: None,
) -> Ran:
    """Run the real dispatcher in this process.

    Args:
        ran: filled as it goes, so that an interruption leaves it.
        on_outcome: called with every outcome as it comes, where the asset would log it.
    """
    clock = clock or Clock()
    ran = ran or Ran([], Progress(), None)
    settings = ClientSettings(job.base_url, job.api_key, job.policy.timeout_seconds, job.policy.max_workers)
    run = Run(job.run_id, job.cap_scope or job.run_id, job.max_credits)
    with Ledger(job.ledger, clock, FORM) as ledger:
        requests = requests_for(job.people)
        ran.person_keys = [request.person_key for request in requests]
        session: Session | None = None
        try:
            with open_session(ledger, settings, run, job.policy, clock) as session:
                ran.balance_before = session.balance_before
                for outcome in session.dispatcher.dispatch(_batches(requests, job.batch_size), lambda: None, 1.0):
                    ran.outcomes.append(outcome)
                    on_outcome(session, outcome)
        finally:
            if session is not None:
                ran.progress, ran.stopped = session.dispatcher.progress, session.dispatcher.stopped
                ran.balance_after = session.balance_after
    return ran


class Started:
    """A job that runs in a process of its own."""

    def __init__(self, process: BaseProcess, printed: Path) -> None:
        self._process = process
        self._printed = printed

    @property
    def pid(self) -> int:
        """To send signals to."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that killed it."""
        return self._process.exitcode

    def end(self, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for its end; what it printed last."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, "it did not end in time"
        return json.loads(self._printed.read_text().splitlines()[-1])

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.join()


def start_process(job: Job, folder: Path) -> Started:
    """Start a job in a process of its own; what it needs and prints lies in `folder`."""
    path, printed = folder / f"job-{job.run_id}.json", folder / f"job-{job.run_id}.out"
    path.write_text(json.dumps(_as_json(job)))
    printed.touch()
    # Forked from a server that has everything imported: a process costs milliseconds, not seconds.
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    process = server.Process(target=_run_forked, args=(str(path), str(printed)))
    process.start()
    return Started(process, printed)


def _run_forked(path: str, printed: str) -> None:
    descriptor = os.open(printed, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, sys.stdout.fileno())
    sys.exit(main(path))


def _batches(requests: Sequence[EnrichmentRequest], size: int) -> Iterator[Sequence[EnrichmentRequest]]:
    for start in range(0, len(requests), size):
        yield requests[start : start + size]


def _as_json(job: Job) -> dict[str, Any]:
    policy = asdict(job.policy)
    return {
        "base_url": job.base_url,
        "ledger": job.ledger.url if isinstance(job.ledger, LedgerUrl) else str(job.ledger),
        "people": [asdict(person) for person in job.people],
        "run_id": job.run_id,
        "cap_scope": job.cap_scope,
        "api_key": job.api_key,
        "max_credits": job.max_credits,
        "limits": policy.pop("limits"),
        "budget": policy.pop("budget"),
        "policy": {name: value for name, value in policy.items() if name != "refresh"},
        "batch_size": job.batch_size,
    }


def _from_json(value: Mapping[str, Any]) -> Job:
    policy = Policy(Limits(**value.get("limits", {})), Budget(**value.get("budget", {})), **value.get("policy", {}))
    return Job(
        base_url=value["base_url"],
        ledger=LedgerUrl(value["ledger"]) if "://" in value["ledger"] else Path(value["ledger"]),
        people=[Identifiers(**person) for person in value["people"]],
        run_id=value["run_id"],
        cap_scope=value.get("cap_scope"),
        api_key=value.get("api_key", DEFAULT_API_KEY),
        max_credits=value.get("max_credits", 0),
        policy=policy,
        batch_size=value.get("batch_size", 50),
    )


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def main(path: str) -> int:
    """Do the job in the file; the exit code."""
    job = _from_json(json.loads(Path(path).read_text()))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    ran, exit_code = Ran([], Progress(), None), 0
    print(json.dumps({"event": "calling"}), flush=True)
    try:
        run_job(job, ran=ran)
    except Terminated:
        exit_code = INTERRUPTED_EXIT
    done = {
        "event": "done",
        "progress": asdict(ran.progress),
        "stopped": asdict(ran.stopped) if ran.stopped else None,
        "outcomes": [[outcome.request.person_key, outcome.state] for outcome in ran.outcomes],
    }
    print(json.dumps(done), flush=True)
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
