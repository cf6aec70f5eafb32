"""A master with two replicas, and three Sentinels that see to it that there is always a master."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import redis

from tests.topologies.process import DURABLE, ServerProcess, url_of, wait_for
from tests.topologies.tls import HOST, Encryption

MASTER = "mymaster"
DOWN_AFTER = 1000
"""ms without a response after which a Sentinel considers a server down."""

# With the usual intervals, a test would wait for seconds until all know each other. On a busy machine, a Sentinel takes
# its own delays for a jump of the clock (TILT), and does nothing for 30 s. The period of pings stays as it is: in a
# failover, a replica whose last INFO is older than five of them is passed over, even if it alone has the last writes.
_HURRIED = (
    "INFO-PERIOD", 200, "PUBLISH-PERIOD", 200, "ASK-PERIOD", 200, "TILT-TRIGGER", 60_000,
    "TILT-PERIOD", 1000, "ELECTION-TIMEOUT", 1000, "MIN-LINK-RECONNECT-PERIOD", 500,
)  # fmt: skip


class SentinelServers:
    """The servers. `start`, `kill` and `pid` are those of `EmbeddedServer`: what is killed is the master."""

    def __init__(self, folder: Path, binary: Path, *flags: str, encryption: Encryption | None = None) -> None:
        self._encryption = encryption
        if encryption:
            flags += ("--replica-announce-ip", HOST)

        def server(n: int, *more: str) -> ServerProcess:
            return ServerProcess(binary, folder / f"server-{n}", *DURABLE, *flags, *more, encryption=encryption)

        first = server(0)
        self.servers = [first, *(server(n, "--replicaof", "127.0.0.1", str(first.port)) for n in (1, 2))]
        config = _config(first.port, named=encryption is not None)
        self.sentinels = [
            ServerProcess(binary, folder / f"sentinel-{n}", "--sentinel", config=config, encryption=encryption)
            for n in range(3)
        ]
        self._killed: ServerProcess | None = None

    @property
    def url(self) -> str:
        """REDIS_URL."""
        return self.url_for("")

    def url_for(self, login: str) -> str:
        """REDIS_URL of a user, "name:password@"."""
        return url_of("sentinel", login, self.sentinels, self._encryption, path=f"/{MASTER}")

    @property
    def pid(self) -> int:
        """The process id of the master."""
        return self.master().pid

    @property
    def alive(self) -> bool:
        """Whether there is a master."""
        return self._master() is not None

    def start(self) -> None:
        """Start what does not run, and wait until a failover is possible."""
        for each in (*self.servers, *self.sentinels):
            each.start()
        for each in (*self.servers, *self.sentinels):
            each.ready()
        for sentinel in self.sentinels:
            sentinel.client.execute_command("SENTINEL", "DEBUG", *_HURRIED)
        wait_for(self._whole, "master, replicas and Sentinels knowing each other")
        self._killed = None

    def master(self) -> ServerProcess:
        """The server that most of those alive consider the master, and that considers itself one."""
        wait_for(lambda: self._master() is not None, "a master")
        return self._master() or self.master()

    def kill(self) -> None:
        """kill -9 of the master."""
        self._killed = self.master()
        self._killed.kill()

    def failed_over(self) -> ServerProcess:
        """Wait for a master other than the one that was killed."""
        wait_for(lambda: self._master() not in (None, self._killed), "a failover")
        return self.master()

    def configure(self, name: str, value: str) -> None:
        """Change a setting of every server that runs."""
        for each in self.servers:
            with suppress(redis.RedisError):
                each.client.config_set(name, value)

    def flush(self) -> None:
        """Remove all keys."""
        self.master().client.flushall()

    def stop(self) -> None:
        """End all of it."""
        for each in (*self.sentinels, *self.servers):
            each.stop()

    def _master(self) -> ServerProcess | None:
        votes = [_port(sentinel) for sentinel in self.sentinels]
        for server in self.servers:
            if server.alive and votes.count(server.port) >= 2 and role(server) == "master":
                return server
        return None

    def _whole(self) -> bool:
        master = self._master()
        if master is None:
            return False
        for sentinel in self.sentinels:
            state = sentinel.client.sentinel_master(MASTER)
            if state["num-other-sentinels"] != 2 or state["num-slaves"] != 2 or state["is_sdown"] or state["is_odown"]:
                return False
            if any(replica["is_sdown"] for replica in sentinel.client.sentinel_slaves(MASTER)):
                return False
        facts = master.client.info("replication")
        return facts["connected_slaves"] == 2 and all(facts[f"slave{n}"]["state"] == "online" for n in (0, 1))


def _config(port: int, *, named: bool) -> str:
    names = "yes" if named else "no"
    return f"""\
sentinel resolve-hostnames {names}
sentinel announce-hostnames {names}
sentinel monitor {MASTER} {HOST if named else "127.0.0.1"} {port} 2
sentinel down-after-milliseconds {MASTER} {DOWN_AFTER}
sentinel failover-timeout {MASTER} 3000
sentinel parallel-syncs {MASTER} 2
"""


def _port(sentinel: ServerProcess) -> int:
    try:
        return int(sentinel.client.sentinel_get_master_addr_by_name(MASTER)[1])
    except (redis.RedisError, TypeError):
        return 0


def role(server: ServerProcess) -> str:
    """What a server considers itself, "master" or "slave"; "" if it does not respond."""
    try:
        return str(server.client.info("replication")["role"])
    except redis.RedisError:
        return ""
