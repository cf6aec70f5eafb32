"""The stand-ins from a test's side: a process to start and stop, faults to set, messages to look at."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec

from tests.forks import Fork
from tests.standins.faults import Fault, Rule
from tests.standins.journal import Posted, Request
from tests.standins.options import Options
from tests.standins.payloads import Json
from tests.standins.signatures import Delivery

PATIENCE = 15.0
"""Seconds to wait for what should come soon."""


_KINDS = {
    "issue_comment": ("issue", "issue"),
    "pull_request_review_comment": ("review", "pull_request"),
    "discussion_comment": ("discussion", "discussion"),
}
"""GitHub's event → what `say` calls it, and what it is about."""


class StandIns:
    """Running stand-ins. `url` is where they are; `options` is what they were told."""

    def __init__(self, url: str, options: Options, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.options = options
        self._session = session

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path, *, app_key: str = "", **options: Any) -> AsyncIterator[Self]:
        """Start the process on a free port, stop it at the end. `directory` takes its log.

        `options` are the fields of `Options` that differ from their defaults; `app_key` is PEM text.
        """
        ready = directory / "standins.json"
        ready.unlink(missing_ok=True)
        told = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        if app_key:
            (directory / "app_key.pem").write_text(app_key)
            told.append(f"--github-app-key-file={directory / 'app_key.pem'}")
        command = ["tests.standins", "--port=0", f"--ready-file={ready}", "--until-stdin-closes", *told]
        process = Fork(command, os.environ, directory / "standins.log")
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready.exists():
                if process.returncode is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the stand-ins did not start: {(directory / 'standins.log').read_text()}")
                await asyncio.sleep(0.01)
            url: str = msgspec.json.decode(ready.read_bytes())["url"]
            async with aiohttp.ClientSession() as session:
                yield cls(url, Options(github_app_key=app_key, **options), session)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()

    def environment(self) -> dict[str, str]:
        """The environment variables with which Answerback takes the stand-ins for its platforms.

        As a GitHub App where the stand-ins were given an app's private key, else as a machine user.
        """
        options = self.options
        us = {"GITHUB_TOKEN": options.github_token.split(",")[0]}
        if "PRIVATE KEY" in options.github_app_key:
            us = {"GITHUB_APP_ID": str(options.github_app_id), "GITHUB_APP_PRIVATE_KEY": options.github_app_key}
        return us | {
            "GITHUB_API_URL": f"{self.url}/github",
            "GITHUB_WEBHOOK_SECRET": options.github_secret,
            "SLACK_API_URL": f"{self.url}/slack",
            "SLACK_BOT_TOKEN": options.slack_token.split(",")[0],
            "SLACK_SIGNING_SECRET": options.slack_secret,
            "STANDARD_WEBHOOKS_SECRET": options.standard_secret,
            "STANDARD_WEBHOOKS_REPLY_URL": f"{self.url}/standard/replies",
            "OPENAI_BASE_URL": f"{self.url}/model/v1",
            "OPENAI_API_KEY": options.model_key.split(",")[0],
            "WEATHER_API_URL": f"{self.url}/weather",
        }

    async def messages(self, platform: str | None = None) -> list[Posted]:
        """What was posted, in order."""
        found = await self._call("GET", "messages", query={"platform": platform} if platform else {})
        return msgspec.convert(found, list[Posted])

    async def wait_for_messages(
        self, count: int, platform: str | None = None, within: float = PATIENCE
    ) -> list[Posted]:
        """What was posted, as soon as it is that many. Raises AssertionError when it stays fewer."""
        found: list[Posted] = await _until(lambda: self.messages(platform), lambda seen: len(seen) >= count, within)
        return found

    async def say(self, platform: str, **said: Any) -> Json:
        """Let a person say something there, without a webhook; the message as the platform shows it.

        GitHub: number, body; kind ("issue", "review", "discussion"), repo, id, parent, login, user_id, at (seconds).
        Slack: channel, text; ts, thread_ts, user.
        """
        found: Json = await self._call("POST", "messages", {"platform": platform, "said": said})
        return found

    async def knows(self, *deliveries: Delivery) -> None:
        """Let the platform have the comments and messages that these webhooks tell of, as the real one would.

        Needed where a client asks for them: the parent of a comment in a discussion's thread, say.
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
        """Give a GitHub repository another name: requests under the old one are redirected from now on."""
        await self.say("github", rename=old, to=new)

    async def requests(self, platform: str | None = None, operation: str | None = None) -> list[Request]:
        """The last 100,000 requests, in order, with their bodies."""
        query = {"platform": platform, "operation": operation}
        found = await self._call("GET", "requests", query={name: value for name, value in query.items() if value})
        return msgspec.convert(found["requests"], list[Request])

    async def counts(self) -> dict[str, dict[str, int]]:
        """How many requests there were: platform → operation → count."""
        found: dict[str, dict[str, int]] = (await self._call("GET", "requests", query={"platform": "-"}))["counts"]
        return found

    async def add_fault(self, rule: Rule | None = None, **fields: Any) -> int:
        """Put a rule in force, given as such or by its fields; its id."""
        found: list[int] = await self._call("POST", "faults", [rule or Rule(**fields)])
        return found[0]

    async def faults(self) -> list[Fault]:
        """Every rule, with how often it matched and fired."""
        return msgspec.convert(await self._call("GET", "faults"), list[Fault])

    async def fired(self, rule: int) -> int:
        """How often a rule fired."""
        return next(fault.fired for fault in await self.faults() if fault.id == rule)

    async def wait_until_fired(self, rule: int, count: int = 1, within: float = PATIENCE) -> None:
        """Wait until a rule fired that often. Raises AssertionError when it does not."""
        await _until(lambda: self.fired(rule), lambda fired: fired >= count, within)

    async def remove_fault(self, rule: int) -> None:
        """End a rule."""
        await self._call("DELETE", f"faults/{rule}")

    async def send_webhooks_to(self, url: str) -> None:
        """From now on, tell `url` of every message; "" tells nobody. `{platform}` in it is replaced."""
        await self._call("PUT", "webhooks", {"url": url})

    async def deliveries(self) -> list[Json]:
        """Every try of a webhook so far, oldest first, in GitHub's shape, and its platform."""
        found: list[Json] = (await self._call("GET", "deliveries"))["deliveries"]
        return found

    async def wait_for_deliveries(self, count: int, within: float = PATIENCE) -> list[Json]:
        """The same, as soon as there are that many and none is under way."""
        found = await _until(
            lambda: self._call("GET", "deliveries"),
            lambda seen: not seen["pending"] and len(seen["deliveries"]) >= count,
            within,
        )
        deliveries: list[Json] = found["deliveries"]
        return deliveries

    async def deliver(self, delivery: Delivery) -> None:
        """Let GitHub send this webhook, once, to where webhooks go."""
        await self._call("POST", "deliveries", _told(delivery))

    async def fail_delivery(self, delivery: Delivery, status: int = 502, at: float | None = None) -> Json:
        """Make GitHub believe that it could not deliver this webhook, as it then lists it. `at`: seconds; now."""
        found: Json = await self._call("POST", "deliveries", {**_told(delivery), "status": status, "at": at})
        return found

    async def reset(self) -> None:
        """Forget faults, messages, requests and deliveries; where webhooks go stays as it is."""
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
    deadline = time.monotonic() + within
    while not good(found := await look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s; it is still {found!r}")
        await asyncio.sleep(0.02)
    return found
