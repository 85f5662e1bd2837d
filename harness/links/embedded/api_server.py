"""The API's listener and its connections: keep-alive, pipelined requests, time-outs.

Invariant: requests of a connection are answered in their order; who does not read holds up nobody else.
"""

import socket
import sys
import traceback
from contextlib import suppress
from email.utils import formatdate

from harness.links.embedded.endpoint import Endpoint
from harness.links.embedded.http import Answer, Malformed, Parser, Request, encode, encode_malformed
from harness.links.embedded.loop import READ, WRITE, Loop
from harness.links.embedded.routes import Routes

READ_BYTES = 64 * 1024
UNREAD_MAX_BYTES = 256 * 1024
"""No further request is taken while so much of the answers was not read."""

REQUEST_S, ANSWER_S, IDLE_S, LEAVE_S = 15.0, 30.0, 60.0, 0.5
"""Toxiproxy's: to send a request, to read an answer, between requests, and after the last."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ApiServer:
    """Accepts connections to the API on a socket that listens."""

    def __init__(self, loop: Loop, listener: socket.socket, routes: Routes) -> None:
        self._loop = loop
        self._listener = listener
        self._routes = routes
        self._connections: set[_ApiConnection] = set()
        listener.setblocking(False)
        loop.watch(listener, READ, lambda _mask: self._accept())

    def close(self) -> None:
        """Close listener and connections."""
        self._loop.forget(self._listener)
        self._listener.close()
        for connection in tuple(self._connections):
            connection.close()

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        connection = _ApiConnection(self._loop, client, self._routes)
        self._connections.add(connection)
        connection.endpoint.on_closed = lambda: self._connections.discard(connection)


class _ApiConnection:
    """One client of the API."""

    def __init__(self, loop: Loop, client: socket.socket, routes: Routes) -> None:
        self.endpoint = Endpoint(loop, client)
        self._loop = loop
        self._routes = routes
        self._parser = Parser()
        self._out = bytearray()
        self._is_last = False
        self._is_ended = False
        self._is_interrupted = False
        self._deadline = loop.now() + REQUEST_S
        self.endpoint.tune()
        self.endpoint.on_readable = self._read
        self.endpoint.on_writable = self._answer_all
        self.endpoint.want(READ, wanted=True)
        self._watch_deadline()

    def close(self) -> None:
        self.endpoint.close()

    def _read(self) -> None:
        try:
            data = self.endpoint.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if self._parser.is_empty:
            self._deadline = self._loop.now() + REQUEST_S
        self._is_ended = not data
        self._parser.feed(data)
        self._answer_all()

    def _answer_all(self) -> None:
        """Answer what has come in whole, as long as the answers are read; then it is the others' turn."""
        if self.endpoint.is_closed or (self._answer_some() and not self._send()):
            return
        if self._is_interrupted and not self._out:
            self._loop.call_at(self._loop.now(), self._answer_all)
            return
        self.endpoint.want(WRITE, wanted=bool(self._out))
        has_room = not self._out if self._is_last else len(self._out) < UNREAD_MAX_BYTES
        self.endpoint.want(READ, wanted=has_room and not self._is_ended)
        if self._is_ended and not self._out:
            self.close()
        elif self._is_last and not self._out:
            self._leave()

    def _answer_some(self) -> bool:
        """Take requests while there is room for their answers; return whether there is something to send."""
        try:
            self._is_interrupted = len(self._out) >= UNREAD_MAX_BYTES
            while not self._is_last and not self._is_interrupted:
                request = self._parser.next()
                if request is None:
                    break
                self._answer(request)
                self._is_interrupted = len(self._out) >= UNREAD_MAX_BYTES
        except Malformed as problem:
            self._out += encode_malformed(problem)
            self._is_last = True
        if self._parser.expects_continue:
            self._parser.expects_continue = False
            self._out += CONTINUE
        return bool(self._out)

    def _answer(self, request: Request) -> None:
        if request.headers.get("expect", "100-continue").lower() != "100-continue":
            answer, closes = Answer(status=417), True
        else:
            answer, closes = self._ask(request), not request.keeps_alive
        self._out += encode(
            answer,
            minor=request.minor,
            date=formatdate(usegmt=True),
            closes=closes,
            is_head=request.method == "HEAD",
        )
        self._is_last = closes
        self._deadline = self._loop.now() + IDLE_S

    def _ask(self, request: Request) -> Answer:
        try:
            return self._routes.answer(request)
        except Exception as problem:  # noqa: BLE001 - a mistake of ours must not end every link
            traceback.print_exc(file=sys.stderr)
            return Answer(
                status=500, content_type="text/plain; charset=utf-8", body=f"{problem!r}\n".encode()
            )

    def _send(self) -> bool:
        """Send what can be sent; return False where the client is gone."""
        try:
            del self._out[: self.endpoint.socket.send(self._out)]
        except BlockingIOError:
            self._deadline = self._loop.now() + ANSWER_S
        except OSError:
            self.close()
            return False
        return True

    def _leave(self) -> None:
        """Say that this was all, and hear the client out for a moment: an RST would take the answer away."""
        with suppress(OSError):  # it may have left first
            self.endpoint.socket.shutdown(socket.SHUT_WR)
        self.endpoint.on_readable = self._discard
        self._deadline = self._loop.now() + LEAVE_S
        self._loop.call_at(self._deadline, self.close)

    def _discard(self) -> None:
        try:
            if not self.endpoint.socket.recv(READ_BYTES):
                self.close()
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def _watch_deadline(self) -> None:
        """Close when the deadline has passed; it is moved on meanwhile."""
        if self.endpoint.is_closed:
            return
        if self._loop.now() >= self._deadline:
            self.close()
        else:
            self._loop.call_at(self._deadline, self._watch_deadline)
