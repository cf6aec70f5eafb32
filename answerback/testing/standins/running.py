"""Stand-ins in a process of their own, for tests of any kind, also without an event loop."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.journal import Posted, Request
from answerback.testing.standins.options import Options
from answerback.testing.standins.sender import GitHub, Slack, Standard, Telegram, Twilio, WhatsApp

PATIENCE = 15.0
"""Seconds to wait for messages and deliveries."""


class RunningStandIns:
    """Running stand-ins of GitHub, Slack, Telegram, Twilio, WhatsApp, Standard Webhooks and a language model.

    Attributes:
        url: Where they serve.
        options: The credentials that they accept, and whose they are.
        github, slack, standard, telegram, twilio, whatsapp: Make webhooks, signed with these credentials:
            `standins.github.issue_comment("Hello, @answerbot")` has `headers` and a `body` to post to ingress.
    """

    def __init__(self, url: str, options: Options) -> None:
        self.url = url
        self.options = options
        self.github = GitHub(secret=options.github_secret)
        self.slack = Slack(secret=options.slack_secret)
        self.telegram = Telegram(secret=options.telegram_secret)
        self.standard = Standard(secret=options.standard_secret)
        self.twilio = Twilio(
            account=options.twilio_account.split(",")[0],
            secret=options.twilio_token.split(",")[0],
            url=f"{options.twilio_url}/webhooks/twilio",
        )
        self.whatsapp = WhatsApp(number=options.whatsapp_number, secret=options.whatsapp_secret)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make Answerback use the stand-ins as its platforms."""
        return self.options.environment(self.url)

    def messages(self, platform: str = "") -> list[Posted]:
        """Return what was posted, in order."""
        found = self._call("GET", "messages", **({"platform": platform} if platform else {}))
        return msgspec.convert(found, list[Posted])

    def wait_for_messages(self, count: int, platform: str = "", within: float = PATIENCE) -> list[Posted]:
        """Return what was posted once there are that many messages. Raises AssertionError if there are fewer."""
        deadline = time.monotonic() + within
        while len(posted := self.messages(platform)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(posted)} messages after {within:g} s, not {count}: {posted}")
            time.sleep(0.02)
        return posted

    def act(self, platform: str, act: str, **details: Any) -> Any:
        """Do something as a person, with the webhooks that follow: see `client.StandIns.act`."""
        return self._call("POST", "acts", {"platform": platform, "act": act, "details": details})

    def state(self, platform: str) -> Any:
        """Return what people see besides messages: see `client.StandIns.state`."""
        return self._call("GET", "state", platform=platform)

    def requests(self, platform: str = "") -> list[Request]:
        """Return the requests, in order, with their bodies."""
        found = self._call("GET", "requests", **({"platform": platform} if platform else {}))
        return msgspec.convert(found["requests"], list[Request])

    def add_fault(self, **fields: Any) -> int:
        """Let requests fail, and return the rule's id. Its fields are those of `Rule`: `do="rate-limit", times=1`."""
        found: list[int] = self._call("POST", "faults", [Rule(**fields)])
        return found[0]

    def send_webhooks_to(self, url: str) -> None:
        """Send a webhook for each message from now on, to a URL in which "{platform}" is replaced; "": to nobody."""
        self._call("PUT", "webhooks", {"url": url})

    def reset(self) -> None:
        """Delete faults, messages and requests."""
        self._call("DELETE", "")

    def _call(self, method: str, path: str, content: Any = None, **query: str) -> Any:
        url = f"{self.url}/_standin/{path}".rstrip("/") + (f"?{urllib.parse.urlencode(query)}" if query else "")
        body = None if content is None else msgspec.json.encode(content)
        request = urllib.request.Request(url, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return msgspec.json.decode(response.read())
        except urllib.error.HTTPError as error:
            raise ValueError(f"{method} {path}: {error.read().decode()}") from None


@contextmanager
def start(**options: Any) -> Iterator[RunningStandIns]:
    """Start the process on a free port, and stop it at the end. `options`: the fields of `Options` that differ."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "answerback.testing.standins", "--port=0", "--until-stdin-closes", *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the stand-ins did not start: exit status {process.wait()}")
            yield RunningStandIns(msgspec.json.decode(line)["url"], Options(**options))
        finally:
            process.stdin.close()
            process.wait(PATIENCE)
