"""Probes: small calls over many connections at once, from one selector; `dialects.py` knows what they say.

A node remembers the id of each probe that reaches it. Invariant: silence is only ever judged against answers
of the same round: after 10 ms, or five times as long as the slowest answer took, whichever is longer
(measured.md: 10 ms alone is wrong in half of the rounds under load).
"""

import errno
import selectors
import socket
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from time import monotonic

from harness.links.dialects import Dialect
from harness.links.link import socket_address
from harness.links.matrix import Outcome

SILENCE_MIN_REAL_S = 0.010
SILENCE_FACTOR = 5.0
RECEIVE_BYTES = 65_536
PACE = 2
"""Answers outstanding at once while silence is judged: more only wait for each other, on few cores."""


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """One request and its answer, over a connection of its own or one that is there already.

    `connect` is None as long as the connection is not made, `answer` as long as none has come; OK,
    CLOSED or RESET tells how it ended. An empty request only watches the connection.
    """

    address: str
    request: bytes
    dialect: Dialect
    sock: socket.socket | None = None
    is_over_when_connected: bool = False
    connect: Outcome | None = None
    answer: Outcome | None = None
    begun_at: float = 0.0
    sent_at: float = 0.0
    ended_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    @property
    def took_s(self) -> float:
        """Return the real seconds from connecting, or sending, to the end."""
        return self.ended_at - self.begun_at

    @property
    def status_line(self) -> str:
        """Return the first line of the answer."""
        return self.received.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        """Return the body of the answer."""
        return bytes(self.received.split(b"\r\n\r\n", 1)[1])

    def begin(self) -> int:
        """Connect if need be, and send; return the selector events to wait for, 0 when it is over."""
        self.begun_at = monotonic()
        if self.sock is not None:
            self.connect = Outcome.OK
            return self._send(self.sock)
        self.sock = socket.socket()
        self.sock.setblocking(False)
        error = self.sock.connect_ex(socket_address(self.address))
        return selectors.EVENT_WRITE if error == errno.EINPROGRESS else self._connected(error)

    def proceed(self) -> int:
        """Go on after the selector woke us; return the events to wait for next, 0 when it is over."""
        assert self.sock is not None, "begun"
        if self.connect is None:
            return self._connected(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return self._receive(self.sock)

    def poll(self) -> None:
        """Take in what has come meanwhile, without waiting."""
        if self.sock is not None and self.answer is None and self.connect is Outcome.OK:
            self._receive(self.sock)

    def close(self) -> None:
        """Close the connection."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def _connected(self, error: int) -> int:
        assert self.sock is not None, "begun"
        if error:
            self.connect = Outcome.REFUSED if error == errno.ECONNREFUSED else Outcome.RESET
            return self._end(self.connect)
        self.connect = Outcome.OK
        return self._end(Outcome.OK) if self.is_over_when_connected else self._send(self.sock)

    def _send(self, sock: socket.socket) -> int:
        self.sent_at = monotonic()
        try:
            sock.sendall(self.request)
        except BrokenPipeError:
            return self._end(Outcome.CLOSED)
        except ConnectionResetError:
            return self._end(Outcome.RESET)
        return selectors.EVENT_READ

    def _receive(self, sock: socket.socket) -> int:
        try:
            data = sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return selectors.EVENT_READ
        except ConnectionResetError:
            return self._end(Outcome.RESET)
        self.received += data
        if not data:
            return self._end(Outcome.CLOSED)
        is_whole = self.dialect.is_whole(bytes(self.received))
        return self._end(Outcome.OK) if is_whole else selectors.EVENT_READ

    def _end(self, outcome: Outcome) -> int:
        self.answer = outcome
        self.ended_at = monotonic()
        return 0


def run_round(
    ending: Collection[Exchange],
    silent: Collection[Exchange],
    patience_real_s: float,
    late: Collection[Exchange] = (),
) -> None:
    """Run all exchanges at once.

    Args:
        ending: those that should be answered, refused or closed; waited for up to the patience.
        silent: those that should connect, and then nothing; watched for as long as silence takes to
            judge. An exchange that is still open at the end has `answer` None.
        patience_real_s: real seconds.
        late: those that should end later than the others; waited for as they are, and nothing is
            measured by them.

    """
    deadline = monotonic() + patience_real_s
    with selectors.DefaultSelector() as selector:
        for exchange in (*silent, *late):
            _register(selector, exchange, exchange.begin())
        _await_ends(selector, ending, PACE if silent or late else len(ending), deadline)
        _await_connections(selector, silent, deadline)
        _watch_silence(selector, ending, silent)
        while any(exchange.answer is None for exchange in late) and (left := deadline - monotonic()) > 0:
            _pump(selector, left, set())


def watch(exchanges: Collection[Exchange], patience_real_s: float) -> None:
    """Wait for the ends of exchanges that have begun, up to the patience in real seconds."""
    deadline = monotonic() + patience_real_s
    with selectors.DefaultSelector() as selector:
        for exchange in exchanges:
            _register(selector, exchange, selectors.EVENT_READ)
        while any(exchange.answer is None for exchange in exchanges) and (left := deadline - monotonic()) > 0:
            _pump(selector, left, set())


def is_idle(sock: socket.socket) -> bool:
    """Tell whether a kept connection is still open, with nothing to read."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    return False


def _await_ends(
    selector: selectors.BaseSelector, exchanges: Collection[Exchange], pace: int, deadline: float
) -> None:
    """Send, with at most `pace` answers outstanding, and wait for all of them.

    Sent all at once they would wait for each other, and the slowest of them is what silence is measured by.
    """
    to_send = deque(exchanges)
    waiting: set[Exchange] = set()
    while (to_send or waiting) and (left := deadline - monotonic()) > 0:
        while to_send and len(waiting) < pace:
            exchange = to_send.popleft()
            events = exchange.begin()
            _register(selector, exchange, events)
            if events:
                waiting.add(exchange)
        _pump(selector, left, waiting)


def _await_connections(
    selector: selectors.BaseSelector, exchanges: Collection[Exchange], deadline: float
) -> None:
    """Wait until all are connected: even on loopback a busy kernel may take longer than silence does."""
    while any(exchange.connect is None for exchange in exchanges) and (left := deadline - monotonic()) > 0:
        _pump(selector, left, set())


def _watch_silence(
    selector: selectors.BaseSelector, ended: Collection[Exchange], silent: Collection[Exchange]
) -> None:
    slowest = max((exchange.took_s for exchange in ended if exchange.answer is Outcome.OK), default=0.0)
    last_sent = max((exchange.sent_at for exchange in silent), default=0.0)
    until = last_sent + max(SILENCE_MIN_REAL_S, SILENCE_FACTOR * slowest)
    open_ones = {exchange for exchange in silent if exchange.answer is None}
    while open_ones and (left := until - monotonic()) > 0:
        _pump(selector, left, open_ones)
    _pump(selector, 0.0, open_ones)


def _register(selector: selectors.BaseSelector, exchange: Exchange, events: int) -> None:
    if events and exchange.sock is not None:
        selector.register(exchange.sock, events, exchange)


def _pump(selector: selectors.BaseSelector, timeout_s: float, waiting: set[Exchange]) -> None:
    for key, _ in selector.select(timeout_s):
        exchange: Exchange = key.data
        events = exchange.proceed()
        if events == 0:
            selector.unregister(key.fileobj)
            waiting.discard(exchange)
        elif events != key.events:
            selector.modify(key.fileobj, events, exchange)
