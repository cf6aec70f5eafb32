"""Check runs of pull requests: made once, found by their external id, then updated.

https://docs.github.com/en/rest/checks/runs
"""

from __future__ import annotations

import msgspec

from answerback.errors import Rejected
from answerback.messages import Identity
from answerback.outgoing import NO_CONTENT, Button, ReplyContent
from answerback.platforms import Exchange, NextPage, Prepared, Sent
from answerback.platforms.answer import read
from answerback.platforms.attempt import Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.github.address import Address
from answerback.platforms.github.calls import Calls
from answerback.platforms.github.checks import ACTIONS, DESCRIPTION, IDENTIFIER, LABEL, external_id, identifier
from answerback.platforms.github.edits import Target
from answerback.replies import Reply

_LONGEST = 65_535
_PAGE = 100


class _Head(msgspec.Struct):
    sha: str


class _Pull(msgspec.Struct):
    head: _Head


class _Run(msgspec.Struct):
    id: int
    html_url: Spare[str] = None
    external_id: Spare[str] = None


class _Runs(msgspec.Struct):
    check_runs: list[_Run]


_pull = msgspec.json.Decoder(_Pull)
_run = msgspec.json.Decoder(_Run)
_runs = msgspec.json.Decoder(_Runs)


class CheckRuns:
    """Shows what an agent does with a pull request as a check run."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def exists(self, reply: Reply) -> bool:
        """Return whether the check run is there already, and is only changed."""
        return bool(reply.content and reply.content.target)

    def check(self, reply: Reply) -> str:
        """See `Client.check`."""
        content = reply.content or NO_CONTENT
        if not reply.address.get("pull"):
            return "only a pull request has check runs, and this thread is about something else"
        if self._calls.credential.name == "GITHUB_TOKEN":
            return "only a GitHub App may make check runs: set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY"
        if not content.check.strip():
            return "a check run needs a name"
        if len(content.summary) > _LONGEST:
            return f"the summary of a check run has at most {_LONGEST} characters; this one has {len(content.summary)}"
        return _buttons_problem(content)

    def post(self, reply: Reply) -> Exchange[Sent | Prepared]:
        """Make a check run at the head of the pull request, or change it.

        The commit is stored before: by then it may be the head no longer when the run is looked for.
        """
        place, attempt, content = Address.of(reply), Attempt.of(reply), reply.content or NO_CONTENT
        runs, doing = f"{self._calls.repo(place)}/check-runs", f"showing a check run of {place.name}"
        if content.target:
            target = Target.of(content.target)
            url = f"{runs}/{target.id}"
            response = yield from self._calls.call(place, attempt, "PATCH", url, _fields(content), doing, effect=True)
            return _sent(read(response, _run, "GitHub", unknown=True))
        if not reply.prepared:
            url = f"{self._calls.repo(place)}/pulls/{place.number}"
            response = yield from self._calls.call(place, attempt, "GET", url, None, f"reading {place.name}")
            return Prepared(read(response, _pull, "GitHub", unknown=False).head.sha)
        run = {
            **_fields(content),
            "name": content.check,
            "head_sha": reply.prepared,
            "external_id": external_id(reply.key, reply.thread),
        }
        response = yield from self._calls.call(place, attempt, "POST", runs, run, doing, effect=True)
        return _sent(read(response, _run, "GitHub", unknown=True))

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Find our check run by its external id, among all runs of that name at the commit, 100 per page."""
        place, attempt = Address.of(reply), Attempt.of(reply)
        apps = [mark.removeprefix("app:") for mark in account.marks if mark.startswith("app:")]
        if not apps or not reply.prepared:
            raise Rejected("a check run can be found by the app that made it only")
        page = int(reply.cursor) if reply.cursor.isdecimal() else 1
        # By default GitHub lists the latest run of each name only.
        query = f"app_id={apps[0]}&filter=all&per_page={_PAGE}&page={page}"
        url = f"{self._calls.repo(place)}/commits/{reply.prepared}/check-runs?{query}"
        doing = f"looking for a check run of {place.name}"
        response = yield from self._calls.call(place, attempt, "GET", url, None, doing)
        found = read(response, _runs, "GitHub", unknown=False).check_runs
        wanted = external_id(reply.key, reply.thread)
        for run in found:
            if run.external_id == wanted:
                return _sent(run)
        return None if len(found) < _PAGE else NextPage(str(page + 1))


def _fields(content: ReplyContent) -> dict[str, object]:
    """Return what a check run shows. One that has ended has a conclusion."""
    running = content.state in ("queued", "in_progress")
    fields: dict[str, object] = {"status": content.state} if running else {"conclusion": content.state or "neutral"}
    if content.summary.strip():
        fields["output"] = {"title": content.check, "summary": content.summary}
    buttons = [button for button in content.actions if isinstance(button, Button)]
    fields["actions"] = [
        {"label": one.label, "description": one.label[:DESCRIPTION], "identifier": _identifier(one)} for one in buttons
    ]
    return fields


def _identifier(button: Button) -> str:
    return identifier(button.name or button.label, button.value)


def _buttons_problem(content: ReplyContent) -> str:
    if len(content.actions) > ACTIONS:
        return f"a check run has at most {ACTIONS} buttons"
    for button in content.actions:
        if not isinstance(button, Button):
            return "a check run has buttons, and no menus"
        if button.url:
            return f'the button "{button.label}" opens an address: put a link into the summary instead'
        if not button.label or len(button.label) > LABEL:
            return f'a button of a check run has a label of at most {LABEL} characters: "{button.label}"'
        if "=" in (button.name or button.label):
            return f'the name of the button "{button.label}" must not have a "="'
        if len(_identifier(button)) > IDENTIFIER:
            return (
                f'the name and the value of the button "{button.label}" have at most {IDENTIFIER - 1} characters '
                "together on GitHub"
            )
    return ""


def _sent(run: _Run) -> Sent:
    return Sent(f"check_run:{run.id}", run.html_url or "")
