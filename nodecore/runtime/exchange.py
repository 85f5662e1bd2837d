"""One call to one peer: what came back, or exactly why nothing did.

Invariant: `Exchange.perform` never takes longer than its time-out and raises nothing; an answer counts only
when its framing says that it is whole. R14's loading rule rests on the difference between REFUSED, CLOSED
(not a byte was answered) and TIMEOUT. It stands on http.client alone: requests and urllib3 around it cost
each call 0.3 ms more, which is two thirds of it, and a boot is made of calls.
"""

import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException, IncompleteRead

from nodecore.core.messages import Failure
from nodecore.runtime.deadline import Attempt, DeadlineConnection
from nodecore.runtime.wire.http import HttpAnswer, HttpCall

_RESET_ERRORS = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class Exchange:
    """A connection of its own to one peer; used by one thread at a time.

    Args:
        link: `ip:port` where the peer is dialled.
        headers: what every call to it carries.
    """

    def __init__(self, link: str, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._connection = DeadlineConnection(link)
        self._current: Attempt | None = None
        self._aborted = False

    def perform(self, call: HttpCall, call_id: str, timeout_s: float) -> HttpAnswer | Failure:
        """Send `call` and return its answer, or why there is none.

        A kept connection that the peer had closed before it answered a byte is tried once more on a
        new one, within the same deadline.

        Args:
            call: the request.
            call_id: the X-Call-Id that both ends log.
            timeout_s: real seconds for connecting, sending and reading together.
        """
        deadline_s = time.monotonic() + timeout_s
        headers = self._headers_of(call, call_id)
        result, made = self._attempt(call, headers, deadline_s)
        if _was_stale(result, made) and not self._aborted:
            result, _ = self._attempt(call, headers, deadline_s)
        return result

    def abort(self) -> None:
        """End a call that another thread is waiting for in `perform`: it fails at once."""
        self._aborted = True
        if self._current is not None:
            self._current.abort()

    def close(self) -> None:
        """Close the kept connection."""
        self._connection.close()

    def _headers_of(self, call: HttpCall, call_id: str) -> dict[str, str]:
        own = {"X-Call-Id": call_id, "Content-Length": str(len(call.body or b""))}
        return {**self._headers, **dict(call.headers), **own}

    def _attempt(
        self, call: HttpCall, headers: dict[str, str], deadline_s: float
    ) -> tuple[HttpAnswer | Failure, Attempt]:
        made = Attempt(deadline_s)
        self._current = made
        if self._aborted:
            made.abort()
        try:
            return self._read(call, headers, made), made
        except (HTTPException, OSError, ValueError) as error:
            self._connection.close()
            return _classify(error, made), made

    def _read(self, call: HttpCall, headers: dict[str, str], made: Attempt) -> HttpAnswer | Failure:
        self._connection.begin(made)
        self._connection.ask(call.method, call.target, call.body, headers)
        with self._connection.getresponse() as response:
            body = response.read()
        answered = {name.lower(): value for name, value in response.headers.items()}
        if not _is_whole(answered, body):
            self._connection.close()
            return Failure.TIMEOUT if made.is_over() else Failure.GARBLED
        return HttpAnswer(status=response.status, headers=answered, body=body)


def _was_stale(result: HttpAnswer | Failure, made: Attempt) -> bool:
    return result in (Failure.CLOSED, Failure.RESET) and not made.connected and made.bytes_answered == 0


def _is_whole(headers: Mapping[str, str], body: bytes) -> bool:
    """Chunked bodies end with a mark that http.client insists on; others must be as long as they said."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return True
    return headers.get("content-length") == str(len(body))


def _classify(error: BaseException, made: Attempt) -> Failure:
    causes = list(_causes(error))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Failure.REFUSED
    if made.is_over() or any(isinstance(cause, TimeoutError) for cause in causes):
        return Failure.TIMEOUT
    if any(_is_reset(cause) for cause in causes):
        return Failure.RESET
    if made.connecting:
        return Failure.TIMEOUT
    if made.bytes_answered == 0 and not any(isinstance(cause, IncompleteRead) for cause in causes):
        return Failure.CLOSED
    return Failure.GARBLED


def _is_reset(cause: BaseException) -> bool:
    """http.client calls an end of file before the first byte a ConnectionResetError too; it has no errno."""
    return isinstance(cause, _RESET_ERRORS) and cause.errno is not None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk everything that was wrapped, in whichever way."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
