"""Several servers for all tests of a session: they are started once, and emptied for each test."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from answerback.store.embedded.executable import bundled_server, find_server
from tests.topologies.cluster import ClusterServers
from tests.topologies.sentinel import SentinelServers
from tests.topologies.tls import Encryption, server_with_tls

T = TypeVar("T", SentinelServers, ClusterServers)


class SharedServers:
    """Each method starts what is down, removes all keys, and returns the servers.

    `secure`: with TLS, if a server here has it; Sentinels and their servers require client certificates.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sentinels: dict[bool, SentinelServers] = {}
        self._clusters: dict[bool, ClusterServers] = {}

    def sentinels(self, *, secure: bool = False) -> SentinelServers:
        """A master with two replicas and three Sentinels."""
        if secure not in self._sentinels:
            folder = self._folder / f"sentinels-{secure}"
            program, encryption = _program(folder, secure=secure, clients=True)
            self._sentinels[secure] = SentinelServers(folder, program, encryption=encryption)
        return _ready(self._sentinels[secure])

    def cluster(self, *, secure: bool = False) -> ClusterServers:
        """A Cluster of three primaries and three replicas."""
        if secure not in self._clusters:
            folder = self._folder / f"cluster-{secure}"
            program, encryption = _program(folder, secure=secure, clients=False)
            self._clusters[secure] = ClusterServers(folder, program, encryption=encryption)
        return _ready(self._clusters[secure])

    def stop(self) -> None:
        """End all of them."""
        for sentinels in self._sentinels.values():
            sentinels.stop()
        for cluster in self._clusters.values():
            cluster.stop()


def _ready(servers: T) -> T:
    servers.start()
    servers.flush()
    return servers


def _program(folder: Path, *, secure: bool, clients: bool) -> tuple[Path, Encryption | None]:
    if secure and (found := server_with_tls()):
        return found, Encryption(folder / "tls", clients=clients)
    return bundled_server() or find_server(), None
