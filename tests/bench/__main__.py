"""`make bench`: measure everything, or the groups that ARGS names. The runs of all groups are interleaved."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import resource
import signal
import sys
import textwrap
import time
from collections.abc import Callable

import redis

from tests.bench.bench import Failed, machine, server
from tests.bench.catalogue import PLANS, Measurement
from tests.bench.peers import environments
from tests.bench.results import LAST, Group, Results, table

SMALL = 20
"""What `--small` divides the work by."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench",
        description="Measure throughput, latency and memory.",
        epilog='make bench ARGS="webhooks turns"',
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(PLANS)}; all, unless one is named")
    parser.add_argument("--runs", type=int, default=3, help="runs of each group at most (3)")
    parser.add_argument("--no-peers", action="store_true", help="leave out the programs of others")
    parser.add_argument("--small", action="store_true", help="a twentieth of the work, once: does everything run?")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(PLANS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(PLANS)}")
    return arguments


def _versions(peers: bool) -> dict[str, str]:
    from importlib.metadata import version

    with server() as (url, _), redis.Redis.from_url(url) as client:
        about: dict[str, str] = client.info("server")
    ours = {
        "Answerback": version("answerback"),
        **({"Valkey": about["valkey_version"]} if "valkey_version" in about else {"Redis": about["redis_version"]}),
        "Python": sys.version.split()[0],
    }
    return {**ours, **environments.versions()} if peers else ours


def main() -> None:
    """Measure, print the tables, and write the results."""
    arguments = _arguments()
    # Ctrl-C and SIGTERM end what has been started.
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which asyncio replaces with its own while it runs
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # thousands of readers, each with a connection
        resource.setrlimit(resource.RLIMIT_NOFILE, (65_536 if most == resource.RLIM_INFINITY else most, most))
    if not arguments.no_peers:
        environments.install()
    names = arguments.groups or list(PLANS)
    runs = 1 if arguments.small else arguments.runs

    def sized(count: int) -> int:
        return max(count // SMALL, 40) if arguments.small else count

    results = Results(
        machine(),
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        _versions(not arguments.no_peers),
        complete=not (arguments.groups or arguments.small or arguments.no_peers) and runs >= 3,
        groups={name: Group(PLANS[name].title, PLANS[name].compared) for name in PLANS if name in names},
    )
    print(f"{results.machine}, load {os.getloadavg()[0]:.1f}")
    began = time.monotonic()
    try:
        for number in range(runs):
            for name, group in results.groups.items():
                plan = PLANS[name]
                if number < plan.runs:
                    print(f"run {number + 1} of {min(runs, plan.runs)}: {name} …", flush=True)
                    for measurement in plan.measurements:
                        if not (measurement.peer and arguments.no_peers) and not _measure(measurement, sized, group):
                            results.complete = False
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
    for group in results.groups.values():
        print(f"\n{table(group)}")
    print("\nratio: how many times as good the first row is")
    print(textwrap.fill(", ".join(f"{name} {version}" for name, version in results.versions.items()), 100))
    results.write(LAST)
    after = "`make bench-record` puts it into the documentation" if results.complete else "not a complete run"
    print(f"{time.monotonic() - began:.0f} s; written to {LAST.name}: {after}")


def _measure(measurement: Measurement, sized: Callable[[int], int], group: Group) -> bool:
    """Measure something, and once more if that fails. Return whether it has been measured."""
    for _ in range(2):
        try:
            group.add(measurement.run(sized))
        except Failed as failure:
            print(f"failed: {failure}", flush=True)
        else:
            return True
    return False


if __name__ == "__main__":
    main()
