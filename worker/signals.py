"""Hands the signals that are published to all workers to those whom they are for."""

from __future__ import annotations

from .claiming.pinned import TurnClaimer
from .turns.running import Running


class Signals:
    """The signals of `answerback.store.keys.signals`."""

    def __init__(self, running: Running, claimer: TurnClaimer) -> None:
        self._running = running
        self._claimer = claimer

    def receive(self, channel: str, message: bytes) -> None:
        """Handle a published message."""
        signal, text = message.decode().split("\n", 1)
        if signal == "parked":
            self._claimer.look_for(text)
        else:
            self._running.receive(signal, text)
