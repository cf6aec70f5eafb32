"""Run an agent's code so that it can end its turn, but neither the process nor the task that runs it."""

from __future__ import annotations

import asyncio

from answerback.agents.agent import Agent
from answerback.agents.turn import Turn


async def think(agent: Agent, turn: Turn) -> str | None:
    """Run an agent. One that exits the process or cancels itself has failed.

    Raises:
        asyncio.CancelledError: The task was cancelled from outside.
        RuntimeError: The agent raised something that would end the process or the task.
        Exception: Anything else that it raises.
    """
    try:
        return await agent.think(turn)
    except SystemExit as error:
        raise RuntimeError(f"the agent called sys.exit({error.code!r})") from error
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        raise RuntimeError("the agent cancelled itself") from error
    except (Exception, GeneratorExit):
        raise
    except BaseException as error:
        if _is_cancelled():
            raise
        # KeyboardInterrupt, a group of it, a library's own: it must fail the turn, not the worker.
        raise RuntimeError(f"the agent raised {type(error).__name__}: {error}") from error


def _is_cancelled() -> bool:
    """Return whether the running task was cancelled from outside."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
