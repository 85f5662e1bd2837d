"""A socket that answers what a test wrote down, or whatever else the test has it do."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    lengths = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    length = next(lengths, 0)
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
