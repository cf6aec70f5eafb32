"""`python -m worker`: one worker process."""

from __future__ import annotations

import gc
import sys

import uvloop

from answerback import log
from answerback.agents.load import load
from answerback.errors import AnswerbackError
from answerback.settings import Settings
from answerback.store import Database
from answerback.store.guard import Guard

from .worker import Worker


async def main(settings: Settings) -> None:
    """Run a worker until it is asked to stop."""
    agents = load(settings.agents)
    for agent in agents:
        agent.prepare()
    database = Database(settings.redis(), guard=Guard())
    try:
        await Worker(settings, agents, database).serve()
    finally:
        await database.close()


if __name__ == "__main__":
    try:
        settings = Settings.load()
        log.configure(settings.log_level)
        # What is loaded by now stays: the collector need not look at it again and again.
        gc.freeze()
        uvloop.run(main(settings))
    except AnswerbackError as error:
        sys.exit(f"worker: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
