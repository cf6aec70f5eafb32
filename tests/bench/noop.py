"""An agent that does nothing but answer."""

from answerback import Agent, Listen, Turn


async def noop(turn: Turn) -> str:
    """Say one word."""
    return "done"


agents = Agent("noop", noop, listen=Listen(when=("every",)))
