"""Every error that Answerback raises on purpose. A docstring is the default message.

AnswerbackError
├── ConfigurationError      settings that cannot work; says which, and what to do
│   └── FlowError           a dialog flow that cannot work; says all that is wrong with it, and where
├── ForbiddenAddress        a request would have gone to an address that is not public
├── MalformedBody           authentic, but not what the platform's documentation promises
├── MalformedArchive        not a thread as `answerback export` writes it
├── StoreUnavailable        Redis did not answer; nothing is known to be stored
│   └── StoreUnfit          Redis answers, and cannot be used as it is set up
├── StoreFull               Redis answered that it cannot store more
├── ThreadError             a chat cannot do what it was asked; nothing was changed
│   ├── NoSuchThread        there is none of this id in this workspace
│   ├── ThreadEnded         it takes no more messages
│   ├── ThreadDiffers       one of this id is there, and was opened with something else
│   └── Busy                the agent works, and the message was not to wait
├── BadCursor               a cursor that we did not give
├── LeaseLost               another worker owns the thread now; stop at once
├── NoEffect                a step failed, and says that nothing happened: it is run again
├── AgentUnreachable        a remote agent gave no answer; its turn is tried again
│   └── ModelUnavailable    nor did a language model
├── TurnError
│   ├── TurnFailed          this turn can never succeed; bury it without another try
│   │   └── ModelRefused    a language model refused the request, and would refuse it again
│   ├── CodeChanged         the journal of an earlier attempt does not fit this code
│   ├── OutcomeUnknown      a step began, left no result, and may not be run again: the agent or an operator decides
│   └── LimitExceeded       a turn's limit of steps, journal or tokens
│       └── TimeExceeded    its limit of time
└── DeliveryError           a reply did not reach its platform
    ├── RateLimited         the platform asked us to wait
    ├── Rejected            the platform refused for good
    │   └── TooLong         as one message; it may take it in parts
    └── Unavailable         no answer, or one that says "later"
        └── NotYet          refused for now: what is new there may not be known everywhere
"""

from collections.abc import Sequence


class AnswerbackError(Exception):
    """Something went wrong in Answerback."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))


class ConfigurationError(AnswerbackError):
    """The configuration cannot work."""


class FlowError(ConfigurationError):
    """The dialog flow cannot work.

    `problems`: a line for each, with where it is.
    """

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{name} is not a flow that can work:", *(f"  {one}" for one in self.problems)]))


class ForbiddenAddress(AnswerbackError):
    """The address is not public."""


class MalformedBody(AnswerbackError):
    """The body is not what this platform sends."""


class MalformedArchive(AnswerbackError):
    """The line is not an exported thread."""


class NewerData(AnswerbackError):
    """Something in the store was written by newer code, and this one cannot read it."""


class StoreUnavailable(AnswerbackError):
    """Redis does not answer."""


class StoreUnfit(StoreUnavailable):
    """Redis cannot be used as it is set up."""


class StoreFull(AnswerbackError):
    """Redis has no room for more: raise its `maxmemory` or free some disk."""


class ThreadError(AnswerbackError):
    """The thread cannot do that."""


class NoSuchThread(ThreadError):
    """There is no such thread."""


class ThreadEnded(ThreadError):
    """The thread has ended: it takes no more messages."""


class ThreadDiffers(ThreadError):
    """A thread of this id exists already, opened with other parameters."""


class Busy(ThreadError):
    """The agent is working in this thread, or others wait there: the message was not taken."""


class BadCursor(AnswerbackError):
    """The cursor is not one that was given out here: leave it out to begin anew."""


class LeaseLost(AnswerbackError):
    """Another worker has taken this thread over."""


class NoEffect(AnswerbackError):
    """The step failed before it took any effect.

    For the functions of steps and tools to raise: it may be a base class of your own exceptions. A step that raises
    anything else may have taken effect, and is not run again unless it is declared idempotent.

    retry_after  seconds until the next attempt of the turn makes sense; None: as the worker's back-off has it
    """

    retry_after: float | None = None
    step = ""
    """The step that said so. For a step around that one it is an exception like any other."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = retry_after


class AgentUnreachable(AnswerbackError):
    """The remote agent gave no answer.

    retry_after  seconds until it wants to be asked again; None where it does not say
    """

    code = "unreachable"

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class ModelUnavailable(AgentUnreachable):
    """The language model gave no answer."""


class TurnError(AnswerbackError):
    """The turn failed."""

    code = "agent_failed"


class TurnFailed(TurnError):
    """The turn can never succeed."""


class ModelRefused(TurnFailed):
    """The language model refused the request, and would refuse it again."""


class CodeChanged(TurnError):
    """The code changed since this turn's last attempt: its recorded steps no longer fit."""


class OutcomeUnknown(TurnError):
    """The step had begun in an earlier attempt and left no result: nobody knows whether it took effect.

    step   its key in the journal, "charge#1"
    error  what it raised, in a line; "" when its worker died
    """

    def __init__(self, message: str = "", *, step: str = "", error: str = "") -> None:
        self.step = step
        self.error = error
        super().__init__(message)


class LimitExceeded(TurnError):
    """The turn went over one of its limits."""

    code = "limit"


class TimeExceeded(LimitExceeded):
    """The turn took too long."""

    code = "timeout"


class DeliveryError(AnswerbackError):
    """The reply did not reach its platform."""


class RateLimited(DeliveryError):
    """The platform asked us to wait.

    `seconds`: for how long. `scope`: what waits: "" is everything sent with this credential,
    anything else names the platform's own bucket (a Slack channel, say).
    """

    def __init__(self, seconds: float, scope: str = "", message: str = "") -> None:
        self.seconds = seconds
        self.scope = scope
        super().__init__(message or f"rate limited for {seconds:g} s")


class Rejected(DeliveryError):
    """The platform refused the reply, and would refuse it again."""


class TooLong(Rejected):
    """The reply is longer than the platform takes."""


class Unavailable(DeliveryError):
    """The platform did not answer, or answered with an error of its own.

    `unknown` is true when the request may have taken effect all the same. `after`: seconds that it
    should be left alone at least; 0 when it did not say.
    """

    def __init__(self, message: str = "", *, unknown: bool = True, after: float = 0.0) -> None:
        self.unknown = unknown
        self.after = after
        super().__init__(message)


class NotYet(Unavailable):
    """The platform refused what it may take in a moment; nothing was done."""

    def __init__(self, message: str = "", *, after: float = 0.0) -> None:
        super().__init__(message, unknown=False, after=after)


def in_a_line(error: BaseException) -> str:
    """An exception in a line that can be stored, even one that cannot be shown."""
    name = type(error).__name__
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 (an agent may raise anything)
        said = "it cannot be shown"
    return storable(f"{name}: {said}" if said else name)


def storable(text: str) -> str:
    """A text as it can be stored, whatever an exception's message may hold."""
    return text.encode(errors="backslashreplace").decode()
