"""Dialog flows: a graph decides the way of a conversation, a model only understands and phrases.

`flow` is what people write, `load` and `check` read and judge it; `walk` goes through it, one turn at a
time; `guide` asks the model; `act` makes requests; `draw` says what is drawn
of it. The format is superdialog's.
"""

from answerback.flows.definition import Flow
from answerback.flows.loading import load

__all__ = ["Flow", "load"]
