"""Waits for the core's reply to a request, outside its lock and not for ever."""

from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoReply
from typing import TypeVar

from nodecore.errors import NodeError

REPLY_MAX_REAL_S = 30.0
"""A forward takes at most 2 document seconds; nothing else waits at all. More than this is a defect."""

_Answer = TypeVar("_Answer")


class Unanswered(NodeError):
    """The core did not reply in time; whether it did what was asked is not known."""

    status = 503
    definite = False


def await_reply(future: "Future[_Answer]") -> _Answer:
    """Return the reply.

    Raises:
        Unanswered: none came within `REPLY_MAX_REAL_S`.
        NodeError: what the submission failed with.
    """
    try:
        return future.result(REPLY_MAX_REAL_S)
    except NoReply as error:
        raise Unanswered(f"no answer within {REPLY_MAX_REAL_S:.0f} s; it may or may not be done") from error
