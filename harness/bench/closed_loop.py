"""A closed loop of HTTP requests over keep-alive connections, from one thread, as cheap as Python allows.

Each connection sends its next request when the answer to the last one is whole. On a machine of two cores the
asker takes a core of its own; what it costs is the same for everything that is compared through it.

Invariant: every request is answered, and with 200; what is not raises `BadAnswer`.
"""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlencode

from harness.links.link import socket_address

SILENCE_REAL_S = 30.0
_CHUNK_BYTES = 256 * 1024
_LENGTH = b"\r\ncontent-length:"


class BadAnswer(Exception):
    """An answer that is not a 200, or none: there is nothing to be timed."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How long all requests took together, and each of them, in real seconds."""

    took_real_s: float
    latencies_real_s: list[float]


def http_request(
    method: str, path: str, parameters: dict[str, object], body: bytes = b"", headers: str = ""
) -> bytes:
    """Return the bytes of a request; `headers` are further lines, each with its CRLF."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    head = f"{method} {path}{query} HTTP/1.1\r\nHost: node\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def ask_all(address: str, requests: Iterable[bytes], connections: int) -> Answered:
    """Send every request, over so many connections at once, and wait for all answers.

    Args:
        address: `ip:port` of the server.
        requests: taken one by one, by whichever connection is free.
        connections: at least 1.

    Raises:
        BadAnswer: a status other than 200, a connection that ended, or silence for 30 s.

    """
    waiting = iter(requests)
    latencies: list[float] = []
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        lanes = [_Lane(stack.enter_context(_dial(address)), waiting, latencies) for _ in range(connections)]
        begun = time.monotonic()
        busy = sum(_begin(lane, selector) for lane in lanes)
        while busy:
            ready = selector.select(SILENCE_REAL_S)
            if not ready:
                raise BadAnswer(f"{address} did not answer for {SILENCE_REAL_S:.0f} s")
            for key, _ in ready:
                lane: _Lane = key.data
                if lane.take() and not lane.send_next():
                    selector.unregister(lane.connection)
                    busy -= 1
        return Answered(time.monotonic() - begun, latencies)


@dataclass(slots=True)
class _Lane:
    """One connection: a request under way, and what has come of its answer."""

    connection: socket.socket
    waiting: Iterator[bytes]
    latencies: list[float]
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0

    def send_next(self) -> bool:
        """Send the next request; return whether there was one."""
        request = next(self.waiting, None)
        if request is None:
            return False
        self.received.clear()
        self.sent_at = time.monotonic()
        self.connection.sendall(request)
        return True

    def take(self) -> bool:
        """Take in what has come; return whether the answer is whole."""
        chunk = self.connection.recv(_CHUNK_BYTES)
        if not chunk:
            raise BadAnswer(f"the connection ended after {bytes(self.received[:200])!r}")
        self.received += chunk
        if not _is_whole(self.received):
            return False
        self.latencies.append(time.monotonic() - self.sent_at)
        return True


def _begin(lane: _Lane, selector: selectors.BaseSelector) -> bool:
    if not lane.send_next():
        return False
    selector.register(lane.connection, selectors.EVENT_READ, lane)
    return True


def _is_whole(received: bytearray) -> bool:
    head_bytes = received.find(b"\r\n\r\n")
    if head_bytes < 0:
        return False
    if not received.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")):
        raise BadAnswer(bytes(received[:500]).decode(errors="replace"))
    head = bytes(received[:head_bytes]).lower() + b"\r\n"
    start = head.index(_LENGTH) + len(_LENGTH)
    length = int(head[start : head.index(b"\r\n", start)])
    return len(received) >= head_bytes + 4 + length


def _dial(address: str) -> socket.socket:
    connection = socket.create_connection(socket_address(address), SILENCE_REAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
