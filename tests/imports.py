"""What our processes import, done once for all that are forked from this one (see `forks.py`)."""

import gc
from importlib import import_module
from pathlib import Path

from pydantic_ai.messages import ModelMessagesTypeAdapter

from answerback.settings import Settings
from answerback.store import permissions
from answerback.store.redis import Database
from answerback.store.scripts import Scripts
from answerback.store.threads.threads import Threads
from ingress.app import application
from ingress.webhooks import Webhooks

ROOT = Path(__file__).parents[1]
OURS = ("answerback", "ingress", "worker", "tools")
ON_DEMAND = ("answerback.tracing.", "answerback.testing.plugin")
"""What imports what a process has only if it is asked to."""
OTHERS = (
    "uvloop",
    "openai.resources.chat.completions",
    "pydantic_ai.models.openai",
    "pydantic_ai.providers.openai",
    "openai.lib._chat_completion_resources",
    "genai_prices.data",
    "anyio._backends._asyncio",
    "answerback.tracing.context",
    "encodings.idna",
)


def ours() -> list[str]:
    """Return our modules, without those that are programs."""
    files = [file.relative_to(ROOT).with_suffix("") for package in OURS for file in (ROOT / package).rglob("*.py")]
    names = [".".join(file.parts).removesuffix(".__init__") for file in files if "template" not in file.parts]
    return sorted(name for name in names if not name.endswith("__main__") and not name.startswith(ON_DEMAND))


for name in (*ours(), *OTHERS):
    import_module(name)

# What a process makes at its start is made, too, where it is kept by Python or by us: scripts that are read, models of
# settings, regular expressions of routes.
database = Database("redis://nowhere")
for script in vars(Scripts(database)).values():
    assert script.sha
permissions.required()
ModelMessagesTypeAdapter.rebuild()
settings = Settings.load({})
application(settings, Threads(database), Webhooks(settings, Threads(database)))

# The collector would write to every object, and so copy the memory that forks share.
gc.collect()
gc.freeze()
