"""What older flows say in the prose of an instruction, where newer ones have a field for it.

The phrases, and what they mean, are superdialog's: `machine/gate.py` of https://github.com/unpod-ai/superdialog.
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
    """Whether a step waits for no answer (`auto_proceed`)."""
    return bool(_GOES_ON.search(instruction))


def says_nothing(instruction: str) -> bool:
    """Whether a step only decides where to go on (`node_type` "router").

    A word such as "silent" is enough in a step that waits for nobody: elsewhere it may be about the user.
    """
    return bool(_SAYS_NOTHING.search(instruction) or (goes_on(instruction) and _SILENT.search(instruction)))
