"""All errors that Answerback raises on purpose. The summary of a class is its default message.

AnswerbackError
├── ConfigurationError      invalid settings; names each one and what to do
│   └── FlowError           an invalid dialog flow; lists every problem and where it is
├── ForbiddenAddress        a request to an address that is not public was blocked
├── MalformedBody           an authentic request whose body does not match the platform's documentation
├── MalformedArchive        not a thread in the format of `answerback export`
├── NewerData               stored data was written by a newer version
├── StoreUnavailable        Redis did not respond; the write may or may not have happened
│   └── StoreUnfit          Redis responds but its configuration is not usable
├── StoreFull               Redis rejected a write because it is full
├── ThreadError             the operation is not possible in this thread; nothing was changed
│   ├── NoSuchThread        no thread with this id in this workspace
│   ├── ThreadEnded         the thread accepts no more messages
│   ├── ThreadDiffers       a thread with this id exists with other parameters
│   ├── NoSuchFile          no file with this id in this thread
│   ├── FilesFull           the files of the thread, or of its workspace, have used up their space
│   └── Busy                the agent is working and the message was not allowed to wait
├── DispatchError           `dispatch` was refused; nothing was stored
│   ├── UnknownAgent        no worker has reported an agent of this name
│   └── InvalidInput        the input is too large, is not plain data, or does not match the agent's schema
├── SessionError            a session of a `SessionWorker` cannot be used; nothing was saved
│   ├── TooManySessions     as many sessions as the worker allows are in use
│   ├── SessionBusy         somebody else held the session for as long as the caller would wait
│   └── SessionLost         the session is no longer held by this process
├── BadCursor               an invalid pagination cursor
├── LeaseLost               another worker owns the thread now; stop immediately
├── NoEffect                a step failed before it had any effect; it is safe to run again
├── AgentUnreachable        a remote agent did not respond; the turn is retried
│   └── ModelUnavailable    the same for a language model
├── TurnError
│   ├── TurnFailed          the turn can never succeed; dead-letter it without another attempt
│   │   ├── ModelRefused    a language model rejected the request and would reject it again
│   │   └── InputMismatch   the structured input does not match the agent's `input` type
│   ├── CodeChanged         the journal of an earlier attempt does not match the current code
│   ├── OutcomeUnknown      a step began, left no result and must not be repeated: the agent or an operator decides
│   └── LimitExceeded       the turn exceeded its limit of steps, journal size or tokens
│       └── TimeExceeded    the turn exceeded its time limit
└── DeliveryError           a reply did not reach its platform
    ├── RateLimited         the platform asked us to wait
    ├── Rejected            the platform rejected the reply permanently
    │   └── TooLong         too long for one message; it may be accepted in parts
    └── Unavailable         no response, or a temporary error
        └── NotYet          rejected for now: a new resource may not be visible on the whole platform yet
"""

from collections.abc import Sequence


class AnswerbackError(Exception):
    """Something went wrong in Answerback."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").partition("\n\n")[0].split()))


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


class ForbiddenAddress(AnswerbackError):
    """The address is not public."""


class MalformedBody(AnswerbackError):
    """The body does not match this platform's webhook format."""


class MalformedArchive(AnswerbackError):
    """The line is not an exported thread."""


class NewerData(AnswerbackError):
    """Stored data was written by a newer version of Answerback and cannot be read by this one."""


class StoreUnavailable(AnswerbackError):
    """Redis is unavailable."""


class StoreUnfit(StoreUnavailable):
    """Redis is not usable with its current configuration."""


class StoreFull(AnswerbackError):
    """Redis is full: raise its `maxmemory` or free disk space."""


class ThreadError(AnswerbackError):
    """The operation is not possible in this thread."""


class NoSuchThread(ThreadError):
    """The thread does not exist."""


class ThreadEnded(ThreadError):
    """The thread has ended and accepts no more messages."""


class ThreadDiffers(ThreadError):
    """A thread with this id already exists with different parameters."""


class NoSuchFile(ThreadError):
    """The file does not exist in this thread, or was deleted."""


class FilesFull(ThreadError):
    """The files of this thread have used up their space: delete some of them."""


class Busy(ThreadError):
    """The agent is busy in this thread, or other messages are waiting: the message was not accepted."""


class DispatchError(AnswerbackError):
    """The event was refused; nothing was stored."""


class UnknownAgent(DispatchError):
    """No worker has reported an agent of this name."""


class InvalidInput(DispatchError):
    """The input is invalid."""


class SessionError(AnswerbackError):
    """The session cannot be used; nothing was saved."""


class TooManySessions(SessionError):
    """As many sessions as the worker allows are in use."""


class SessionBusy(SessionError):
    """Somebody else held the session for as long as the caller would wait."""


class SessionLost(SessionError):
    """The session is no longer held by this process: its lease was lost, or it was released."""


class BadCursor(AnswerbackError):
    """The cursor is invalid: leave it out to start from the beginning."""


class LeaseLost(AnswerbackError):
    """Another worker has taken this thread over."""


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


class DeliveryError(AnswerbackError):
    """The reply did not reach its platform."""


class RateLimited(DeliveryError):
    """The platform asked us to wait.

    Attributes:
        seconds: How long to wait.
        scope: What has to wait: "" is everything sent with this credential; otherwise one of the platform's own rate
            limit buckets, such as a Slack channel.
    """

    def __init__(self, seconds: float, scope: str = "", message: str = "") -> None:
        self.seconds = seconds
        self.scope = scope
        super().__init__(message or f"rate limited for {seconds:g} s")


class Rejected(DeliveryError):
    """The platform rejected the reply and would reject it again."""


class TooLong(Rejected):
    """The reply is longer than the platform accepts."""


class Unavailable(DeliveryError):
    """The platform did not respond, or responded with a server error.

    Attributes:
        unknown: Whether the request may have taken effect anyway.
        after: The least number of seconds to wait before the next request; 0 if the platform gave none.
    """

    def __init__(self, message: str = "", *, unknown: bool = True, after: float = 0.0) -> None:
        self.unknown = unknown
        self.after = after
        super().__init__(message)


class NotYet(Unavailable):
    """The platform rejected the request for now and may accept it in a moment; it had no effect."""

    def __init__(self, message: str = "", *, after: float = 0.0) -> None:
        super().__init__(message, unknown=False, after=after)


def in_a_line(error: BaseException) -> str:
    """Return an exception as one storable line, even if its `__str__` fails."""
    name = type(error).__name__
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 (an agent may raise anything)
        message = "(the message cannot be shown)"
    return storable(f"{name}: {message}" if message else name)


def storable(text: str) -> str:
    """Return the text with lone surrogates escaped, so that it can be encoded as UTF-8."""
    return text.encode(errors="backslashreplace").decode()
