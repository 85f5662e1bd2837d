"""What kind of error a call ended with, in a word that a table can count.

The exception that tells is often not the one that was raised: requests wraps urllib3, which wraps the
socket's own, and `harness.http_client` wraps them all. Invariant: the innermost that is known decides.
"""

from collections.abc import Iterator

import requests

from harness.http_client import ApiError

TIMED_OUT, REFUSED, RESET, CLOSED, WRONG = "timed out", "refused", "reset", "closed", "wrong answer"

_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ConnectionRefusedError,), REFUSED),
    ((ConnectionResetError, BrokenPipeError), RESET),
    ((TimeoutError, requests.Timeout), TIMED_OUT),
    ((ConnectionError, requests.ConnectionError, requests.exceptions.ChunkedEncodingError), CLOSED),
    ((AssertionError,), WRONG),
)
"""From the most telling to the least; RemoteDisconnected is a ConnectionResetError and has no errno."""


def kind_of(error: BaseException) -> str:
    """Return the status of an answer, such as `503`; else one of the words above, or the exception's name.

    Args:
        error: what the operation raised; an AssertionError says that the answer was wrong.

    """
    chain = list(_chain(error))
    for known in chain:
        if isinstance(known, ApiError):
            return str(known.status)
        if isinstance(known, requests.HTTPError) and known.response is not None:
            return str(known.response.status_code)
    if any(type(known).__name__ == "RemoteDisconnected" for known in chain):
        return CLOSED
    kinds = (kind for types, kind in _BY_TYPE if any(isinstance(known, types) for known in chain))
    return next(kinds, type(error).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and everything it wraps, each once."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        known = waiting.pop(0)
        if not isinstance(known, BaseException) or id(known) in seen:
            continue
        seen.add(id(known))
        yield known
        waiting += [known.__cause__, known.__context__, getattr(known, "reason", None), *known.args]
