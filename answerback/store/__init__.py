"""Storage in Redis: threads, outboxes, dead letters, workers. No other code accesses Redis.

This package exports nothing: import a class from its module, such as `answerback.store.threads.threads`, so that a
process loads only what it uses. Every atomic operation is a script in `lua/`, and every key is a function in `keys`.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """A module that is loaded when something of it is first used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


# redis imports PyJWT for credentials that we do not use, and PyJWT imports cryptography: this takes as long as redis.
sys.modules.setdefault("jwt", _Later("jwt"))
