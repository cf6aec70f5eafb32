"""Bundle the widget: concatenate its modules into one script, wrapped in a function."""

from __future__ import annotations

import json
import re
from importlib.resources.abc import Traversable

PARTS = (
    "texts.js", "storage.js", "../stream.js", "connection.js", "../conversation.js", "session.js",
    "../markdown/inline.js", "../markdown/blocks.js", "../markdown/render.js", "view.js", "mount.js", "widget.js",
)  # fmt: skip
STYLES = ("style.css", "../markdown/markdown.css")
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^ *//[^\n]*\n|^ */\*\*.*?\*/\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def bundle(folder: Traversable) -> str:
    """Return the script made of the modules in `folder`.

    Imports are dropped: each module precedes its users, and no two of them use the same name at the top level.
    """
    css = "".join(folder.joinpath(part).read_text() for part in STYLES)
    style = json.dumps(css).replace("</", "<\\/")
    parts = [_part(folder.joinpath(part).read_text()) for part in PARTS]
    return "\n".join(['(() => {\n"use strict";', f"const WIDGET_CSS = {style};", *parts, "})();\n"])


def _part(text: str) -> str:
    """Return a module without its imports, exports and comments."""
    return _EXPORT.sub("", _IMPORT.sub("", _COMMENT.sub("", text)))
