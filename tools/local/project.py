"""Write the files of a new project from `tools/template/`."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from ..exits import Failure

TEMPLATE = Path(__file__).parents[1] / "template"
NAME = "mybot"
"""The project's name in the template."""
FILES = {
    "{module}.py": "mybot.py",
    "tests/test_{module}.py": "test_mybot.py",
    ".env": "env",
    ".env.example": "env",
    ".gitignore": "gitignore",
    ".dockerignore": "dockerignore",
    "Dockerfile": "Dockerfile",
    "Procfile": "Procfile",
    "README.md": "README.md",
    "compose.yaml": "compose.yaml",
    "pyproject.toml": "pyproject.toml",
    "requirements.txt": "requirements.txt",
    "requirements-dev.txt": "requirements-dev.txt",
}
"""Each file of a project, and its template."""


def create(folder: Path) -> list[str]:
    """Write a project into a folder that is new or empty. Return the names of its files.

    Raises `Failure` if the name cannot be that of a module, the folder has files, or it cannot be written.
    """
    names = []
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Failure(f"{folder} exists and is not an empty folder: choose another name, or remove it.")
        module = _module(folder.absolute().name)
        for pattern, template in FILES.items():
            path = folder / pattern.format(module=module)
            path.parent.mkdir(parents=True, exist_ok=True)
            # "x": whatever happens to appear in the folder meanwhile is not overwritten.
            with path.open("x", encoding="utf-8") as file:
                file.write((TEMPLATE / f"{template}.template").read_text("utf-8").replace(NAME, module))
            if path.name == ".env":
                path.chmod(0o600)
            names.append(str(path.relative_to(folder)))
    except OSError as error:
        raise Failure(f"{error.filename or folder} cannot be written: {error.strerror}.") from None
    return sorted(names)


def _module(name: str) -> str:
    """Return the name of the module for a project. Raises `Failure` for one that cannot be imported."""
    module = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", module) or keyword.iskeyword(module):
        raise Failure(
            f'"{name}" cannot be the name of a Python module: use lower-case letters, digits and "-", and begin with a '
            "letter."
        )
    spec = find_spec(module)
    # A folder without code, such as the project's own in the current folder, has no origin.
    if module in (*sys.stdlib_module_names, "tests", "conftest") or (spec and spec.origin):
        raise Failure(f'a module "{module}" is installed already, and would be hidden by yours: choose another name.')
    return module
