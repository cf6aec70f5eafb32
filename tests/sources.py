"""The source files of the product, read and parsed once for all tests that look at them."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.forks import ROOT

PACKAGES = ("answerback", "ingress", "worker", "tools")


def modules(*words: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield each module of the product with its path: with `words`, only those whose text contains one of them."""
    for file, text in texts().items():
        if not words or any(word in text for word in words):
            yield file, _parsed(file)


@cache
def texts() -> dict[Path, str]:
    """Return the text of each module of the product, by its path."""
    return {file: file.read_text() for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))}


@cache
def _parsed(file: Path) -> ast.Module:
    # What is parsed stays: the garbage collector would look through all of it again and again.
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(texts()[file])
    finally:
        if collects:
            gc.enable()
