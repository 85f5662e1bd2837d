"""A client of stand-in nodes on a connection of its own: independent of the harness's probes."""

import select
import socket
import time
from typing import Self

SILENCE_REAL_S = 0.15
ANSWER_REAL_S = 10.0


class Caller:
    """One connection to "127.0.0.1:PORT", made at once.

    Raises:
        ConnectionRefusedError: nobody listens there.

    """

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), ANSWER_REAL_S)
        self.received = b""
        self.took_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def ask(self, call_id: str) -> None:
        """Leave an id with the node; its answer is waited for by `outcome`."""
        self._say(f"POST /?id={call_id}")

    def ask_for(self, count: int) -> None:
        """Ask for an answer of about 10 bytes for each of `count`."""
        self._say("GET /?id=" + ",".join(f"{number:04}" for number in range(count)))

    def send(self, data: bytes) -> None:
        """Send bytes that are no request, as many as somebody takes."""
        self._socket.setblocking(False)
        sent = 0
        while sent < len(data) and select.select([], [self._socket], [], SILENCE_REAL_S)[1]:
            sent += self._socket.send(data[sent:])

    def outcome(self, *, within_real_s: float = ANSWER_REAL_S) -> str:
        """Return `answered`, `closed`, `reset`, or `silent` when nothing has come in time."""
        self._socket.settimeout(within_real_s)
        try:
            while not self._is_whole():
                data = self._socket.recv(65536)
                if not data:
                    return "closed"
                self.received += data
        except TimeoutError:
            return "silent"
        except ConnectionResetError:
            return "reset"
        finally:
            self.took_s = time.monotonic() - self._begun
        return "answered"

    def end(self) -> str:
        """Wait until the connection ends, and return how: `closed` or `reset`."""
        self._begun, self.received = time.monotonic(), b""
        return self.outcome()

    def _say(self, line: str) -> None:
        self.received = b""
        self._begun = time.monotonic()
        try:
            self._socket.sendall(f"{line} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        except (BrokenPipeError, ConnectionResetError):
            self.received = b""  # the end of the connection is what `outcome` finds

    def _is_whole(self) -> bool:
        head, blank, body = self.received.partition(b"\r\n\r\n")
        return bool(blank) and len(body) >= int(head.rpartition(b" ")[2])
