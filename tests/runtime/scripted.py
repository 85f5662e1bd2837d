"""A core that does what a test tells it, and a socket that answers what a test wrote down."""

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nodecore.config import NodeConfig
from nodecore.core.events import Effect, Event
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.loop import Core, Runtime

Script = Callable[[Event], list[Effect]]


class ScriptedCore:
    """Remembers every event with its time; its effects are the script's."""

    def __init__(self, script: Script = lambda _event: []) -> None:
        self.script = script
        self.events: list[tuple[Event, float]] = []
        self.deadline: float | None = None

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.events.append((event, now))
        return self.script(event)

    def next_deadline(self) -> float | None:
        return self.deadline


def config(**changes: object) -> NodeConfig:
    """A lone node's configuration, changed as said."""
    values = {"name": "s1", "address": "127.0.0.1:8848", "members": ("127.0.0.1:8848",)} | changes
    return NodeConfig(**values)  # type: ignore[arg-type]


@contextmanager
def running(core: Core, node_config: NodeConfig | None = None) -> Iterator[Runtime]:
    """A started runtime around that core, stopped at the end."""
    runtime = Runtime(core, node_config or config(), NodeLog("s1", "debug", io.StringIO()))
    runtime.start()
    try:
        yield runtime
    finally:
        runtime.stop()


def log_text(runtime: Runtime) -> str:
    """What the runtime has logged so far."""
    stream = runtime.log._stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


Behaviour = Callable[[socket.socket], None]


@contextmanager
def peer(*behaviours: Behaviour) -> Iterator[str]:
    """A listener that treats its first connection as the first behaviour says, and so on.

    Gives its `ip:port`. A behaviour that still holds its connection at the end finds it closed.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []

    def serve() -> None:
        for behave in behaviours:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(connection)
            try:
                behave(connection)
            except OSError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield "{}:{}".format(*listener.getsockname())
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in opened:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the behaviour has closed it already
        thread.join(5)
        for connection in opened:
            connection.close()
        assert not thread.is_alive(), "a scripted peer did not end"


def read_request(connection: socket.socket) -> bytes:
    """Read one request with its body; b"" when the other end has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def whole(body: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer as it should be."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def answering(*answers: bytes) -> Behaviour:
    """Answer one request after another, then close."""

    def behave(connection: socket.socket) -> None:
        for answer in answers:
            read_request(connection)
            connection.sendall(answer)
        connection.close()

    return behave
