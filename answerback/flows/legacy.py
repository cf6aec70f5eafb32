"""Recognise phrases in the instructions of older flows for which newer flows have a field.

The phrases and their meaning are superdialog's: `machine/gate.py` of https://github.com/unpod-ai/superdialog.
"""

from __future__ import annotations

import re

_GOES_ON = re.compile(
    r"proceed (immediately|directly)|no (caller |user )?(response|answer|reply) (is )?(needed|required)", re.IGNORECASE
)
_SAYS_NOTHING = re.compile(
    r"do not output any text|do not generate any speech|do not speak\b.{0,80}\bat all|silent routing node"
    r"|output only the tool call|your only output must be a tool call|zero words.{0,80}before.{0,80}tool"
    r"|just route\b.{0,80}\bno\b.{0,80}\bspeech",
    re.IGNORECASE,
)
_SILENT = re.compile(r"\bsilent(ly)?\b|\b(zero|no) (speech|words)\b|\b(say|speak) nothing\b", re.IGNORECASE)


def goes_on(instruction: str) -> bool:
    """Return whether a step continues without waiting for an answer (`auto_proceed`)."""
    return bool(_GOES_ON.search(instruction))


def says_nothing(instruction: str) -> bool:
    """Return whether a step only chooses the next one (`node_type` "router").

    In a step that does not wait, a word such as "silent" is enough; in others it may refer to the user.
    """
    return bool(_SAYS_NOTHING.search(instruction) or (goes_on(instruction) and _SILENT.search(instruction)))
