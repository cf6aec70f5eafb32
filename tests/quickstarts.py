"""The quickstarts of the documentation, taken apart: the files and the commands of each section."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.forks import ROOT

PAGE = ROOT / "docs" / "quickstarts.md"


class Section(NamedTuple):
    """A section: its files by their names, and the lines that a shell is given, in order."""

    files: dict[str, str]
    commands: list[str]

    def write(self, folder: Path) -> None:
        """Put its files into a folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


def sections(page: Path = PAGE) -> dict[str, Section]:
    """Return the sections of the page, by their headings. What comes before the first is ""."""
    found = {}
    for part in re.split(r"^## ", "\n" + page.read_text(), flags=re.MULTILINE):
        title, _, text = part.partition("\n")
        files = re.findall(r"\bin(?:to)? `([\w/]+\.\w+)`(?:(?!```).)*?```\w+\n(.*?)```", text, re.DOTALL)
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        found[title] = Section(dict(files), [line.strip() for line in re.findall(r"^ {4}.*$", prose, re.MULTILINE)])
    return found
