"""All errors that Answerback raises on purpose. The summary of a class is its default message.

AnswerbackError
├── ConfigurationError      invalid settings; names each one and what to do
│   └── FlowError           an invalid dialog flow; lists every problem and where it is
├── ForbiddenAddress        a request to an address that is not public was blocked
├── MalformedBody           an authentic request whose body does not match the platform's documentation
├── MalformedArchive        not a thread in the format of `answerback export`
├── NewerData               stored data was written by a newer version
├── SealBroken              a sealed credential cannot be opened
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
│   ├── SessionBusy         another caller held the session for as long as the caller would wait
│   └── SessionLost         the session is no longer held by this process
├── BadCursor               an invalid pagination cursor
├── LeaseLost               another worker owns the thread now; stop immediately
├── NoEffect                a step failed before it had any effect; it is safe to run again
├── AgentUnreachable        a remote agent did not respond; the turn is retried
│   └── ModelUnavailable    the same for a language model
├── TurnError
│   ├── TurnFailed          the turn can never succeed; dead-letter it without another attempt
│   │   ├── UnsupportedReply  the platform cannot do what a reply asks for
│   │   ├── ModelRefused    a language model rejected the request and would reject it again
│   │   └── InputMismatch   the structured input does not match the agent's `input` type
│   ├── CodeChanged         the journal of an earlier attempt does not match the current code
│   ├── OutcomeUnknown      a step began, left no result and must not be repeated: the agent or an operator decides
│   └── LimitExceeded       the turn exceeded its limit of steps, journal size or tokens
│       └── TimeExceeded    the turn exceeded its time limit
└── DeliveryError           a reply did not reach its platform
    ├── RateLimited         the platform asked for a pause
    ├── Rejected            the platform rejected the reply permanently
    │   ├── TooLong         too long for one message; it may be accepted in parts
    │   ├── MessageGone     the message to be changed does not exist any more
    │   └── StreamClosed    the platform takes no more pieces of a message
    └── Unavailable         no response, or a temporary error
        └── NotYet          rejected for now: a new resource may not be visible on the whole platform yet
"""

from answerback.errors.base import AnswerbackError
from answerback.errors.configuration import ConfigurationError, FlowError
from answerback.errors.data import BadCursor, ForbiddenAddress, MalformedArchive, MalformedBody, NewerData, SealBroken
from answerback.errors.delivery import (
    DeliveryError,
    MessageGone,
    NotYet,
    RateLimited,
    Rejected,
    StreamClosed,
    TooLong,
    Unavailable,
)
from answerback.errors.dispatching import DispatchError, InvalidInput, UnknownAgent
from answerback.errors.lines import in_a_line, storable
from answerback.errors.sessions import SessionBusy, SessionError, SessionLost, TooManySessions
from answerback.errors.store import LeaseLost, StoreFull, StoreUnavailable, StoreUnfit
from answerback.errors.threads import Busy, FilesFull, NoSuchFile, NoSuchThread, ThreadDiffers, ThreadEnded, ThreadError
from answerback.errors.turns import (
    AgentUnreachable,
    CodeChanged,
    InputMismatch,
    LimitExceeded,
    ModelRefused,
    ModelUnavailable,
    NoEffect,
    OutcomeUnknown,
    TimeExceeded,
    TurnError,
    TurnFailed,
    UnsupportedReply,
)

__all__ = [
    "AgentUnreachable",
    "AnswerbackError",
    "BadCursor",
    "Busy",
    "CodeChanged",
    "ConfigurationError",
    "DeliveryError",
    "DispatchError",
    "FilesFull",
    "FlowError",
    "ForbiddenAddress",
    "InputMismatch",
    "InvalidInput",
    "LeaseLost",
    "LimitExceeded",
    "MalformedArchive",
    "MalformedBody",
    "MessageGone",
    "ModelRefused",
    "ModelUnavailable",
    "NewerData",
    "NoEffect",
    "NoSuchFile",
    "NoSuchThread",
    "NotYet",
    "OutcomeUnknown",
    "RateLimited",
    "Rejected",
    "SealBroken",
    "SessionBusy",
    "SessionError",
    "SessionLost",
    "StoreFull",
    "StoreUnavailable",
    "StoreUnfit",
    "StreamClosed",
    "ThreadDiffers",
    "ThreadEnded",
    "ThreadError",
    "TimeExceeded",
    "TooLong",
    "TooManySessions",
    "TurnError",
    "TurnFailed",
    "Unavailable",
    "UnknownAgent",
    "UnsupportedReply",
    "in_a_line",
    "storable",
]
