"""A requests adapter whose time-out is one deadline for the whole call, however the peer trickles.

requests' own time-out starts anew with every byte. Here each read of the socket gets only what is left.

Invariant: no read, write or connect made inside `attempt(...)` outlives that attempt's deadline.
"""

import contextvars
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

_SMALLEST_TIMEOUT_S = 0.001
"""A time-out of 0 would mean non-blocking."""


@dataclass(slots=True)
class Attempt:
    """What one attempt of a call may take and what became of it."""

    deadline_s: float
    """CLOCK_MONOTONIC."""
    connected: bool = False
    """A new connection was made for it, or tried."""
    bytes_answered: int = 0
    reading: socket.socket | None = None
    """The socket that the answer is read from."""

    def left_s(self) -> float:
        """Return the seconds left, never 0 or less."""
        return max(self.deadline_s - time.monotonic(), _SMALLEST_TIMEOUT_S)

    def abort(self) -> None:
        """End it from another thread: whatever it reads now or next fails at once."""
        self.deadline_s = 0.0
        if self.reading is None:
            return  # who sets it looks at the deadline afterwards
        try:
            self.reading.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it had ended by itself

    def is_over(self) -> bool:
        """Tell whether the deadline has passed."""
        return time.monotonic() >= self.deadline_s


_current: contextvars.ContextVar[Attempt | None] = contextvars.ContextVar("attempt", default=None)


@contextmanager
def attempt(deadline_s: float) -> Iterator[Attempt]:
    """Bind every connection used by this thread meanwhile to one deadline."""
    made = Attempt(deadline_s)
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


class DeadlineAdapter(HTTPAdapter):
    """Keeps one connection alive to each of a few targets; follows nothing and retries nothing."""

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = {"http": _DeadlinePool}


class _DeadlineSocket(socket.socket):
    """Gives each read what is left of the current attempt; CPython's `sendall` already counts as one."""

    def recv_into(self, *args: object, **kwargs: object) -> int:
        current = _current.get()
        if current is None:
            return super().recv_into(*args, **kwargs)  # type: ignore[arg-type]
        current.reading = self
        if current.is_over():
            raise TimeoutError("the call's deadline has passed")
        self.settimeout(current.left_s())
        count = super().recv_into(*args, **kwargs)  # type: ignore[arg-type]
        current.bytes_answered += count
        return count


class _DeadlineConnection(HTTPConnection):
    def connect(self) -> None:
        current = _current.get()
        if current is not None:
            current.connected = True
        super().connect()
        plain = self.sock
        self.sock = _DeadlineSocket(plain.family, plain.type, plain.proto, plain.detach())


class _DeadlinePool(HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection
