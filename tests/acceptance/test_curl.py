"""The commands of the documentation, as they stand there, typed one after the other in a newcomer's shell."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.acceptance.terminal import Terminal
from tests.forks import ROOT

INGRESS = re.compile(r"http://127\.0\.0\.1:8080|https://bot\.example\.com")
"""Where ingress is: on the reader's machine, and where they installed it."""
OWN = 8000
"""The port of the reader's own application, which `up` does not start."""


def commands(text: str) -> list[str]:
    """The lines of a page that a shell is given: those with curl, and those that set what these use.

    Left out is what the reader's own application is sent, and what platforms are.
    """
    code = [line.strip() for line in re.findall(r"^ {4}.*$", text, re.MULTILINE)]
    for block in re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        code += block.splitlines()
    ours = [line for line in code if not (line.startswith("curl ") and "https://api." in line)]
    return [line for line in ours if re.match(rf"(\w+=|curl (?!.*:{OWN}/))", line)]


PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if any(line.startswith("curl") for line in commands(page.read_text()))
]


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_every_curl_of_the_documentation_works_with_what_up_makes(terminal: Terminal) -> None:
    assert PAGES
    terminal.up()
    for page in PAGES:
        lines = commands(page.read_text())
        made, script = "", ""
        for line in lines:
            typed = INGRESS.sub(f"http://127.0.0.1:{terminal.port}", line).replace("th_…", made)
            if not typed.startswith("curl "):
                script += f"{typed}\n"
                continue
            asked = typed.replace("curl ", 'curl -sS --fail-with-body -m 30 -w "\\n%{http_code}" ', 1)
            done = subprocess.run(
                ["bash", "-c", script + asked],
                cwd=terminal.folder,
                env=terminal.settings,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{page.name}: {line}\n{done.stdout}{done.stderr}"
            answer, _, status = done.stdout.rpartition("\n")
            assert status in ("200", "201"), f"{page.name}: {line}: {status}"
            assert answer, line
            if '"stream": true' in line:
                assert "event: done" in answer or "data: [DONE]" in answer, answer
            if found := re.search(r'"id":"(th_\w+)"', answer):
                made = found[1]
