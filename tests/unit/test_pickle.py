"""Nothing that is read is ever unpickled: whoever may write to Redis must not get to run code."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.forks import ROOT
from tests.sources import PACKAGES, modules

UNSAFE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "yaml"}


def _imported(tree: ast.AST) -> set[str]:
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_of_ours_imports_what_unpickles(package: str) -> None:
    assert any((ROOT / package).rglob("*.py"))
    for file, tree in modules(*UNSAFE):
        assert not file.is_relative_to(ROOT / package) or not _imported(tree) & UNSAFE, file


def test_all_of_arq_that_reads_jobs_is_given_its_serialisers() -> None:
    """It pickles by default."""
    arguments = {"queue_name", "default_queue_name", "redis_pool"}
    calls = [node for _, tree in modules(*arguments) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [{keyword.arg for keyword in call.keywords} for call in calls]
    reading = [names for names in given if names & arguments]
    assert len(reading) == 2
    assert all({"job_serializer", "job_deserializer"} <= names for names in reading)


def test_ingress_does_not_even_load_arq() -> None:
    code = "import sys, ingress.__main__; sys.exit('arq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
