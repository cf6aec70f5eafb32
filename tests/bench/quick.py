"""`make bench-quick`: has anything become slower? It takes a minute.

Measured is the CPU time of our processes for a webhook, a turn, a completion and a message, in short bursts. Each is
compared with the CPU time of an aiohttp application for a webhook that it only verifies, in bursts right before and
after, since how fast a machine is changes within a second. The ratio is the median of all rounds. `ARGS=--record`
keeps the ratios.

Ratios differ between processors, and versions of Python: only those of the same kind of machine are judged. On a busy
machine ratios fall by up to a third, because our processes lose their caches more often than the baseline does. There
nothing is judged either: how busy it is says the time for which the baseline waits for a core.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from answerback.store.access.api_keys import ApiKeys
from answerback.store.fleet.keys import agents
from answerback.store.redis import Database
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from tests.bench import bench, chats, turns, webhooks
from tests.bench.bench import cpu_seconds, free_port, process, server

RECORDED = Path(__file__).with_name("ratios.json")
SLOWER = 0.75
"""A ratio that falls below this part of the recorded one is a failure."""
BUSY = 0.3
"""What part of its time the baseline waits for a core on a machine that is too busy."""
ROUNDS = 9
WEBHOOKS, REQUESTS, EVENTS = 600, 256, 1_200
"""What is in a burst."""

Work = Callable[[], Awaitable[float]]
"""Does a burst, and returns the µs of CPU for each of what is in it."""


def webhook_work(port: int, pid: int) -> Work:
    """Webhooks that an ingress stores, or the baseline only verifies. The deliveries repeat only for the latter."""
    waiting = webhooks.deliveries(WEBHOOKS * (ROUNDS + 1))
    bursts = 0

    async def work() -> float:
        nonlocal bursts
        first = bursts % (ROUNDS + 1) * WEBHOOKS
        bursts += 1
        before = cpu_seconds(pid)
        await webhooks.fire(port, waiting[first : first + WEBHOOKS])
        return (cpu_seconds(pid) - before) / WEBHOOKS * 1e6

    return work


def chat_work(port: int, pids: tuple[int, int], requests: list[bytes]) -> Work:
    """Requests over the API that an agent answers: ingress and worker together."""

    async def work() -> float:
        before = sum(map(cpu_seconds, pids))
        await chats.fire(port, requests, REQUESTS)
        return (sum(map(cpu_seconds, pids)) - before) / REQUESTS * 1e6

    return work


def turn_work(threads: Threads, pid: int) -> Work:
    """Turns of new threads with one event each, which are all stored when the worker begins."""
    bursts = 0

    async def work() -> float:
        nonlocal bursts
        handled = (await queues(threads)).handled
        os.kill(pid, signal.SIGSTOP)
        first = bursts * EVENTS
        await asyncio.gather(*[threads.accept(turns.event(first + number, 0)) for number in range(EVENTS)])
        bursts += 1
        before = cpu_seconds(pid)
        os.kill(pid, signal.SIGCONT)
        while (await queues(threads)).handled < handled + EVENTS:
            await asyncio.sleep(0.01)
        return (cpu_seconds(pid) - before) / EVENTS * 1e6

    return work


async def chat_requests(database: Database, port: int) -> tuple[list[bytes], list[bytes]]:
    """Return requests for completions, and for messages in chats that have been opened: one for each connection."""
    await webhooks.ready(port)
    while not await database.call("HLEN", agents()):
        await asyncio.sleep(0.05)
    _, credential = await ApiKeys(database).create(scopes=["chat:read", "chat:write"])
    key = str(credential)
    body = {"model": "noop", "messages": [{"role": "user", "content": "What changed?"}]}
    opened = [
        await chats.post(port, chats.request(port, key, chats.CHATS, {"agent": "noop"}))
        for _ in range(chats.CONNECTIONS)
    ]
    messages = [
        chats.request(port, key, f"{chats.CHATS}/{chat['id']}/messages", {"content": "hello"}) for chat in opened
    ]
    return [chats.request(port, key, chats.COMPLETIONS, body)] * chats.CONNECTIONS, messages


async def rounds(baseline: Work, works: dict[str, Work]) -> dict[str, list[tuple[float, float]]]:
    """Do all work in turn. Return the µs of CPU of each burst, and how many times that the baseline's are."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for number in range(ROUNDS + 1):
        before = await baseline()
        for name, work in works.items():
            cpu = await work()
            after = await baseline()
            if number:  # the first round is the warm-up
                found[name].append((cpu, (before + after) / 2 / cpu))
            before = after
    return found


def waited(pid: int) -> tuple[int, int]:
    """Return for how long a process has run, and waited for a core, in ns (Linux; 0 elsewhere)."""
    try:
        ran, waiting = Path(f"/proc/{pid}/schedstat").read_text().split()[:2]
    except (OSError, ValueError):
        return 0, 0
    return int(ran), int(waiting)


def measure() -> tuple[dict[str, list[tuple[float, float]]], float]:
    """Start everything. Return what `rounds` does, and what part of its time the baseline has waited for a core."""
    ports = [free_port() for _ in range(3)]
    limits = {"API_RATE": "1000000", "API_BURST": "1000000"}
    secret = {"GITHUB_WEBHOOK_SECRET": webhooks.SECRET}
    with (
        server() as stored,
        server() as running,
        process("tests.bench.bare", "", PORT=str(ports[0]), **secret) as bare,
        process("ingress", stored.url, PORT=str(ports[1]), **secret) as receiver,
        process("ingress", running.url, PORT=str(ports[2]), **limits) as ingress,
        process("worker", running.url, ANSWERBACK_AGENTS="tests.bench.noop:agents") as worker,
    ):

        async def run() -> tuple[dict[str, list[tuple[float, float]]], float]:
            database = Database(running.url, timeout=60)
            completions, messages = await chat_requests(database, ports[2])
            for port in ports:
                await webhooks.ready(port)
            pids = (ingress.pid, worker.pid)
            before = waited(bare.pid)
            found = await rounds(
                webhook_work(ports[0], bare.pid),
                {
                    "webhook": webhook_work(ports[1], receiver.pid),
                    "turn": turn_work(Threads(database), worker.pid),
                    "completion": chat_work(ports[2], pids, completions),
                    "message": chat_work(ports[2], pids, messages),
                },
            )
            await database.close()
            ran, waiting = (now - then for now, then in zip(waited(bare.pid), before, strict=True))
            return found, waiting / max(1, ran + waiting)

        return bench.run(run())


class Record(msgspec.Struct):
    """The ratios of a kind of machine."""

    machine: str
    ratios: dict[str, float]


def kind() -> str:
    """Return what ratios depend on: the processor, and the version of Python."""
    return f"{bench.machine()}, Python {sys.version_info[0]}.{sys.version_info[1]}"


def judge(recorded: dict[str, float]) -> tuple[dict[str, float], list[str], float]:
    """Measure and print. Return the ratios, which are too low, and how busy the machine is."""
    found, slower = {}, []
    bursts, busy = measure()
    for name, values in bursts.items():
        cpu, ratio = (statistics.median(column) for column in zip(*values, strict=True))
        found[name] = round(ratio, 4)
        known = recorded.get(name, ratio)
        print(f"{name:<12}{cpu:8.0f} µs of CPU   ratio {ratio:.3f}, recorded {known:.3f}", flush=True)
        if ratio < known * SLOWER:
            slower.append(name)
    return found, slower, busy


def main() -> None:
    """Measure, compare with what is recorded, and exit with 1 if anything is slower, twice."""
    record = msgspec.json.decode(RECORDED.read_bytes(), type=Record)
    recorded = record.ratios
    found, slower, busy = judge(recorded)
    if "--record" in sys.argv:
        if busy > BUSY:
            sys.exit(f"not recorded: this machine is busy, the baseline waited {busy:.0%} of its time for a core")
        RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(Record(kind(), found))) + b"\n")
        return
    if record.machine != kind():
        print(f"not judged: recorded on {record.machine}; this is {kind()}")
        return
    if slower and busy <= BUSY:
        print(f"{', '.join(slower)}: once more")
        _, again, busy = judge(recorded)
        slower = [name for name in slower if name in again]
    if busy > BUSY:
        print(f"not judged: this machine is busy, the baseline waited {busy:.0%} of its time for a core")
    elif slower:
        sys.exit(f"slower by more than a quarter: {', '.join(slower)}")


if __name__ == "__main__":
    main()
