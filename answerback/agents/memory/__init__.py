"""A thread in memory, without Redis: for tests, for trying a flow, and for dialogs inside another program."""

from answerback.agents.memory.clock import Clock
from answerback.agents.memory.killing import Killed
from answerback.agents.memory.thread import MemoryThread

__all__ = ["Clock", "Killed", "MemoryThread"]
