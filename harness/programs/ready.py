"""When a node of a foreign program is ready: four ways to tell, asked around the links."""

import re
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from harness.http_client import ApiError, HttpClient, Unreachable
from harness.program import Observed, ProgramError

CONNECT_REAL_S = 1.0
"""Loopback connects at once, or the machine is drowned."""


@dataclass(frozen=True, slots=True)
class TcpOpen:
    """Ready when it accepts connections on its port, and on its peer port if it has one.

    The connection is closed at once: a server must stand a client that says nothing.
    """

    @property
    def when(self) -> str:
        """For messages."""
        return "to accept connections"

    def holds(self, node: Observed) -> bool:
        """Connect and close."""
        ports = {node.plan.port, node.plan.peer_port}
        return all(_accepts(node.plan.host, port) for port in ports)


@dataclass(frozen=True, slots=True)
class HttpOk:
    """Ready when `GET path` answers with 2xx."""

    path: str = "/"

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ProgramError(f"HttpOk({self.path!r}): a path begins with /, such as '/health'")

    @property
    def when(self) -> str:
        """For messages."""
        return f"to answer GET {self.path} with 2xx"

    def holds(self, node: Observed) -> bool:
        """Ask once."""
        with closing(HttpClient(f"http://{node.plan.client_address}", CONNECT_REAL_S)) as client:
            try:
                client.get(self.path)
            except (ApiError, Unreachable):
                return False
        return True


@dataclass(frozen=True, slots=True)
class LogLine:
    """Ready when it has written a line, to stdout or stderr, in which the regular expression is found."""

    pattern: str

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ProgramError(f"LogLine({self.pattern!r}): no regular expression: {error}") from None

    @property
    def when(self) -> str:
        """For messages."""
        return f"to write a line that matches {self.pattern!r}"

    def holds(self, node: Observed) -> bool:
        """Read what it has written since it was started last."""
        return node.has_logged(self.pattern)


@dataclass(frozen=True, slots=True)
class Holds:
    """Ready when the user's own predicate of `node.api` says so."""

    predicate: Callable[[Any], bool]

    @property
    def when(self) -> str:
        """For messages."""
        return f"to satisfy {getattr(self.predicate, '__name__', repr(self.predicate))}"

    def holds(self, node: Observed) -> bool:
        """Ask once; what the predicate raises is let through."""
        __tracebackhide__ = True
        return bool(self.predicate(node.api))


Ready = TcpOpen | HttpOk | LogLine | Holds


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), CONNECT_REAL_S).close()
    except OSError:
        return False
    return True
