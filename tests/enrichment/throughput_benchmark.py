"""How much of what the limit and the jitter allowance permit is used; run by hand, because a busy machine uses less.

    uv run python tests/enrichment/throughput_benchmark.py [calls per second] [seconds] [workers] [processes]

The sandbox runs in a process of its own and answers after 150 ms. The ledger lies where TMPDIR points: its commits are
part of what is measured. Prints the rate, what is permitted (limit / (1 + jitter allowance)), the ratio of the two (at
least 0.97 is required), and the most calls that the server saw in any sliding second.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from dispatch_process import Job, start_process
from remote_sandbox import RemoteSandbox
from requests_of_tests import people_of_the_directory

from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy
from clodura_pipeline.sandbox import SandboxOptions

_SANDBOX = "from clodura_pipeline.sandbox import run_sandbox, SandboxOptions; run_sandbox(0, SandboxOptions({}))"
LATENCY_SECONDS = 0.15
SETTLED_AFTER_SECONDS = 2.0
"""The single first call and the first, full window are not the rate that a long run has."""


def measure(per_second: int, seconds: float, workers: int, processes: int) -> dict[str, float]:
    """Call as fast as the limit permits for about so many seconds."""
    limits = Limits(per_second, 0, 0)
    people = people_of_the_directory(int(per_second * (seconds + SETTLED_AFTER_SECONDS)))
    share = len(people) // processes
    options = f"latency_seconds={LATENCY_SECONDS}, starting_balance=10**9"
    code = _SANDBOX.format(options)
    with (
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        try:
            assert server.stdout is not None
            base_url = server.stdout.readline().split()[3]
            policy = Policy(limits, Budget(0), timeout_seconds=10.0, max_workers=workers)
            jobs = [
                Job(
                    base_url,
                    Path(folder) / "ledger.sqlite",
                    people[n * share : (n + 1) * share],
                    f"run-{n}",
                    policy=policy,
                )
                for n in range(processes)
            ]
            for started in [start_process(job, Path(folder)) for job in jobs]:
                started.end(10 * seconds + 60)
            call_log = RemoteSandbox(base_url).call_log()
        finally:
            server.terminate()
    arrived = sorted(call.arrived_monotonic for call in call_log.enrich_calls)
    steady = [now for now in arrived if now >= arrived[0] + SETTLED_AFTER_SECONDS]
    rate = (len(steady) - 1) / (steady[-1] - steady[0])
    permitted = per_second / (1 + limits.jitter_seconds)
    return {
        "calls": len(arrived),
        "rate": round(rate, 2),
        "permitted": round(permitted, 2),
        "ratio": round(rate / permitted, 4),
        "most_in_a_second": call_log.max_calls_within(1.0),
        "refused": sum(call.status != 200 for call in call_log.enrich_calls),
    }


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    per_second, seconds, workers, processes = given + [100, 20, 32, 1][len(given) :]
    assert SandboxOptions().requests_per_second == 0
    print(json.dumps(measure(per_second, seconds, workers, processes)))
