"""HTTP requests to one address over connections that are kept: what the harness asks again and again.

A wait polls every node's state, an agent beats for as long as it lives. `requests` takes four times the
processor time of http.client for each, and 0.1 s for its import in each launcher. Nothing is redirected, sent
twice, or taken from the environment.
"""

import select
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its status, its headers by name in lower case, its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether it is no error (as `requests` has it: below 400)."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")


class NotConnected(OSError):
    """Nobody took the connection: certainly nothing was sent."""


class KeptConnections:
    """Connections to one address; any number of threads may send at once, each over one of its own.

    Args:
        address: `ip:port`.
        timeout_real_s: for connecting, and for each time that nothing comes.

    """

    def __init__(self, address: str, timeout_real_s: float) -> None:
        self._address = address
        self._timeout_real_s = timeout_real_s
        self._idle: deque[HTTPConnection] = deque()
        self._is_closed = False

    def send(self, method: str, target: str, headers: Mapping[str, str], body: str | None = None) -> Answer:
        """Send one request and return its answer, whatever its status.

        Raises:
            NotConnected: nobody took the connection.
            OSError: it ended, or nothing came in time.
            http.client.HTTPException: what came is no whole answer.

        """
        connection = self._connected()
        try:
            connection.request(method, target, body, dict(headers))
            with connection.getresponse() as response:
                answered = response.read()
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, named, answered)

    def close(self) -> None:
        """Close the connections that nobody uses now; the others are closed when they are answered."""
        self._is_closed = True
        self._close_idle()

    def _keep(self, connection: HTTPConnection) -> None:
        self._idle.append(connection)
        if self._is_closed:
            self._close_idle()

    def _close_idle(self) -> None:
        with suppress(IndexError):  # another thread may take the last
            while True:
                self._idle.pop().close()

    def _connected(self) -> HTTPConnection:
        kept = self._kept()
        if kept.sock is None:
            try:
                kept.connect()
            except OSError as error:
                raise NotConnected(f"no connection to {self._address}: {error}") from error
        return kept

    def _kept(self) -> HTTPConnection:
        try:
            kept = self._idle.pop()
        except IndexError:
            return HTTPConnection(self._address, timeout=self._timeout_real_s)
        if kept.sock is not None and _is_readable(kept):
            kept.close()  # nothing was asked, so it is the end
        return kept


def _is_readable(connection: HTTPConnection) -> bool:
    poller = select.poll()
    poller.register(connection.sock, select.POLLIN)
    return bool(poller.poll(0))
