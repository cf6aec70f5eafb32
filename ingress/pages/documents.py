"""`/llms.txt` and `/docs/….md`: the documentation of this version as Markdown, for programs that read it."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web

from .pages import StaticFile

DOCS = Path(__file__).parents[2] / "docs"
"""In the repository, and in the installed package `answerback`."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*"}


def documents() -> list[web.RouteDef]:
    """Return the routes of the documentation."""
    files = {"/llms.txt": StaticFile("llms.txt", (DOCS / "llms.txt").read_text(), HEADERS)}
    for page in sorted(DOCS.glob("*.md")):
        files[f"/docs/{page.name}"] = StaticFile(page.name, _served(page.read_text()), HEADERS)
    return [web.get(path, file.get) for path, file in files.items()]


def _served(text: str) -> str:
    """Return a page without the links to files that only the repository has: those outside of `docs/`, and pictures."""
    text = re.sub(r'<picture>.*?alt="([^"]*)".*?</picture>', r"(Picture: \1.)", text, flags=re.DOTALL)
    text = re.sub(r"!\[([^\]]*)\]\((?!https?:)[^)]*\)", r"(Picture: \1.)", text)
    return re.sub(r"\[([^\]]*)\]\(\.\./([^)]*)\)", r"\1 (`\2` in the repository)", text)
