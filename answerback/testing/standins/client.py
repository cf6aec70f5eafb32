"""An asynchronous client of the stand-ins, for tests: set faults, read what was posted."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
import msgspec

from answerback.testing.standins.faults import Fault, Rule
from answerback.testing.standins.journal import Posted, Request
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import Json

PATIENCE = 15.0
"""Seconds to wait for messages and deliveries."""


_KINDS = {
    "issue_comment": ("issue", "issue"),
    "pull_request_review_comment": ("review", "pull_request"),
    "discussion_comment": ("discussion", "discussion"),
}
"""GitHub's event → what `say` calls it, and what it is about."""


class StandIns:
    """Running stand-ins. `url`: where they serve; `options`: the credentials that they accept."""

    def __init__(self, url: str, options: Options, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.options = options
        self._session = session

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make Answerback use the stand-ins as its platforms."""
        return self.options.environment(self.url)

    async def messages(self, platform: str | None = None) -> list[Posted]:
        """Return what was posted, in order."""
        found = await self._call("GET", "messages", query={"platform": platform} if platform else {})
        return msgspec.convert(found, list[Posted])

    async def wait_for_messages(
        self, count: int, platform: str | None = None, within: float = PATIENCE
    ) -> list[Posted]:
        """Return what was posted once there are that many messages. Raises AssertionError if there are fewer."""
        found: list[Posted] = await _until(lambda: self.messages(platform), lambda seen: len(seen) >= count, within)
        return found

    async def say(self, platform: str, **said: Any) -> Json:
        """Post a message as a person, without a webhook. Return it as the platform shows it.

        GitHub: number, body; kind ("issue", "review", "discussion"), repo, id, parent, login, user_id, at (seconds).
        Slack: channel, text; ts, thread_ts, user. Telegram: chat, text; message_id, user, topic.
        """
        found: Json = await self._call("POST", "messages", {"platform": platform, "said": said})
        return found

    async def act(self, platform: str, act: str, **details: Any) -> Json:
        """Do something as a person, with the webhooks that follow.

        Slack: say, edit, delete, react (removed=True: take it back), press (action_id; value of a menu's option),
        shortcut (callback_id; ts of a message), command (command, text), stop (thread_ts), name (id, name), kick and
        invite (our app, a channel), uninstall (team), upload (name, content in base64), submit and close (view_id,
        values), suggest (view_id, or ts of a message; action_id, text), authorize (url), disconnect (reason: of the
        WebSockets). `channel`, `ts`, `user` and `team` name where and who.

        Twilio: say (text, files: [name, type, content in base64]), press (label, payload, of), locate (latitude,
        longitude, label, address), opt (word: STOP, START or HELP), close (WhatsApp's window), point (number, url: its
        webhook). `ours`, `theirs`, `account` and `service` name where and who.

        Telegram: say (text), edit (text), react (emoji=["👍"]), press (label), upload (name, content in base64, kind,
        album), block (back=True: take it back), migrate (to), business (text, connection). `chat`, `message_id`,
        `user`, `topic` and `bot` name where, who and which of our bots.

        WhatsApp: say (text), send (type, content), upload (file: its name, content in base64, content_type, caption),
        press (id, title, of; row=True), react (emoji, of), edit (text, of), revoke (of), new_number (to, new_user),
        echo (type, content), lapse (how), fail (of, code), forget (id: of a file). `phone`, `user`, `name` and `number`
        say who, and to whom.
        """
        done: Json = await self._call("POST", "acts", {"platform": platform, "act": act, "details": details})
        return done

    async def state(self, platform: str) -> Json:
        """Return what people see besides messages.

        Slack: statuses, titles, prompts, sessions, streams, files, views, sockets. Twilio: messages, typing, opted_out.
        Telegram: files, statuses, answered (pressed buttons), commands, pending (updates of each bot).
        """
        found: Json = await self._call("GET", "state", query={"platform": platform})
        return found

    async def knows(self, *deliveries: Delivery) -> None:
        """Store the comments and messages that these webhooks report, as the real platform has them.

        Needed where a client reads them, such as the parent of a comment in a discussion.
        """
        for delivery in deliveries:
            payload: Json = msgspec.json.decode(delivery.body)
            event = delivery.headers.get("X-GitHub-Event", "slack")
            if event == "slack":
                said, told = payload["event"], ("channel", "text", "ts", "thread_ts", "user")
                await self.say("slack", **{name: said[name] for name in told if name in said})
            elif event in _KINDS:
                kind, about = _KINDS[event]
                comment, author = payload["comment"], payload["sender"]
                await self.say(
                    "github",
                    kind=kind,
                    repo=payload["repository"]["full_name"],
                    number=payload[about]["number"],
                    id=comment["id"],
                    parent=comment.get("in_reply_to_id") or comment.get("parent_id"),
                    body=comment["body"],
                    login=author["login"],
                    user_id=author["id"],
                )

    async def rename_repository(self, old: str, new: str) -> None:
        """Rename a GitHub repository. Requests with the old name are redirected from now on."""
        await self.say("github", rename=old, to=new)

    async def change_subject(
        self,
        action: str,
        *,
        number: int = 7,
        repo: str = "acme/widgets",
        subject: Literal["issue", "pull_request", "discussion"] = "issue",
        **what: Any,
    ) -> Json:
        """Do to an issue, a pull request or a discussion on GitHub what a webhook's action says; send that webhook.

        action: "locked", "closed", "transferred" (to=(repo, number)), "assigned" (who=(login, id, type)), …; "set"
        without a webhook: locked, labels, head, title, body, patches (file → patch), by (login, id, type).
        """
        said = {"change": action, "number": number, "repo": repo, "subject": subject, "what": what}
        return await self.say("github", **said)

    async def change_installation(self, state: str, installation: int = 77) -> None:
        """Let people suspend, delete, or make active again the app's installation; send its webhook."""
        await self.say("github", installation=installation, state=state)

    async def attach(self, name: str, content: bytes, type: str = "image/png", *, private: bool = False) -> str:
        """Attach a file to what people write on GitHub. Return its URL, to be used in a text."""
        told = {"file": name, "content": base64.b64encode(content).decode(), "type": type, "private": private}
        return f"{self.url}/github{(await self.say('github', **told))['path']}"

    async def requests(self, platform: str | None = None, operation: str | None = None) -> list[Request]:
        """Return the last 100,000 requests, in order, with their bodies."""
        query = {"platform": platform, "operation": operation}
        found = await self._call("GET", "requests", query={name: value for name, value in query.items() if value})
        return msgspec.convert(found["requests"], list[Request])

    async def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of requests: platform → operation → count."""
        found: dict[str, dict[str, int]] = (await self._call("GET", "requests", query={"platform": "-"}))["counts"]
        return found

    async def add_fault(self, rule: Rule | None = None, **fields: Any) -> int:
        """Add a rule, given as a `Rule` or by its fields. Return its id."""
        found: list[int] = await self._call("POST", "faults", [rule or Rule(**fields)])
        return found[0]

    async def faults(self) -> list[Fault]:
        """Return every rule, with how often it matched and fired."""
        return msgspec.convert(await self._call("GET", "faults"), list[Fault])

    async def fired(self, rule: int) -> int:
        """Return how often a rule fired."""
        return next(fault.fired for fault in await self.faults() if fault.id == rule)

    async def wait_until_fired(self, rule: int, count: int = 1, within: float = PATIENCE) -> None:
        """Wait until a rule has fired that often. Raises AssertionError if it does not."""
        await _until(lambda: self.fired(rule), lambda fired: fired >= count, within)

    async def remove_fault(self, rule: int) -> None:
        """Remove a rule."""
        await self._call("DELETE", f"faults/{rule}")

    async def send_webhooks_to(self, url: str) -> None:
        """Send a webhook to `url` for each message from now on; "": to nobody. `{platform}` in it is replaced."""
        await self._call("PUT", "webhooks", {"url": url})

    async def deliveries(self) -> list[Json]:
        """Return all delivery attempts, oldest first, in GitHub's format with the platform added."""
        found: list[Json] = (await self._call("GET", "deliveries"))["deliveries"]
        return found

    async def wait_for_deliveries(self, count: int, within: float = PATIENCE) -> list[Json]:
        """Return all delivery attempts once there are that many and none is in progress."""
        found = await _until(
            lambda: self._call("GET", "deliveries"),
            lambda seen: not seen["pending"] and len(seen["deliveries"]) >= count,
            within,
        )
        deliveries: list[Json] = found["deliveries"]
        return deliveries

    async def deliver(self, delivery: Delivery) -> None:
        """Let GitHub send this webhook once, to the configured URL."""
        await self._call("POST", "deliveries", _told(delivery))

    async def fail_delivery(self, delivery: Delivery, status: int = 502, at: float | None = None) -> Json:
        """List this webhook at GitHub as a failed delivery. `at`: when, in seconds; by default now."""
        found: Json = await self._call("POST", "deliveries", {**_told(delivery), "status": status, "at": at})
        return found

    async def reset(self) -> None:
        """Delete faults, messages, requests and deliveries. The URL of webhooks is kept."""
        await self._call("DELETE", "")

    async def _call(self, method: str, path: str, content: Any = None, query: dict[str, str] | None = None) -> Any:
        url = f"{self.url}/_standin/{path}".rstrip("/")
        body = None if content is None else msgspec.json.encode(content)
        async with self._session.request(method, url, params=query, data=body) as response:
            found = msgspec.json.decode(await response.read())
            if not response.ok:
                raise ValueError(f"{method} {path}: {found}")
            return found


def _told(delivery: Delivery) -> Json:
    return {"headers": delivery.headers, "body": delivery.body.decode(), "id": delivery.id}


async def _until(look: Callable[[], Any], good: Callable[[Any], bool], within: float) -> Any:
    began = time.monotonic()
    while not good(found := await look()):
        waited = time.monotonic() - began
        if waited > within:
            raise AssertionError(f"not within {within:g} s; it is still {found!r}")
        # Each look is a request: look less often where one waits longer.
        await asyncio.sleep(min(0.1, max(0.02, waited / 10)))
    return found
