"""Errors in what an operator or a developer declares."""

from collections.abc import Sequence

from answerback.errors.base import AnswerbackError


class ConfigurationError(AnswerbackError):
    """The configuration is invalid."""


class FlowError(ConfigurationError):
    """The dialog flow is invalid.

    Attributes:
        problems: One line per problem, with its location.
    """

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{name} is not a valid dialog flow:", *(f"  {one}" for one in self.problems)]))
