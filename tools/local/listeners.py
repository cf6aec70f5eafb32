"""The listening sockets of several ingress processes: the supervisor holds them, so that none is ever closed."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import Any

from .address import free_port

BACKLOG = 1024
_SPREADS = sys.platform == "linux"
"""Whether the system spreads connections over sockets that share a port with SO_REUSEPORT."""


class Listeners:
    """Sockets that listen on one port: for each process one of its own, or one for all where that does not spread them.

    A connection that Linux has queued for a listening socket is reset when that socket is closed, even if another
    process listens on the same port. So the supervisor opens all of them and keeps them open: a process that ends, for
    whatever reason, takes no connection with it. Its successor accepts them, or after a moment any other process.
    """

    def __init__(self, host: str, port: int, processes: int) -> None:
        """Listen. Raises `Failure` if the port cannot be used."""
        # Without SO_REUSEPORT: it would succeed beside another Answerback, and take half of its connections.
        self.port = free_port(host, port)
        addresses = socket.getaddrinfo(host or None, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self._sockets = [
            [_listening(family, address) for family, _, _, _, address in addresses]
            for _ in range(processes if _SPREADS else 1)
        ]

    def own(self, slot: int) -> list[int]:
        """Return the descriptors of the sockets of one process, by its number from 0."""
        return [each.fileno() for each in self._sockets[slot % len(self._sockets)]]

    def others(self, slot: int) -> list[int]:
        """Return the descriptors of the sockets of the other processes."""
        own = self.own(slot)
        return [each.fileno() for group in self._sockets for each in group if each.fileno() not in own]

    def close(self) -> None:
        """Close them. Those that a process has inherited stay open until it closes them too."""
        for each in _flat(self._sockets):
            each.close()


def _flat(groups: Sequence[Sequence[socket.socket]]) -> list[socket.socket]:
    return [each for group in groups for each in group]


def _listening(family: int, address: Any) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if _SPREADS:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.setblocking(False)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener
