"""One call to one peer over requests: what came back, or exactly why nothing did.

Invariant: `Exchange.perform` never takes longer than its time-out and raises nothing; an answer counts only
when its framing says that it is whole. R14's loading rule rests on the difference between REFUSED, CLOSED
(not a byte was answered) and TIMEOUT.
"""

import time
from collections.abc import Iterator, Mapping

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, IncompleteRead, NewConnectionError

from nodecore.core.messages import Failure
from nodecore.runtime.deadline import Attempt, DeadlineAdapter, attempt
from nodecore.runtime.wire.http import HttpAnswer, HttpCall

_RESET_ERRORS = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class Exchange:
    """A session of its own with one peer; used by one thread at a time.

    Args:
        link: `ip:port` where the peer is dialled.
        headers: what every call to it carries.
    """

    def __init__(self, link: str, headers: Mapping[str, str]) -> None:
        self._base = f"http://{link}"
        self._headers = dict(headers)
        self._session = requests.Session()
        self._session.trust_env = False
        self._adapter = DeadlineAdapter()
        self._session.mount("http://", self._adapter)
        self._current: Attempt | None = None
        self._aborted = False

    def perform(self, call: HttpCall, call_id: str, timeout_s: float) -> HttpAnswer | Failure:
        """Send `call` and return its answer, or why there is none.

        A pooled connection that the peer had closed before it answered a byte is tried once more on a
        new one, within the same deadline.

        Args:
            call: the request.
            call_id: the X-Call-Id that both ends log.
            timeout_s: real seconds for connecting, sending and reading together.
        """
        deadline_s = time.monotonic() + timeout_s
        request = self._prepare(call, call_id)
        result, made = self._attempt(request, deadline_s)
        if _was_stale(result, made) and not self._aborted:
            result, _ = self._attempt(request, deadline_s)
        return result

    def abort(self) -> None:
        """End a call that another thread is waiting for in `perform`: it fails at once."""
        self._aborted = True
        if self._current is not None:
            self._current.abort()

    def close(self) -> None:
        """Close the pooled connection."""
        self._session.close()

    def _prepare(self, call: HttpCall, call_id: str) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = self._base + call.target
        headers = CaseInsensitiveDict(self._headers)
        headers.update(call.headers)
        headers["X-Call-Id"] = call_id
        headers["Content-Length"] = str(len(call.body or b""))
        request.headers = headers
        request.body = call.body
        return request

    def _attempt(
        self, request: requests.PreparedRequest, deadline_s: float
    ) -> tuple[HttpAnswer | Failure, Attempt]:
        with attempt(deadline_s) as made:
            self._current = made
            if self._aborted:
                made.abort()
            try:
                return self._read(request, made), made
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                return _classify(error, made), made

    def _read(self, request: requests.PreparedRequest, made: Attempt) -> HttpAnswer | Failure:
        response = self._adapter.send(request, stream=True, timeout=made.left_s(), proxies={})
        try:
            body = response.raw.read(decode_content=False)
        except BaseException:
            response.close()
            raise
        headers = {name.lower(): value for name, value in response.headers.items()}
        if not _is_whole(headers, body):
            response.close()
            return Failure.TIMEOUT if made.is_over() else Failure.GARBLED
        response.raw.release_conn()
        return HttpAnswer(status=response.status_code, headers=headers, body=body)


def _was_stale(result: HttpAnswer | Failure, made: Attempt) -> bool:
    return result in (Failure.CLOSED, Failure.RESET) and not made.connected and made.bytes_answered == 0


def _is_whole(headers: Mapping[str, str], body: bytes) -> bool:
    """Chunked bodies end with a mark that urllib3 insists on; others must be as long as they said."""
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
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return Failure.TIMEOUT
    if made.bytes_answered == 0 and not any(isinstance(cause, IncompleteRead) for cause in causes):
        return Failure.CLOSED
    return Failure.GARBLED


def _is_reset(cause: BaseException) -> bool:
    """http.client calls an end of file before the first byte a ConnectionResetError too; it has no errno."""
    return isinstance(cause, _RESET_ERRORS) and cause.errno is not None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk everything that requests and urllib3 wrapped, in whichever way they wrapped it."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
