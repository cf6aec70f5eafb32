"""Dialog flows: a graph controls the conversation, a model only understands and phrases.

`definition` is the format, `loading` and `linting` read and check a flow, `engine` runs one turn of it, `llm` calls
the model, `actions` makes HTTP requests, `draw` makes the drawing. The format is superdialog's.
"""

from answerback.flows.definition import Flow
from answerback.flows.loading import load

__all__ = ["Flow", "load"]
