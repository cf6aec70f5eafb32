"""Write llms.txt (https://llmstxt.org): the pages of the documentation, as the index sorts them.

`make docs` runs it.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parent
FILE = DOCS / "llms.txt"
HEAD = """# Answerback

> The durable layer under a chat agent: every signed webhook is stored once in Redis and answered once, in order,
> whatever crashes. Python; ingress, workers, a chat API, a dashboard and a command line.
"""


def text() -> str:
    """Return the content of llms.txt. Its links work in the repository and at a running ingress."""
    listed: set[str] = set()
    lines = [HEAD]
    for title, section in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", _read("README.md"), re.MULTILINE | re.DOTALL):
        names = [name for name in dict.fromkeys(re.findall(r"\((\w+\.md)[)#]", section)) if name not in listed]
        listed.update(names)
        if names:
            lines += [f"## {title}\n", *map(_entry, names), ""]
    return "\n".join(lines)


def _entry(name: str) -> str:
    title, paragraph = re.findall(r"^# (.*?)\n+(.*?)\n\n", _read(name), re.DOTALL)[0]
    if paragraph.startswith("#"):
        return f"- [{title}](/docs/{name})"
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))
    sentence = re.split(r"(?<=[\w`)][.:]) (?=[A-Z`])", plain)[0].rstrip(".:")
    return f"- [{title}](/docs/{name}): {sentence}"


def _read(name: str) -> str:
    return (DOCS / name).read_text()


if __name__ == "__main__":
    FILE.write_text(text())
