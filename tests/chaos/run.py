"""One run: processes, load and faults together, and what became of it all."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from answerback.errors import StoreFull, StoreUnavailable
from answerback.replies import DeadLetter
from answerback.store import keys, permissions
from answerback.store.embedded.executable import bundled_server, find_server
from tests.acceptance.sabotage import struck
from tests.acceptance.scene import LEASE
from tests.acceptance.system import System, free_port, until
from tests.acceptance.talks import BLIND, Verdict, judge, token
from tests.chaos.bill import Bill, bill
from tests.chaos.crew import Crew
from tests.chaos.doubt import needless
from tests.chaos.load import Load
from tests.chaos.monkey import PARTITIONS, Monkey
from tests.chaos.newer import updated
from tests.chaos.program import LOOP_TURNS, react
from tests.standins.client import StandIns
from tests.stepped import SteppedServer
from tests.topologies.cluster import ClusterServers
from tests.topologies.sentinel import SentinelServers

WORKERS = 3
Several = SentinelServers | ClusterServers

BY_TEXT = ("twilio",)
"""Platforms on which a reply is found by its text alone. There it is posted again once, too."""


@dataclass
class Result:
    """What became of a run."""

    seed: int
    events: int
    faults: Counter[str]
    verdict: Verdict
    bill: Bill
    replayed: int
    letters: Counter[str]
    answers: Counter[str]
    seconds: dict[str, list[float]]
    wrong: list[str] = field(default_factory=list)
    took: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return self.verdict.good and self.bill.good and not self.wrong


async def run(folder: Path, events: int, seed: int, faults: int, topology: str = "") -> Result:
    """Send `events` while at least `faults` things go wrong; wait until it is quiet, and judge.

    topology: "" (one server), "sentinel" or "cluster". With an odd seed, half of Slack's messages come in Socket Mode.
    """
    dice = random.Random(seed)
    began = time.monotonic()
    ports = [free_port(), free_port()]
    folder.mkdir(parents=True, exist_ok=True)
    several = _several(folder, topology)
    clock = None if several else SteppedServer(folder / "server", find_server()) if SteppedServer.possible() else None
    # Without several servers: a failover takes back what was seen to be stored, and not yet acknowledged.
    sockets = seed % 2 == 1 and several is None
    binary = clock.binary if clock else find_server()
    async with _system(folder, ports[0], binary, several, sockets=sockets) as (system, standins):
        crew = Crew(system, random.Random(dice.random()))
        log, pardon = folder / "struck", folder / "pardon"
        try:
            user = several.url_for("app:secret@") if several else system.server.url.replace("//", "//app:secret@", 1)
            for port in ports:
                crew.hire("ingress", PORT=str(port), REDIS_URL=user)
            for _ in range(WORKERS):
                crew.hire("worker", ANSWERBACK_AGENTS="tests.chaos.agents:agents", REDIS_URL=user)
            poison, more = min(20, max(2, events // 500)), standins if sockets else None
            load = Load(system, ports, events, poison, random.Random(dice.random()), sockets=more)
            monkey = Monkey(crew, standins, faults, random.Random(dice.random()), long=events >= 5000, clock=clock)
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(_allowed(folder))
                program = group.create_task(react(system, load, standins))
                monkeying = group.create_task(monkey.run(lambda: load.progress))
                await asyncio.wait([program, monkeying, group.create_task(load.run())])
                watch.cancel()
            await _quiet(system, events)
            letters = [letter async for letter in system.letters.list()]
            wrong = _unaccounted(letters, load, monkey.newer) + program.result()
            pardon.touch()
            replayed = 0
            for letter in letters:
                # The operator has looked: it was done.
                with updated():
                    replayed += await system.letters.replay(letter.id, done=dict.fromkeys(letter.unknown))
                if found := load.dispatches.get(letter.id.partition(".")[0]):
                    talk, ordinal = found
                    talk.late.add(ordinal)
            await _quiet(system, events)
            letters_left = [letter async for letter in system.letters.list()]
            wrong += [f"dead after its replay: {letter.reason}" for letter in letters_left]
            # The messages of files have no text.
            posted = [message for message in await standins.messages() if message.body]
            verdict = judge(load.talks, posted)
            asked_for = {(talk.name, number) for talk in load.talks for number in talk.late}
            wrong += needless(verdict, posted, (await standins.state("whatsapp"))["reported"], asked_for)
            wrong += await _histories(system, load)
            wrong += await _attached(standins, load) + await _edited(standins, load)
            wrong += _refused(folder) + _announced(folder, verdict)
            monkey.done["programs that answer each other"] += 1
            monkey.done["a message that kills its worker"] += sum(one.what == "poison" for one in struck(log))
            monkey.done["a step raises after its effect"] += list(load.deeds.values()).count("lose 9")
            return Result(
                seed=seed,
                events=events,
                faults=+monkey.done,
                verdict=verdict,
                bill=await bill(standins, folder / "recorded", folder / "charges", load.requests, crew.awakenings),
                replayed=replayed,
                letters=Counter(letter.reason.partition(":")[0] for letter in letters),
                answers=load.answers,
                seconds=dict(monkey.seconds),
                wrong=wrong,
                took=time.monotonic() - began,
                errors=_errors(folder),
            )
        finally:
            await crew.dismiss()


@asynccontextmanager
async def _system(
    folder: Path, port: int, binary: Path, several: Several | None, *, sockets: bool
) -> AsyncIterator[tuple[System, StandIns]]:
    # Slack repeats what is not acknowledged, sooner and more often than the real one.
    retries: dict[str, Any] = {"slack_ack_seconds": 1, "slack_retries": "0.2,0.5,1,1,2,2,4,4,8,8,16"}
    retries["whatsapp_retries"] = retries["slack_retries"]
    async with StandIns.start(folder, **retries) as standins:
        await standins.send_webhooks_to(f"http://127.0.0.1:{port}/webhooks/{{platform}}")
        settings = {
            "LEASE_SECONDS": str(LEASE),
            "ACCEPT_TIMEOUT": "1",
            "PLATFORM_TIMEOUT_SECONDS": "3",
            "REPLY_LATE_SECONDS": "3",
            "SHUTDOWN_GRACE_SECONDS": "1",
            "TURN_RETRY_MAX_SECONDS": "2",
            "LOOP_TURNS": str(LOOP_TURNS),
            "SABOTAGE_LOG": str(folder / "struck"),
            "RECORDED": str(folder / "recorded"),
            "CHARGES": str(folder / "charges"),
            "PARDON": str(folder / "pardon"),
            "PUBLIC_URL": standins.options.twilio_url,
        }
        if several:
            partitions = str(PARTITIONS) if isinstance(several, ClusterServers) else "1"
            replicas = "1" if isinstance(several, ClusterServers) else "2"  # all of them
            # A group commit may wait for a replica that is just being started.
            settings |= {"REDIS_REPLICAS": replicas, "ACCEPT_TIMEOUT": "2", "ANSWERBACK_PARTITIONS": partitions}
        settings |= standins.environment()
        if sockets:
            settings["SLACK_APP_TOKEN"] = standins.options.slack_app_token
        system = System(folder, settings, binary=None if several else _with_user(folder, binary), server=several)
        await system.open()
        try:
            yield system, standins
        finally:
            await system.close()
            await asyncio.to_thread(system.server.stop)


async def _quiet(system: System, events: int) -> None:
    async def look() -> str:
        try:
            found = await system.queues()
        except (StoreUnavailable, StoreFull) as error:
            return str(error)
        busy = [
            getattr(queue, what)
            for queue in (found.turns, found.replies)
            for what in ("waiting", "in_flight", "retrying")
        ]
        return "" if found.handled + found.dead >= events and not any([found.events_waiting, *busy]) else repr(found)

    await until(look, lambda found: not found, within=120, what="all being answered")


def _several(folder: Path, topology: str) -> Several | None:
    kinds: dict[str, type[Several]] = {"sentinel": SentinelServers, "cluster": ClusterServers}
    if not topology:
        return None
    if topology not in kinds:
        raise SystemExit(f'TOPOLOGY is "{topology}": use sentinel or cluster, or leave it out')
    return kinds[topology](folder / "servers", bundled_server() or find_server(), "--aclfile", str(_users(folder)))


def _users(folder: Path) -> Path:
    """A user of least privilege, under whom ingress and workers run."""
    users = folder / "users.acl"
    users.write_text(f"user default on nopass ~* &* +@all\nuser app on >secret {permissions.rule()}\n")
    return users


def _with_user(folder: Path, binary: Path) -> Path:
    """The server with that user, also after a restart."""
    users, program = _users(folder), folder / "acl" / binary.name
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{binary}" "$@" --aclfile "{users}"\n')
    program.chmod(0o755)
    return program


def _refused(folder: Path) -> list[str]:
    """What Redis refused to the user of least privilege, as the logs have it: the documented rule lacks it."""
    lines = (line for log in folder.glob("*.log") for line in log.read_text(errors="replace").splitlines())
    return [line[:300] for line in lines if "NOPERM" in line or "lacks permissions" in line or "no permissions" in line]


async def _allowed(folder: Path) -> None:
    """End the run where a command is refused: what needs it would be tried again for ever."""
    while not (refused := await asyncio.to_thread(_refused, folder)):
        await asyncio.sleep(5)
    raise AssertionError(refused[0])


def _unaccounted(letters: list[DeadLetter], load: Load, newer: set[str]) -> list[str]:
    """Dead letters that no message was meant to become, and messages that were to become one and did not."""
    unreadable = [letter.id for letter in letters if letter.unreadable]
    wrong = [f"unreadable, and no dead letter: {id}" for id in newer if unreadable.count(id) != 1]
    for letter in letters:
        if letter.id in newer and letter.unreadable:
            continue
        talk, ordinal = load.dispatches.get(letter.id.partition(".")[0], (None, 0))
        if letter.kind == "reply" and talk is not None and talk.platform in (*BLIND, *BY_TEXT) and _in_doubt(letter):
            continue
        if letter.kind == "event" and talk is not None:
            deed = load.deeds.get((talk.name, ordinal), "")
            # A worker died in the middle of what may not be done twice: that is for an operator to decide.
            if deed.endswith("always") or (talk.place == "pay" and letter.error == "OutcomeUnknown"):
                continue
        wrong.append(f"dead letter {letter.kind} {letter.thread}: {letter.reason}")
    return wrong


def _in_doubt(letter: DeadLetter) -> bool:
    """Two requests with the reply had an unknown outcome: it is for an operator to look."""
    return "may have been posted" in letter.reason


def _announced(folder: Path, verdict: Verdict) -> list[str]:
    """Replies that were posted again where nobody can look, without a word about it in the log."""
    words = "outcome unknown; posting the reply again, it may appear twice"
    said = sum(log.read_text(errors="replace").count(words) for log in folder.glob("worker-*.log"))
    few = len(verdict.repeated) <= said
    return [] if few else [f"posted again {len(verdict.repeated)} times, of which {said} were announced"]


async def _histories(system: System, load: Load) -> list[str]:
    """Threads whose history is not what was said in them, in order."""
    wrong = []
    ids = {found.thread.id: found for found in [await system.transcript(id) for id in await _threads(system)]}
    for found in ids.values():
        said = [token(message.text) for message in found.messages if message.role == "user"]
        name = said[0].talk if said and said[0] else ""
        talk = next((talk for talk in load.talks if talk.name == name), None)
        if talk is None:
            wrong.append(f"nobody began the thread {found.thread.id}")
            continue
        numbers = [one.number for one in said if one is not None]
        in_order = [number for number in numbers if number not in talk.late]
        if sorted(numbers) != list(range(talk.said)) or in_order != sorted(in_order):
            wrong.append(f"the history of {name} is {numbers}")
    return wrong


async def _attached(standins: StandIns, load: Load) -> list[str]:
    """Files that are missing in Slack, or there twice."""
    files = (await standins.state("slack"))["files"]
    there = Counter(base64.b64decode(file["content"]).decode() for file in files)
    talks = [talk for talk in load.talks if talk.place == "C0FILE"]
    awaited = Counter(f"{talk.name}/{number}.0" for talk in talks for number in range(talk.said))
    return [f"file {name}: {there[name]} times" for name in there | awaited if there[name] != awaited[name]]


async def _edited(standins: StandIns, load: Load) -> list[str]:
    """Messages that do not say what they were changed to."""
    asking = {talk.name for talk in load.talks if talk.place == "C0ASK"}
    bodies = [(token(message.body), message.body) for message in await standins.messages()]
    return [body for found, body in bodies if found and found.talk in asking and body.endswith("one moment")]


async def _threads(system: System) -> list[str]:
    return [
        id.decode()
        for p in await system.threads.partitions.all()
        for id in await system.database.call("ZRANGE", keys.threads(p), 0, -1)
    ]


def _errors(folder: Path) -> Counter[str]:
    """What the logs call an error, by its words."""
    found: Counter[str] = Counter()
    for log in [*folder.glob("worker-*.log"), *folder.glob("ingress-*.log")]:
        for line in log.read_text(errors="replace").splitlines():
            if '"level": "error"' in line:
                words = msgspec.json.decode(line)
                found[f"{words['event']}: {str(words.get('exception', words.get('error', ''))).splitlines()[-1:]}"] += 1
    return found
