"""A real HTTP server that answers with a list of members, until it is told to misbehave."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANGS_REAL_S = 60.0
"""Longer than any test: who lets an answer hang ends it."""


class Manner(StrEnum):
    """How it answers."""

    GOOD = "good"
    FAILING = "failing"
    GARBAGE = "garbage"
    BINARY = "binary"
    EMPTY = "empty"
    REDIRECT = "redirect"
    SLOW = "slow"
    TRICKLE = "trickle"
    CUT_SHORT = "cut_short"


class AddressServerDouble(ThreadingHTTPServer):
    """Answers GET with `members`, one a line, in its `manner`; counts what it was asked."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.members: tuple[str, ...] = ()
        self.manner = Manner.GOOD
        self.asked = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Where the list is."""
        return f"http://127.0.0.1:{self.server_port}/nacos/serverlist"


@contextmanager
def address_server() -> Iterator[AddressServerDouble]:
    """Run one until the block ends."""
    with AddressServerDouble() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: AddressServerDouble

    def do_GET(self) -> None:
        self.server.asked += 1
        body = "\n".join(self.server.members).encode()
        match self.server.manner:
            case Manner.FAILING:
                self._answer(500, body)
            case Manner.GARBAGE:
                self._answer(200, b"<html><body>Welcome to nginx!</body></html>")
            case Manner.BINARY:
                self._answer(200, b"\xff\xfe\x00\x01")
            case Manner.EMPTY:
                self._answer(200, b"")
            case Manner.REDIRECT:
                self._answer(302, body, location=self.server.url + "?again")
            case Manner.SLOW:
                self.server.closing.wait(HANGS_REAL_S)
            case Manner.TRICKLE:
                self._trickle(body)
            case Manner.CUT_SHORT:
                self._answer(200, body[:-3], length=len(body))
            case Manner.GOOD:
                self._answer(200, body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class calls it so
        """Say nothing."""

    def _answer(self, status: int, body: bytes, location: str = "", length: int | None = None) -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self, body: bytes) -> None:
        """Send a byte now and then: a time-out that starts anew with every byte would never end."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for byte in body:
            if self.server.closing.wait(0.05):
                return
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return
