"""Nothing that is read is ever unpickled: whoever may write to Redis must not get to run code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("answerback", "ingress", "worker", "tools")
UNSAFE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "yaml"}


def _imported(tree: ast.AST) -> set[str]:
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("package", OURS)
def test_no_module_of_ours_imports_what_unpickles(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        tree = ast.parse(file.read_text())
        assert not _imported(tree) & UNSAFE, file


def test_all_of_arq_that_reads_jobs_is_given_its_serialisers() -> None:
    """It pickles by default."""
    calls = [
        node
        for package in OURS
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    ]
    given = [{keyword.arg for keyword in call.keywords} for call in calls]
    reading = [names for names in given if names & {"queue_name", "default_queue_name", "redis_pool"}]
    assert len(reading) == 2
    assert all({"job_serializer", "job_deserializer"} <= names for names in reading)


def test_ingress_does_not_even_load_arq() -> None:
    code = "import sys, ingress.__main__; sys.exit('arq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
