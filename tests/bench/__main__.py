"""`make bench`: the runs are interleaved, each figure is the median of its runs."""

from __future__ import annotations

import os

from tests.bench import turns, webhooks
from tests.bench.bench import machine, median

RUNS = int(os.environ.get("RUNS", "3"))


def main() -> None:
    """Run all benchmarks and print the table of docs/benchmarks.md."""
    print(machine())
    webhook_runs, bare_runs, turn_runs = [], [], []
    for number in range(RUNS):
        print(f"run {number + 1} of {RUNS} …", flush=True)
        webhook_runs.append(webhooks.run())
        bare_runs.append(webhooks.run("tests.bench.bare"))
        turn_runs.append(turns.run())
    print(f"signed 8 KB webhooks/s, one ingress process       {median([rate for rate, _ in webhook_runs])}")
    print(f"  per second of its CPU time                      {median([rate for _, rate in webhook_runs])}")
    print(f"  bare aiohttp: read, hash, answer, store nothing {median([rate for rate, _ in bare_runs])}")
    print(f"events/s through claim, run, commit, one worker   {median([rate for rate, _ in turn_runs])}")
    print(f"  per second of its CPU time                      {median([rate for _, rate in turn_runs])}")


if __name__ == "__main__":
    main()
