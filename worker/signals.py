"""Hands the signals that are published to all workers to those whom they are for."""

from __future__ import annotations

from .claiming.pinned import TurnClaimer
from .orders import OrderKeeper
from .turns.running import Running


class Signals:
    """The signals of `answerback.store.keys.signals`."""

    def __init__(self, running: Running, claimer: TurnClaimer, orders: OrderKeeper) -> None:
        self._running = running
        self._claimer = claimer
        self._orders = orders

    def receive(self, channel: str, message: bytes) -> None:
        """Handle a published message."""
        signal, text = message.decode().split("\n", 1)
        if signal == "parked":
            self._claimer.look_for(text)
        elif signal == "orders":
            self._orders.look()
        else:
            self._running.receive(signal, text)
