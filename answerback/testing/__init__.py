"""Test agents without Redis: play a thread, kill it anywhere, replace the model, send what a platform sends.

It is also a pytest plugin, which is active when Answerback is installed: see `answerback.testing.plugin`. It loads
nothing until a test uses it.

Example:
    async def test_the_order_is_paid_once() -> None:
        async with play(shop) as thread:
            thread.kill_at("step:charge")
            with pytest.raises(Killed):
                await thread.say("one tea")
            assert await thread.resume() == "I do not know whether it was paid."
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from answerback.agents.memory import Killed
    from answerback.testing.attachments import attachment
    from answerback.testing.clock import MovableClock
    from answerback.testing.events import event, event_names
    from answerback.testing.models import answers, call
    from answerback.testing.playing import PlayedThread, play
    from answerback.testing.recording import NotRecorded, recorded

_MODULES = {
    "Killed": "answerback.agents.memory",
    "MovableClock": "answerback.testing.clock",
    "NotRecorded": "answerback.testing.recording",
    "PlayedThread": "answerback.testing.playing",
    "answers": "answerback.testing.models",
    "attachment": "answerback.testing.attachments",
    "call": "answerback.testing.models",
    "event": "answerback.testing.events",
    "event_names": "answerback.testing.events",
    "play": "answerback.testing.playing",
    "recorded": "answerback.testing.recording",
}

__all__ = [
    "Killed",
    "MovableClock",
    "NotRecorded",
    "PlayedThread",
    "answers",
    "attachment",
    "call",
    "event",
    "event_names",
    "play",
    "recorded",
]


def __getattr__(name: str) -> Any:
    # Loaded lazily: pytest imports this package in every project that has Answerback installed.
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
