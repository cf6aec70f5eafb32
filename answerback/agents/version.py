"""The version of the agents' code, by which a turn finds workers that run what began it."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import msgspec

import answerback
from answerback.agents.agent import Agent

_INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")
_PACKAGES = frozenset({"site-packages", "dist-packages"})


def code_version(agents: Sequence[Agent], where: str | None) -> str:
    """Return a digest of the agents' code: 12 hex digits, the same for the same code on every machine.

    It covers the sources of all modules that are imported by now and are not installed packages, the whole package that
    `where` ("module:name") names even if it is installed, the agents' flows, and the version of Answerback. It does not
    cover prompts or documents that agents read from files, nor the versions of other packages.
    """
    digest = blake2b(version("answerback").encode(), digest_size=6)
    own = where.partition(":")[0].partition(".")[0] if where else ""
    for name, path in sorted(_modules(own)):
        try:
            source = path.read_bytes()
        except OSError:
            continue  # it was removed since it was imported
        digest.update(b"\0%s\0%d\0" % (name.encode(), len(source)))
        digest.update(source)
    for agent in sorted(agents, key=lambda agent: agent.name):
        digest.update(b"\0%s\0%s" % (agent.name.encode(), _flow(agent)))
    return digest.hexdigest()


def _modules(own: str) -> Iterator[tuple[str, Path]]:
    """Return the modules of the project, each with its source. `own`: a package that counts even if it is installed."""
    installed = [os.path.realpath(sysconfig.get_path(name)) for name in _INSTALLED]
    ours, package = os.path.split(os.path.dirname(os.path.realpath(answerback.__file__)))
    # In a checkout, ingress, worker and tools are beside the package.
    installed += [os.path.join(ours, name) for name in (package, "ingress", "worker", "tools")]
    inside = tuple(f"{each}{os.sep}" for each in installed)

    # Thousands of modules are in a few hundred folders, and each look at the disk takes time: one for each folder.
    @cache
    def resolved(folder: str) -> str:
        parent, name = os.path.split(folder)
        if not parent or name in ("", os.curdir, os.pardir):
            return os.path.realpath(folder)
        path = os.path.join(resolved(parent), name)
        return os.path.realpath(path) if os.path.islink(path) else path

    @cache
    def packaged(folder: str) -> bool:
        path = resolved(folder) + os.sep
        return path.startswith(inside) or not _PACKAGES.isdisjoint(path.split(os.sep))

    for name, module in list(sys.modules.items()):
        # Not getattr, which loads a module that waits for its first use.
        file = getattr(module, "__dict__", {}).get("__file__")
        if name == "__main__" or not isinstance(file, str) or not file.endswith(".py"):
            continue
        if name.partition(".")[0] == own or not packaged(os.path.dirname(file)):
            yield name, Path(file)


def _flow(agent: Agent) -> bytes:
    flow = agent.flow
    if flow is None:
        return b""
    if isinstance(flow, str | Path):
        return Path(flow).read_bytes()
    return msgspec.json.encode(flow.model_dump(mode="json"), order="deterministic")
