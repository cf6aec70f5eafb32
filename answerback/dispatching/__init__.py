"""`dispatch`: submit an event from your own code. Importing it loads neither agents nor arq nor aiohttp."""

from answerback.dispatching.dispatcher import Dispatcher
from answerback.dispatching.module import dispatch, dispatch_sync
from answerback.dispatching.receipt import Answer, DispatchReceipt

__all__ = ["Answer", "DispatchReceipt", "Dispatcher", "dispatch", "dispatch_sync"]
