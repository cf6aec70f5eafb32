"""Find agents that never answer because an earlier agent in the list listens to the same events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from answerback.agents.agent import Agent
from answerback.agents.listen import ADDRESSED, Listen


def hidden_agents(agents: Sequence[Agent], platforms: Collection[str]) -> list[str]:
    """Return a warning for each agent that an earlier one hides: it answers nothing unless a chat names it.

    An agent without a `listen=` of its own is reported only if replies are posted to a platform: otherwise there are
    only chats, which name their agent.

    Args:
        agents: The agents of a worker, in their order.
        platforms: Names of the platforms that replies are posted to.
    """
    return [
        _warning(agent, hiding)
        for place, agent in enumerate(agents)
        if (platforms or agent.listen != (ADDRESSED,)) and (hiding := _hiding(agent, agents[:place]))
    ]


def _hiding(agent: Agent, earlier: Sequence[Agent]) -> list[str]:
    """Return the names of the earlier agents that get all events of `agent`; empty if it gets some itself."""
    names: dict[str, None] = {}
    for listen in agent.listen:
        hiding = next((each for each in earlier if any(_covers(wide, listen) for wide in each.listen)), None)
        if hiding is None:
            return []
        names[hiding.name] = None
    return list(names)


def _covers(wide: Listen, narrow: Listen) -> bool:
    """Return whether all events that reach `narrow` also reach `wide`.

    "answered" makes no difference: an agent that never gets a first event never has a thread in which it answered.
    """
    return (
        _includes(wide.platform, narrow.platform)
        and _includes(wide.channel.lower(), narrow.channel.lower())
        and _includes(wide.account, narrow.account)
        and ("every" in wide.when or ({*narrow.when} <= {*wide.when, "answered"} and wide.bots >= narrow.bots))
    )


def _includes(wide: str, narrow: str) -> bool:
    """Return whether the pattern `wide` matches everything that `narrow` matches; False in doubt."""
    if wide in ("*", narrow):
        return True
    # A pattern whose only wildcard is "*" matches another one as a text exactly if it includes it. This is not so for
    # single characters and sets.
    return not {*"?["} & {*wide, *narrow} and fnmatchcase(narrow, wide)


def _warning(agent: Agent, hiding: Sequence[str]) -> str:
    names = " and ".join(f'"{name}"' for name in hiding)
    do = "comes earlier in the list and gets" if len(hiding) == 1 else "come earlier in the list and get"
    only = "it answers only chats that name it" if agent.chat else "it answers nothing"
    return (
        f'agent "{agent.name}" is hidden: {names} {do} '
        f"all events that it listens to, so {only}. Move it up, or give it another listen=."
    )
