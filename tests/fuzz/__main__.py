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


def run(seconds: float, seed: int, kinds: list[str], case: int | None = None) -> Counter[str]:
    """Draw cases of all kinds in turn until the time is over; raises what the first failing oracle raises."""
    counts: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    number = 0 if case is None else case
    with tempfile.TemporaryDirectory(prefix="clodura-fuzz-") as folder:
        while time.monotonic() < deadline:
            kind = kinds[number % len(kinds)]
            try:
                counts[f"{kind}: {ORACLES[kind](Random(f'{seed}/{kind}/{number}'), Path(folder))}"] += 1
            except BaseException:
                print(f"failed: --seed {seed} --only {kind} --case {number}", file=sys.stderr)
                raise
            if case is not None:
                break
            number += 1
    return counts


def main() -> None:
    """Run until the time is over and print how often each outcome came."""
    parser = argparse.ArgumentParser(description="Fuzzes files, answers and tables.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=sorted(ORACLES))
    parser.add_argument("--case", type=int)
    arguments = parser.parse_args()
    kinds = [arguments.only] if arguments.only else list(ORACLES)
    counts = run(arguments.seconds, arguments.seed, kinds, arguments.case)
    for outcome, count in sorted(counts.items()):
        print(f"{count:>8,}  {outcome}")


if __name__ == "__main__":
    main()
