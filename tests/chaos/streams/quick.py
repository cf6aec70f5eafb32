"""The real worker, which shows replies faster and in smaller messages: `python -m tests.chaos.streams.quick worker`."""

from __future__ import annotations

import os
import runpy
import sys

from tests.acceptance import sabotage

SMALL = 900
"""Characters of a message. It is long enough for what is repeated of code, lists and quotes in a new one."""


def hurry() -> None:
    """Change this process."""
    from answerback.platforms.github import api as github
    from answerback.platforms.github.marker import ROOM
    from answerback.platforms.github.streaming import GitHubStreaming
    from answerback.platforms.slack import api as slack
    from answerback.platforms.slack.streaming import SlackStreaming
    from worker.turns import showing

    slack.LIMIT = SMALL
    github.LIMIT = SMALL + ROOM
    SlackStreaming.pace, SlackStreaming.edit_pace = 0.1, 0.2
    SlackStreaming.budget = {"begin": 6000, "append": 6000, "end": 6000}
    GitHubStreaming.pace = GitHubStreaming.edit_pace = 0.3
    GitHubStreaming.budget = SlackStreaming.budget
    showing.START, showing.LOOK, showing.LAST = 0.05, 0.02, 0.5


if __name__ == "__main__":
    sabotage.arm(os.environ)
    hurry()
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
