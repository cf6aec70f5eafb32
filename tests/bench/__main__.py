"""`make bench`: the runs are interleaved, each figure is the median of its runs.

PEERS=no leaves the peers out.
"""

from __future__ import annotations

import os
from collections import defaultdict

from tests.bench import chats, peers, posts, streams, turns, webhooks
from tests.bench.bench import machine, median

RUNS = int(os.environ.get("RUNS", "3"))
PEERS = os.environ.get("PEERS", "yes") != "no"
JOBS = 10_000

Figures = defaultdict[str, list[float]]
"""A row of the table → its figure in each run."""


def _webhooks(figures: Figures) -> None:
    for name, options in (
        ("", {}),
        (", Redis over TCP", {"tcp": True}),
        (", appendfsync everysec", {"fsync": "everysec"}),
        (", two processes", {"processes": 2}),
    ):
        found = webhooks.run(**options)
        figures[f"webhooks/s{name}"].append(found.rate)
        figures[f"  µs of CPU a webhook{name}"].append(found.cpu)
        if not name:
            figures["  p50 of the 202, µs"].append(found.p50 * 1000)
            figures["  p99 of the 202, µs"].append(found.p99 * 1000)
    bare = webhooks.run("tests.bench.bare")
    figures["  aiohttp that verifies and stores nothing"].append(bare.rate)
    figures["    µs of CPU a webhook"].append(bare.cpu)
    for name, module in peers.RECEIVERS.items() if PEERS else ():
        peer = webhooks.run(str(peers.HERE / f"{module}.py"), python=str(peers.install() / "python"))
        figures[f"  {name}"].append(peer.rate)
        figures[f"    µs of CPU a webhook, {name}"].append(peer.cpu)


def _turns(figures: Figures) -> None:
    for name, options in (
        ("8 events a thread", {}),
        ("one event a thread", {"threads": turns.CHATS, "rounds": 1}),
        ("8 events a thread, two workers", {"processes": 2}),
    ):
        rate, cpu = turns.run(**options)
        figures[f"turns/s, {name}"].append(rate)
        figures[f"  µs of CPU a turn, {name}"].append(cpu)
    for name in peers.WORKERS if PEERS else ():
        figures[f"  jobs/s of {name}"].append(peers.run(name, JOBS))


def _chats(figures: Figures) -> None:
    for kind, name in (("completion", "OpenAI completions"), ("message", "chat messages with their answers")):
        found = chats.run(kind)
        figures[f"{name}/s"].append(found.rate)
        figures[f"  one at a time, p50, µs ({kind})"].append(found.p50 * 1000)
        figures[f"  one at a time, p99, µs ({kind})"].append(found.p99 * 1000)
        figures[f"  µs of CPU of ingress ({kind})"].append(found.cpu.ingress)
        figures[f"  µs of CPU of the worker ({kind})"].append(found.cpu.worker)
        figures[f"  µs of CPU of Valkey ({kind})"].append(found.cpu.server)


def _posts(figures: Figures) -> None:
    found = posts.run()
    figures["from webhook to POST at the platform, p50, µs"].append(found.p50 * 1000)
    figures["  p99, µs"].append(found.p99 * 1000)
    figures[f"  POSTs/s of {posts.AT_ONCE:,} webhooks at once"].append(found.rate)


def _streams(figures: Figures) -> None:
    found = streams.run()
    figures[f"words/s to {streams.READERS:,} readers of one ingress"].append(found.rate)
    figures["  from worker to reader, p50, µs"].append(found.p50 * 1000)
    figures["  from worker to reader, p99, µs"].append(found.p99 * 1000)
    figures["  memory of ingress a reader, bytes"].append(found.memory * 1024)
    figures["  from POST to the first event, p50, µs"].append(found.first * 1000)


def main() -> None:
    """Run all benchmarks and print the table of docs/benchmarks.md."""
    print(machine())
    if PEERS:
        print(peers.versions())
    figures: Figures = defaultdict(list)
    for number in range(RUNS):
        print(f"run {number + 1} of {RUNS} …", flush=True)
        for part in (_webhooks, _turns, _chats, _posts, _streams):
            part(figures)
    for row, values in figures.items():
        print(f"{row:<52}{median(values)}")


if __name__ == "__main__":
    main()
