"""A Redis Cluster of three primaries and three replicas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from answerback.store.connection.slots import SLOTS
from tests.topologies.process import DURABLE, ServerProcess, free_port, url_of, wait_for
from tests.topologies.tls import HOST, Encryption

NODE_TIMEOUT = 1000
"""ms without a response after which a node is considered down."""


class ClusterServers:
    """The servers. `start`, `kill` and `pid` are those of `EmbeddedServer`: what is killed is a primary."""

    def __init__(
        self,
        folder: Path,
        binary: Path,
        *flags: str,
        primaries: int = 3,
        replicas: int = 3,
        encryption: Encryption | None = None,
    ) -> None:
        self._encryption = encryption
        if encryption:
            flags += ("--tls-cluster", "yes", "--cluster-announce-hostname", HOST)
            flags += ("--cluster-preferred-endpoint-type", "hostname")
        self.servers = [
            _server(binary, folder / f"node-{number}", *flags, encryption=encryption)
            for number in range(primaries + replicas)
        ]
        self._primaries = primaries
        self._replicas = replicas
        self._killed: ServerProcess | None = None
        self._formed = False
        self.victim = 0
        """The number of the primary that the next `kill` hits, by its first slot."""

    @property
    def url(self) -> str:
        """REDIS_URL."""
        return self.url_for("")

    def url_for(self, login: str) -> str:
        """REDIS_URL of a user, "name:password@"."""
        return url_of("cluster", login, self.servers[:3], self._encryption)

    @property
    def alive(self) -> bool:
        """Whether every slot has a primary."""
        return bool(self._healthy())

    @property
    def pid(self) -> int:
        """The process id of the next victim."""
        return self.primaries()[self.victim % self._primaries].pid

    def start(self) -> None:
        """Start what does not run, and wait until all nodes agree, and every primary has its replica."""
        for each in self.servers:
            each.start()
        for each in self.servers:
            each.ready()
        if not self._formed:
            self._form()
        wait_for(self._whole, "the nodes agreeing")
        self._killed = None

    def _form(self) -> None:
        primaries = self.servers[: self._primaries]
        share = -(-SLOTS // self._primaries)
        for number, node in enumerate(primaries):
            node.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            last = min(SLOTS, (number + 1) * share) - 1
            node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
        for node in self.servers[1:]:
            node.client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
        wait_for(lambda: all(len(_nodes(node)) == len(self.servers) for node in self.servers), "the nodes meeting")
        for number, node in enumerate(self.servers[self._primaries :]):
            leader = _id(primaries[number % self._primaries])
            wait_for(lambda node=node, leader=leader: _follow(node, leader), "a replica following its primary")  # type: ignore[misc]
        self._formed = True

    def primaries(self) -> list[ServerProcess]:
        """The primaries, in the order of their first slots."""
        wait_for(lambda: bool(self._healthy()), "every slot having a primary")
        return self._healthy() or self.primaries()

    def primary_of(self, slot: int) -> ServerProcess:
        """The primary of a slot."""
        for first, last, port in _ranges(self._witness()):
            if first <= slot <= last:
                return next(each for each in self.servers if each.port == port)
        raise LookupError(slot)

    def kill(self) -> None:
        """kill -9 of a primary; another one at each call."""
        self._killed = self.primaries()[self.victim % self._primaries]
        self.victim += 1
        self._killed.kill()

    @contextmanager
    def losing(self, slot: int) -> Iterator[None]:
        """Kill the primary of a slot, and with it all that was written inside: its replica gets none of that."""
        self._killed = primary = self.primary_of(slot)
        facts = _role(primary)
        replica = next(each for each in self.servers if each.port == facts["slave0"]["port"])
        replica.pause()  # or it would connect again at once
        primary.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
        try:
            yield
        finally:
            primary.kill()
            replica.go_on()

    def failed_over(self) -> None:
        """Wait until another node has the slots of the one that was killed."""
        wait_for(lambda: bool(self._healthy()) and self._killed not in self._healthy(), "a failover")

    def migrate(self, slot: int) -> None:
        """Move a slot to another primary, key by key, while it is in use."""
        with self.migrating(slot):
            pass

    @contextmanager
    def migrating(self, slot: int) -> Iterator[None]:
        """The same: inside, no key has been moved yet, and new ones are for the other primary."""
        source = self.primary_of(slot)
        target = next(each for each in self.primaries() if each is not source)
        target.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", _id(source))
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", _id(target))
        yield
        while keys := source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "REPLACE", "KEYS", *keys)
        for node in (target, source, *(each for each in self.primaries() if each not in (source, target))):
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", _id(target))

    def configure(self, name: str, value: str) -> None:
        """Change a setting of every server that runs."""
        for each in self.servers:
            with suppress(redis.RedisError):
                each.client.config_set(name, value)

    def flush(self) -> None:
        """Remove all keys."""
        for each in self.primaries():
            each.client.flushall()

    def stop(self) -> None:
        """End all of it."""
        for each in self.servers:
            each.stop()

    def _witness(self) -> ServerProcess:
        return next(each for each in self.servers if each.alive and each is not self._killed)

    def _healthy(self) -> list[ServerProcess]:
        """The primaries, if those alive agree that each slot has one; else nothing."""
        views = []
        for node in self.servers:
            if not node.alive:
                continue
            try:
                if b"cluster_state:ok" not in node.client.execute_command("CLUSTER", "INFO"):
                    return []
                views.append(_ranges(node))
            except redis.RedisError:
                return []
        if (
            not views
            or any(view != views[0] for view in views)
            or sum(last - first + 1 for first, last, _ in views[0]) < SLOTS
        ):
            return []
        found = [next(each for each in self.servers if each.port == port) for _, _, port in views[0]]
        found = list(dict.fromkeys(found))
        return found if all(each.alive and _role(each)["role"] == "master" for each in found) else []

    def _whole(self) -> bool:
        primaries = self._healthy()
        if len(primaries) != self._primaries:
            return False
        online = 0
        for each in primaries:
            facts = _role(each)
            online += sum(facts[f"slave{n}"]["state"] == "online" for n in range(facts["connected_slaves"]))
        return online == self._replicas


def _server(binary: Path, folder: Path, *flags: str, encryption: Encryption | None) -> ServerProcess:
    port = free_port()
    return ServerProcess(
        binary, folder, *DURABLE, "--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT),
        "--cluster-config-file", "nodes.conf", "--cluster-port", str(port + 10_000), *flags,
        port=port, encryption=encryption,
    )  # fmt: skip


def _nodes(node: ServerProcess) -> list[str]:
    lines = node.client.execute_command("CLUSTER", "NODES")
    return [*lines] if isinstance(lines, dict) else str(lines, "utf-8").splitlines()


def _id(node: ServerProcess) -> str:
    return str(node.client.execute_command("CLUSTER", "MYID"), "utf-8")


def _follow(node: ServerProcess, leader: str) -> bool:
    try:
        node.client.execute_command("CLUSTER", "REPLICATE", leader)
    except redis.ResponseError:
        return False  # it has not heard of it yet
    return True


def _ranges(node: ServerProcess) -> list[tuple[int, int, int]]:
    """First slot, last slot, port of the primary; as the server itself sends it."""
    answer = node.client.execute_command("CLUSTER", "SLOTS")
    if isinstance(answer, dict):  # as the client library arranges it
        return sorted((first, last, int(found["primary"][1])) for (first, last), found in answer.items())
    return sorted((int(first), int(last), int(primary[1])) for first, last, primary, *_ in answer)


def _role(node: ServerProcess) -> dict[str, Any]:
    facts: dict[str, Any] = node.client.info("replication")
    return facts
