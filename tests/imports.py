"""What our processes import, done once for all that are forked from this one (see `forks.py`)."""

import gc
from importlib import import_module
from pathlib import Path
from typing import cast

from answerback.store.redis import Database
from answerback.store.scripts import Scripts

ROOT = Path(__file__).parents[1]
OURS = ("answerback", "ingress", "worker", "tools")
ON_DEMAND = ("answerback.tracing.", "answerback.testing.plugin")
"""What imports what a process has only if it is asked to."""
OTHERS = (
    "uvloop",
    "openai.resources.chat.completions",
    "pydantic_ai.models.openai",
    "pydantic_ai.providers.openai",
    "encodings.idna",
)


def ours() -> list[str]:
    """Return our modules, without those that are programs."""
    files = [file.relative_to(ROOT).with_suffix("") for package in OURS for file in (ROOT / package).rglob("*.py")]
    names = [".".join(file.parts).removesuffix(".__init__") for file in files if "template" not in file.parts]
    return sorted(name for name in names if not name.endswith("__main__") and not name.startswith(ON_DEMAND))


for name in (*ours(), *OTHERS):
    import_module(name)

# Their scripts are read, too.
for script in vars(Scripts(cast(Database, None))).values():
    assert script.sha

# The collector would write to every object, and so copy the memory that forks share.
gc.freeze()
