"""The scripts of the pages that need no browser, under Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import stream_event_docs

NODE = shutil.which("node")
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(NODE is None, reason="there is no node here")
@pytest.mark.parametrize("script", ["markdown.mjs", "talk.mjs"])
def test_the_scripts_of_the_pages_keep_their_promises(script: str, tmp_path: Path) -> None:
    assert NODE
    # Node takes a file of that name for a module where a package says so.
    pages = shutil.copytree(ROOT / "ingress" / "pages", tmp_path / "pages", ignore=shutil.ignore_patterns("*.py"))
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    # A quadratic parser of Markdown would take minutes for the texts of its last test.
    done = subprocess.run(
        [NODE, "--test", f"tests/pages/{script}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PAGES": str(pages)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr


def test_the_types_of_stream_events_are_current() -> None:
    assert stream_event_docs.TYPES.read_text() == stream_event_docs.types(), "run python -m tests.stream_event_docs"
