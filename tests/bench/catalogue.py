"""The benchmarks: what is measured, in which groups, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.bench import chats, growth, latency, peers, posts, streams, turns, webhooks
from tests.bench.bench import percentile
from tests.bench.peers.environments import program
from tests.bench.results import Rows

JOBS = 10_000
"""Jobs of a peer, in a run."""
STARTS = 200


class Measurement(NamedTuple):
    """One thing that is measured.

    Attributes:
        run: Measures it once. It is given what is to be measured in full, and returns how much is.
        peer: Whether a program of others is measured.
    """

    run: Callable[[Callable[[int], int]], Rows]
    peer: bool = False


class Plan(NamedTuple):
    """A group of measurements, which are interleaved.

    Attributes:
        title: What is measured.
        compared: The column in which the rows are compared with the first.
        runs: How often it is measured at most.
    """

    title: str
    compared: str
    runs: int
    measurements: list[Measurement]


Sized = Callable[[int], int]


def _webhooks() -> list[Measurement]:
    def measurement(name: str, peer: bool = False, **options: object) -> Measurement:
        count = 8_000 if peer else webhooks.REQUESTS

        def run(sized: Sized) -> Rows:
            found = webhooks.run(count=sized(count), **options)  # type: ignore[arg-type]
            return {name: {"rate": found.rate, "cpu": found.cpu, "p50": found.p50, "p99": found.p99}}

        return Measurement(run, peer)

    return [
        measurement("Answerback"),
        measurement("Answerback, Redis over TCP", tcp=True),
        measurement("Answerback, appendfsync everysec", fsync="everysec"),
        measurement("Answerback, two ingress processes", processes=2),
        measurement("aiohttp, stores nothing, no router", module="tests.bench.bare", ROUTER="no"),
        measurement("aiohttp, stores nothing", module="tests.bench.bare"),
        *(
            measurement(name, True, module=str(peers.HERE / f"{module}.py"), python=program(environment))
            for name, (environment, module) in peers.RECEIVERS.items()
        ),
    ]


def _turns() -> list[Measurement]:
    def ours(name: str, threads: int, rounds: int, processes: int = 1) -> Measurement:
        def run(sized: Sized) -> Rows:
            rate, cpu = turns.run(processes, threads=sized(threads), rounds=rounds)
            return {name: {"rate": rate, "cpu": cpu}}

        return Measurement(run)

    def peer(name: str) -> Measurement:
        def run(sized: Sized) -> Rows:
            found = peers.run(name, sized(JOBS))
            return {name: {"rate": found["rate"], "cpu": found["cpu"]}}

        return Measurement(run, peer=True)

    return [
        ours("Answerback, one event a thread", turns.CHATS, 1),
        ours("Answerback, 8 events a thread", turns.THREADS, turns.ROUNDS),
        ours("Answerback, 8 events, two workers", turns.THREADS, turns.ROUNDS, 2),
        *map(peer, peers.WORKERS),
    ]


def _starts() -> list[Measurement]:
    def measurement(name: str, starts: Callable[[int], list[list[float]]], peer: bool) -> Measurement:
        def run(sized: Sized) -> Rows:
            times = sorted(called for called, _ in starts(sized(STARTS)))
            return {name: {"p50": percentile(times, 50), "p99": percentile(times, 99)}}

        return Measurement(run, peer)

    def of(name: str) -> Callable[[int], list[list[float]]]:
        return lambda count: peers.starts(name, count)

    return [measurement("Answerback", latency.starts, False)] + [
        measurement(name, of(name), True) for name in peers.WORKERS
    ]


def _lag() -> list[Measurement]:
    def measurement(name: str, lag: Callable[[int, int], dict[str, float]], peer: bool) -> Measurement:
        def run(sized: Sized) -> Rows:
            at_once = sized(latency.SLOW)
            found = lag(at_once * 2, at_once)
            if found["at once"] < at_once:
                print(f"{name}: at most {found['at once']} were slow at once")
            return {name: {column: found[column] for column in ("p50", "p99", "max")}}

        return Measurement(run, peer)

    def of(name: str) -> Callable[[int, int], dict[str, float]]:
        return lambda jobs, at_once: peers.run(name, jobs, "sleep", at_once)

    # dramatiq has threads, and no event loop.
    return [measurement("Answerback", latency.lag, False)] + [
        measurement(name, of(name), True) for name in peers.WORKERS if name != "dramatiq"
    ]


def _chats() -> list[Measurement]:
    def measurement(kind: str, name: str) -> Measurement:
        def run(sized: Sized) -> Rows:
            found = chats.run(kind, sized(chats.REQUESTS))
            return {
                name: {"rate": found.rate, "p50": found.p50, "p99": found.p99, "cpu": found.cpu.ingress},
                f"{name}, the worker": {"cpu": found.cpu.worker},
            }

        return Measurement(run)

    return [measurement("completion", "OpenAI completions"), measurement("message", "chat messages with answers")]


def _posts(sized: Sized) -> Rows:
    found = posts.run(sized(posts.ONE_BY_ONE), sized(posts.AT_ONCE))
    return {
        "from webhook to 202": {"p50": found.accepted_p50, "p99": found.accepted_p99},
        "from webhook to POST of the reply": {"p50": found.p50, "p99": found.p99},
        "webhooks over 64 connections, POSTs": {"rate": found.rate},
    }


def _streams(sized: Sized) -> Rows:
    readers = sized(streams.READERS)
    found = streams.run(readers)
    return {
        f"words to {readers:,} readers": {"rate": found.rate, "p50": found.p50, "p99": found.p99},
        "from POST to the first stream event": {"p50": found.first},
        "memory of ingress a reader, KB": {"figure": found.memory},
    }


def _growth(sized: Sized) -> Rows:
    many, long = sized(200_000), sized(5_000)
    found = growth.run(many, sized(20_000), long)
    return {
        "thread of two messages, bytes in Redis": {"figure": found.thread},
        "empty chat thread, bytes in Redis": {"figure": found.chat},
        "message and answer in a long thread, bytes": {"figure": found.message},
        "store an event, no backlog": {"p50": found.accept_first},
        f"store an event, backlog of {many:,}": {"p50": found.accept_last},
        "turns, first quarter of the backlog": {"rate": found.rate_first},
        "turns, last quarter of the backlog": {"rate": found.rate_last},
        "a turn, few threads": {"p50": found.turn_few},
        f"a turn, {many:,} threads": {"p50": found.turn_many},
        f"a turn, thread of {long * 2:,} messages": {"p50": found.turn_long},
        "`answerback queue`, few threads": {"p50": found.queue_few * 1000},
        f"`answerback queue`, {many:,} threads": {"p50": found.queue_many * 1000},
    }


PLANS = {
    "webhooks": Plan("Signed webhooks of 8 KB over 64 connections, each stored before its 202", "rate", 3, _webhooks()),
    "turns": Plan("Turns of agents, or jobs, that do nothing, one worker process", "rate", 3, _turns()),
    "starts": Plan("From the call that enqueues to the start of the agent or job, idle worker", "p50", 3, _starts()),
    "lag": Plan("Lateness of the worker's event loop, 2,000 slow turns or jobs at once", "p99", 2, _lag()),
    "chats": Plan(
        "Requests over the API, with the answer: 64 connections; p50 and p99 of one at a time", "", 3, _chats()
    ),
    "posts": Plan(
        "From a webhook to the request at the platform, one at a time, idle processes", "", 3, [Measurement(_posts)]
    ),
    "streams": Plan(
        "Readers of streams (SSE), one ingress process, one word a second each", "", 2, [Measurement(_streams)]
    ),
    "growth": Plan("Many threads, a long backlog, a long thread", "", 1, [Measurement(_growth)]),
}
"""The name of a group → its measurements."""
