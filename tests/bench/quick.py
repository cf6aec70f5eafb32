"""`make bench-quick`: has anything become slower? A minute, and independent of the machine.

Measured is the CPU time of ingress for a request, and of a worker for a turn, as a part of what an aiohttp application
takes for a webhook that it only verifies, in the same run. `make bench-quick ARGS=--record` writes the ratios.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import chats, turns, webhooks

RECORDED = Path(__file__).with_name("ratios.json")
SLOWER = 0.75
"""A ratio that falls below this part of the recorded one is a failure."""
WORK: dict[str, Callable[[], float]] = {
    "webhook": lambda: webhooks.run(count=4_000).cpu,
    "turn": lambda: turns.run(threads=1_500, rounds=4)[1],
    "completion": lambda: chats.run("completion", 800).cpu.ingress,
    "message": lambda: chats.run("message", 800).cpu.ingress,
}


def main() -> None:
    """Measure, compare with what is recorded, and exit with 1 if anything is slower."""
    recorded: dict[str, float] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    found, slower = {}, []
    for name, cpu in WORK.items():
        # Right before and after: how fast this machine is changes within a minute.
        before = webhooks.run("tests.bench.bare", count=2_000).cpu
        taken = cpu()
        yardstick = (before + webhooks.run("tests.bench.bare", count=2_000).cpu) / 2
        ratio = found[name] = round(yardstick / taken, 4)
        known = recorded.get(name, ratio)
        print(f"{name:<12}{taken:8.0f} µs of CPU   ratio {ratio:.3f}, recorded {known:.3f}", flush=True)
        if ratio < known * SLOWER:
            slower.append(name)
    if "--record" in sys.argv:
        RECORDED.write_text(json.dumps(found, indent=2) + "\n")
    elif slower:
        sys.exit(f"slower by more than a quarter: {', '.join(slower)}")


if __name__ == "__main__":
    main()
