"""Several processes under a supervisor: replaced without a gap, restarted, counted together, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path

import aiohttp

from answerback.testing.standins.sender import Standard
from tests.acceptance.system import Process, System, free_port, until
from tests.acceptance.terminal import SUPERVISOR


async def _supervisor(system: System, kind: str, processes: int, **settings: str) -> Process:
    """`answerback ingress` or `worker` with several processes, all of them ready."""
    process = await system.start(f"{SUPERVISOR} {kind} --processes {processes}", **settings)
    await _logged(process, "all processes are ready")
    return process


async def _logged(process: Process, event: str, times: int = 1) -> None:
    async def enough() -> bool:
        assert process.alive, process.words()
        return len(process.lines(event)) >= times

    await until(enough, what=event)


def _children(process: Process) -> list[int]:
    """The process ids of what a supervisor started and that still runs."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split() if folder.name.isdecimal() else []
        except OSError:
            continue
        # Each has a group of its own: what is in the one of the supervisor is the process that forks for it.
        if fields and int(fields[1]) == process.pid != int(fields[2]) and fields[0] != "Z":
            found.append(int(folder.name))
    return found


async def test_ingress_processes_are_replaced_and_restarted_without_a_gap(plain: System) -> None:
    port, ready = str(plain.port), free_port()
    process = await _supervisor(plain, "ingress", 2, PORT=port, METRICS_PORT=str(ready))
    before = set(_children(process))
    assert len(before) == 2
    statuses: Counter[int] = Counter()
    stop = asyncio.Event()

    async def deliver(sender: int, *, reused: bool) -> None:
        """Send one delivery after another, each on a new connection or all on one that may be closed in between."""
        delivery = Standard()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=not reused)) as session:
            while not stop.is_set():
                message = delivery.message("hello", thread=f"t{sender}")
                url = f"http://127.0.0.1:{port}/webhooks/standard"
                async with session.post(url, data=message.body, headers=message.headers) as answer:
                    statuses[answer.status] += 1
                await asyncio.sleep(0.03)

    senders = [asyncio.create_task(deliver(sender, reused=sender == 0)) for sender in range(4)]
    process.signal(signal.SIGHUP)
    await _logged(process, "all processes were replaced")

    async def only_new() -> bool:
        return not before & set(_children(process))

    await until(only_new, what="the old processes being gone")
    assert not any(sender.done() for sender in senders), [each.exception() for each in senders if each.done()]

    # What the system gives to one that is stuck, or that was killed, is accepted by the other, or by the successor.
    for signum in (signal.SIGSTOP, signal.SIGKILL):
        stop.set()
        await asyncio.gather(*senders)
        victim = _children(process)[0]
        os.kill(victim, signum)
        for _ in range(20):
            message = Standard().message("hello", thread="more")
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{port}/webhooks/standard"
                async with session.post(url, data=message.body, headers=message.headers) as answer:
                    statuses[answer.status] += 1
        if signum == signal.SIGSTOP:
            os.kill(victim, signal.SIGCONT)
    await until(lambda: _is_ready(ready), what="all processes being ready again")
    assert any("was killed by signal 9" in str(line) for line in process.words().splitlines())

    # What the processes share is not added up.
    assert set(statuses) == {202}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{ready}/metrics") as answer,
    ):
        lines = (await answer.text()).splitlines()
    assert [float(line.split()[1]) for line in lines if line.startswith("answerback_events_waiting ")] == [
        float(statuses[202])
    ]
    assert await process.stop() == 0
    assert not _children(process)


async def _is_ready(port: int) -> bool:
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/health/ready") as answer,
        ):
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_counts_of_all_ingress_processes_add_up(plain: System) -> None:
    process = await _supervisor(plain, "ingress", 2, PORT=str(plain.port))
    for number in range(30):
        message = Standard().message("hello", thread=f"t{number}")
        async with aiohttp.ClientSession() as session:  # connections of their own: both processes get some
            url = f"http://127.0.0.1:{plain.port}/webhooks/standard"
            async with session.post(url, data=message.body, headers=message.headers) as answer:
                assert answer.status == 202

    async def counted() -> float:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{plain.port}/metrics") as answer,
        ):
            text = await answer.text()
        name = 'answerback_deliveries_total{platform="standard",status="202"}'
        return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(name)), 0.0)

    await until(counted, lambda count: count == 30, what="the deliveries of both being counted")
    assert await process.stop() == 0


async def test_workers_are_replaced_while_their_turns_go_on(plain: System) -> None:
    port = free_port()
    process = await _supervisor(plain, "worker", 2, WORKER_METRICS_PORT=str(port))
    before = {report.pid for report, _ in await plain.roster.workers()}
    assert len(before) == 2
    process.signal(signal.SIGHUP)
    await _logged(process, "all processes were replaced")

    async def reports() -> set[int]:
        return {report.pid for report, _ in await plain.roster.workers()}

    now = await until(reports, lambda pids: len(pids) == 2 and not pids & before, what="the old workers being gone")
    # A crash is restarted, and until then the group is not ready.
    killed = now.pop()
    os.kill(killed, signal.SIGKILL)
    await until(lambda: _is_ready(port), lambda ready: not ready, what="the group being unready")
    await until(lambda: _is_ready(port), what="the group being ready")
    assert await process.stop() == 0
    assert await reports() == {killed}


async def test_a_mistake_in_new_code_leaves_the_old_processes_running(plain: System, tmp_path: Path) -> None:
    module = tmp_path / "rolled.py"
    module.write_text(
        "from answerback import Agent\n\n\nasync def f(turn):\n    return 'one'\n\n\nagents = Agent('a', f)\n"
    )
    process = await _supervisor(plain, "worker", 1, ANSWERBACK_AGENTS="rolled:agents", PYTHONPATH=str(tmp_path))
    before = _children(process)
    module.write_text("agents = nothing\n")
    os.utime(module, (time.time() + 5, time.time() + 5))
    process.signal(signal.SIGHUP)
    await _logged(process, "a new process did not get ready; the old ones go on")
    assert _children(process) == before
    assert await process.stop() == 0


async def test_a_process_that_cannot_start_ends_the_supervisor_with_its_reason(plain: System) -> None:
    process = await plain.start(f"{SUPERVISOR} worker --processes 2", ANSWERBACK_AGENTS="nowhere:agents")
    assert await process.wait() == 1
    assert 'there is no module "nowhere"' in process.words()
    assert "Traceback" not in process.words()


async def test_processes_end_with_a_supervisor_that_is_killed(plain: System) -> None:
    # It is not the forks of tests that are to end, but what people start.
    process = await plain.start("tools worker --processes 2")
    await _logged(process, "all processes are ready")
    children = _children(process)
    await process.kill()

    async def gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in children)

    await until(gone, what="the workers being gone")
