"""What people see of an agent at work: statuses, titles, suggested prompts, sessions.

https://docs.slack.dev/ai/, https://docs.slack.dev/ai/agent-sessions
"""

from __future__ import annotations

import time

from answerback.testing.standins.slack.calls import Call, Method, refusal
from answerback.testing.standins.slack.conversations import Message
from answerback.testing.standins.slack.space import Space
from answerback.testing.standins.values import Json

STATUSES = ("active", "processing", "suspended", "closed")
MOST_PROMPTS = 4
_LONGEST_TITLE = 200


class Presence:
    """The methods `assistant.threads.*` and `agents.sessions.*`."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self.reset()

    def reset(self) -> None:
        """Delete everything."""
        self._statuses: dict[tuple[str, str], tuple[Json, float]] = {}
        self._titles: dict[tuple[str, str], str] = {}
        self._prompts: dict[tuple[str, str], list[Json]] = {}
        self._sessions: dict[tuple[str, str], Json] = {}

    def methods(self) -> list[Method]:
        """Return the methods."""
        return [
            Method("assistant.threads.setStatus", "chat:write", self._set_status),
            Method("assistant.threads.setTitle", "assistant:write", self._set_title),
            Method("assistant.threads.setSuggestedPrompts", "assistant:write", self._set_prompts),
            Method("agents.sessions.setStatus", "chat:write", self._set_session),
            Method("agents.sessions.rename", "chat:write", self._rename),
        ]

    def state(self) -> Json:
        """Return what people see now: each a list of objects with `channel` and `thread_ts`."""
        now = time.monotonic()
        statuses = {place: status for place, (status, until) in self._statuses.items() if until > now}
        return {
            "statuses": _listed(statuses),
            "titles": _listed({place: {"title": title} for place, title in self._titles.items()}),
            "prompts": _listed({place: {"prompts": prompts} for place, prompts in self._prompts.items()}),
            "sessions": _listed(self._sessions),
        }

    def answered(self, message: Message) -> None:
        """Clear the status of a thread in which our app wrote."""
        self._statuses.pop((message.channel, message.root), None)

    def move(self, channel: str, thread: str, status: str) -> None:
        """Set a session's status."""
        self._sessions.setdefault((channel, thread), {"title": ""})["status"] = status

    def processing(self, channel: str, thread: str) -> bool:
        """Whether people see a stop button there."""
        return self._sessions.get((channel, thread), {}).get("status") == "processing"

    async def _set_status(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/assistant.threads.setStatus: gone after two minutes, or with ""."""
        place = self._place(call)
        status, words = call.word("status"), call.arguments.get("loading_messages")
        if "status" not in call.arguments:
            raise refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] missing status"]})
        if words is not None and not (isinstance(words, list) and len(words) <= 10):
            raise refusal("invalid_arguments")
        if status:
            shown = {"status": status, "loading_messages": words or []}
            self._statuses[place] = shown, time.monotonic() + self._space.options.slack_status_seconds
        else:
            self._statuses.pop(place, None)
        return {}

    async def _set_title(self, call: Call) -> Json:
        self._titles[self._place(call)] = call.needed("title")
        return {}

    async def _set_prompts(self, call: Call) -> Json:
        prompts = call.objects("prompts", "invalid_arguments") or []
        if (
            not prompts
            or len(prompts) > MOST_PROMPTS
            or not all("title" in one and "message" in one for one in prompts)
        ):
            raise refusal("invalid_arguments")
        self._prompts[self._place(call)] = prompts
        return {}

    async def _set_session(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/agents.sessions.setStatus"""
        if not self._space.options.slack_agent:
            raise refusal("not_authorized")
        place, status, title = self._place(call), call.needed("status"), call.word("title")
        if status not in STATUSES or len(title) > _LONGEST_TITLE:
            raise refusal("invalid_arguments")
        session = self._sessions.setdefault(place, {"title": title})
        session["status"] = status
        return {"status": status, "agent_status": status, "title": session["title"]}

    async def _rename(self, call: Call) -> Json:
        place = self._place(call)
        if place not in self._sessions:
            raise refusal("not_authorized")
        self._sessions[place]["title"] = call.needed("title")
        return {"title": self._sessions[place]["title"]}

    def _place(self, call: Call) -> tuple[str, str]:
        return call.needed("channel_id", "channel_not_found"), call.needed("thread_ts", "invalid_thread_ts")


def _listed(by_place: dict[tuple[str, str], Json]) -> list[Json]:
    return [{"channel": channel, "thread_ts": thread, **what} for (channel, thread), what in by_place.items()]
