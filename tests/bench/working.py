"""An agent that does the job of the peers: `peers.work`."""

from answerback import Agent, Listen, Turn
from tests.bench.peers import work


async def do(turn: Turn) -> str:
    """Do it, and say one word."""
    await work.run_async(int(turn.text))
    return "done"


agents = Agent("work", do, listen=Listen(when=("every",)))
