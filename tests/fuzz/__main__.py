"""Fuzzes files, answers and tables for a while.

    uv run python -m tests.fuzz [--seconds 60] [--seed 1] [--only files|answers|tables]

The same seed makes the same inputs. A failure names its seed and case; `--case` runs that one again.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.fuzz.oracles import ORACLES


def run(seconds: float, seed: int, kinds: list[str], case: int = 0, cases: int | None = None) -> Counter[str]:
    """Draw cases, the same time for each kind, until the time is over; raises what the first failing oracle raises."""
    outcomes: Counter[str] = Counter()
    spent, drawn = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, case)
    with tempfile.TemporaryDirectory(prefix="clodura-fuzz-") as folder:
        while sum(spent.values()) < seconds and sum(outcomes.values()) != cases:
            kind = min(kinds, key=lambda kind: spent[kind])
            started = time.monotonic()
            try:
                outcome = ORACLES[kind](Random(f"{seed}/{kind}/{drawn[kind]}"), Path(folder))
            except BaseException:
                print(f"failed: --seed {seed} --only {kind} --case {drawn[kind]}", file=sys.stderr)
                raise
            outcomes[f"{kind}: {outcome}"] += 1
            drawn[kind] += 1
            spent[kind] += time.monotonic() - started
    return outcomes


def main() -> None:
    """Run until the time is over and print how often each outcome came."""
    parser = argparse.ArgumentParser(description="Fuzzes files, answers and tables.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=sorted(ORACLES))
    parser.add_argument("--case", type=int)
    arguments = parser.parse_args()
    kinds = [arguments.only] if arguments.only else list(ORACLES)
    only = {} if arguments.case is None else {"case": arguments.case, "cases": 1}
    for outcome, count in sorted(run(arguments.seconds, arguments.seed, kinds, **only).items()):
        print(f"{count:>8,}  {outcome}")


if __name__ == "__main__":
    main()
