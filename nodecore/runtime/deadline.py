"""One kept HTTP connection whose time-out is one deadline for the whole call, however the peer trickles.

A socket's own time-out starts anew with every byte. Here each read of the socket gets only what is left.

Invariant: no read, write or connect made for an `Attempt` outlives that attempt's deadline.
"""

import http.client
import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SMALLEST_TIMEOUT_S = 0.001
"""A time-out of 0 would mean non-blocking."""


@dataclass(slots=True)
class Attempt:
    """What one attempt of a call may take and what became of it."""

    deadline_s: float
    """CLOCK_MONOTONIC."""
    connected: bool = False
    """A new connection was made for it, or tried."""
    connecting: bool = False
    """It has no connection yet: it waits for one, or could not get one."""
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


class DeadlineConnection(http.client.HTTPConnection):
    """One connection, kept alive between calls; follows nothing, retries nothing, reads no environment.

    Args:
        link: `ip:port`.
    """

    def __init__(self, link: str) -> None:
        super().__init__(link)
        self._attempt = Attempt(0.0)
        self._held: list[bytes] | None = None
        """What is not sent yet, while a request is put together."""

    def ask(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        """Send a request whole: http.client sends head and body apart, and who reads them wakes up twice."""
        held: list[bytes] = []
        self._held = held
        try:
            self.request(method, target, body, headers)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        """Send at once, or with the rest of the request."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    def begin(self, made: Attempt) -> None:
        """Bind what is sent and read from now on to this attempt; let go of a connection that has ended."""
        self._attempt = made
        if self.sock is None:
            return
        if _has_something_to_read(self.sock):  # nothing was asked: it is the end, or no answer to us
            self.close()
        else:
            self._bind_socket()

    def connect(self) -> None:
        """Connect within the current attempt's deadline."""
        made = self._attempt
        made.connected = made.connecting = True
        self.timeout = made.left_s()
        super().connect()
        made.connecting = False
        plain = self.sock
        self.sock = _DeadlineSocket(plain.family, plain.type, plain.proto, plain.detach())
        self._bind_socket()

    def _bind_socket(self) -> None:
        if isinstance(self.sock, _DeadlineSocket):
            self.sock.attempt = self._attempt
            self.sock.settimeout(self._attempt.left_s())


class _DeadlineSocket(socket.socket):
    """Gives each read what is left of the current attempt; CPython's `sendall` already counts as one."""

    attempt: Attempt

    def recv_into(self, *args: object, **kwargs: object) -> int:
        current = self.attempt
        current.reading = self
        if current.is_over():
            raise TimeoutError("the call's deadline has passed")
        self.settimeout(current.left_s())
        count = super().recv_into(*args, **kwargs)  # type: ignore[arg-type]
        current.bytes_answered += count
        return count


def _has_something_to_read(connection: socket.socket) -> bool:
    """By poll itself: urllib3's function for it would cost every node's start a tenth of its imports."""
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return bool(poller.poll(0))
