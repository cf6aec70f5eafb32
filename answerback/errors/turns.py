"""Errors of a turn and its steps."""

from answerback.errors.base import AnswerbackError


class NoEffect(AnswerbackError):
    """The step failed before it had any effect.

    Raise it from the functions of steps and tools, or use it as a base class of your own exceptions. A step that
    raises anything else may have had an effect and is not run again unless it is declared idempotent.

    Args:
        message: What went wrong.
        retry_after: Seconds until the next attempt of the turn; None: the worker's backoff decides.

    Example:
        class Declined(NoEffect):
            pass  # the bank refused the card: nothing was charged
    """

    retry_after: float | None = None
    step = ""
    """The step that raised it. For an enclosing step it is an ordinary exception."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = retry_after


class AgentUnreachable(AnswerbackError):
    """The remote agent did not respond.

    Attributes:
        retry_after: Seconds to wait before the next request, from its response; None if it gave none.
    """

    code = "unreachable"

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class ModelUnavailable(AgentUnreachable):
    """The language model did not respond."""


class TurnError(AnswerbackError):
    """The turn failed."""

    code = "agent_failed"


class TurnFailed(TurnError):
    """The turn can never succeed."""


class UnsupportedReply(TurnFailed):
    """The platform cannot do what the reply asks for, or would refuse it.

    Nothing was posted. An agent may catch it, and reply in another way.

    Example:
        try:
            await turn.react("eyes")
        except UnsupportedReply:
            await turn.reply("I am on it.")
    """


class ModelRefused(TurnFailed):
    """The language model rejected the request and would reject it again."""


class InputMismatch(TurnFailed):
    """The structured input does not match what the agent expects."""

    code = "invalid_input"


class CodeChanged(TurnError):
    """The code has changed since this turn's last attempt: the recorded steps no longer match."""


class OutcomeUnknown(TurnError):
    """The step began in an earlier attempt and left no result: it may or may not have had an effect.

    Attributes:
        step: Its key in the journal, such as "charge#1".
        error: The exception it raised, in one line; "" if its worker died.

    Example:
        try:
            receipt = await turn.step("charge", charge, order)
        except OutcomeUnknown:
            receipt = await turn.step("find", find_charge, order, idempotent=True)
    """

    def __init__(self, message: str = "", *, step: str = "", error: str = "") -> None:
        self.step = step
        self.error = error
        super().__init__(message)


class LimitExceeded(TurnError):
    """The turn exceeded one of its limits."""

    code = "limit"


class TimeExceeded(LimitExceeded):
    """The turn exceeded its time limit."""

    code = "timeout"
