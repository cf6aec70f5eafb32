"""The widget as one file: its parts one after the other, in a function of their own."""

from __future__ import annotations

import json
import re
from importlib.resources.abc import Traversable

PARTS = ("texts.js", "memory.js", "../stream.js", "line.js", "../talk.js", "session.js", "view.js", "widget.js")
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def bundle(folder: Traversable) -> str:
    """The script that `folder` holds in parts. What they import of each other stands there already."""
    style = json.dumps(folder.joinpath("style.css").read_text()).replace("</", "<\\/")
    parts = [_EXPORT.sub("", _IMPORT.sub("", folder.joinpath(part).read_text())) for part in PARTS]
    return "\n".join(['(() => {\n"use strict";', f"const CSS = {style};", *parts, "})();\n"])
