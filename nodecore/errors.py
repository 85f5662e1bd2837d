"""What a node answers when it cannot do what was asked.

The tree, with HTTP status and whether the outcome is definite (nothing was done)::

    NodeError
      BadRequest        400  definite    the client's request makes no sense; the sentence says why
      Malformed         400  definite    bytes that are not the message they claim to be
      RedirectLoop      400  definite    a forwarded request reached a node that does not own it
      Forbidden         403  definite    peer identity missing or wrong
      NotFound          404  definite
      NotImplementedYet 501  definite    a persistent key on a node without CP
      NotLoaded         503  definite    the node has not loaded its snapshot yet
      Overloaded        503  definite    too many requests already wait for a forward, or for CP
      NoLeader          503  definite    CP: no leader took it within its time-out; nothing was written
      ForwardFailed     503  indefinite  the responsible node may or may not have executed it
      OutcomeUnknown    503  indefinite  CP: a leader may have taken it, no majority confirmed it in time
"""

from typing import ClassVar


class NodeError(Exception):
    """Base of everything a node says no with; `status` is its HTTP status."""

    status: ClassVar[int] = 500
    definite: ClassVar[bool] = True


class BadRequest(NodeError):
    """The client's mistake; the message says what was wrong, where, and what would be right."""

    status = 400


class Malformed(BadRequest):
    """Bytes that are not the message they claim to be."""


class RedirectLoop(BadRequest):
    """A forwarded request reached a node that, by its own ring, does not own the service."""


class Forbidden(NodeError):
    """A peer call without the cluster's identity header."""

    status = 403


class NotFound(NodeError):
    """The service or instance that was named does not exist here."""

    status = 404


class NotImplementedYet(NodeError):
    """A persistent key on a node that was started without CP."""

    status = 501


class NotLoaded(NodeError):
    """The node has not loaded its data yet and cannot answer clients (R14)."""

    status = 503


class Overloaded(NodeError):
    """More requests wait for a forward, or for CP, than the node allows."""

    status = 503


class NoLeader(NodeError):
    """No leader took the request, so nothing can have been written."""

    status = 503


class OutcomeUnknown(NodeError):
    """The request was handed to a leader and not confirmed: it may be on the log, or yet come onto it."""

    status = 503
    definite = False


class ForwardFailed(NodeError):
    """The responsible node did not answer; it may or may not have executed the request."""

    status = 503
    definite = False
