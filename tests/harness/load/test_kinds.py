"""Errors have the kind that an operator would give them, however deep the one that tells is wrapped."""

import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness.http_client import ApiError, HttpClient, Unreachable
from harness.load.kinds import kind_of


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def asked(port: int, timeout_real_s: float = 20.0) -> str:
    """The kind of what a node's client raises."""
    client = HttpClient(f"http://127.0.0.1:{port}", timeout_real_s)
    with pytest.raises(Unreachable) as raised:
        client.get("/")
    client.close()
    return kind_of(raised.value)


def answered_by(listener: socket.socket, act: Callable[[socket.socket], None]) -> str:
    """The same, of a server that reads the request and does something."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            act(connection)

    with ThreadPoolExecutor() as pool:
        served = pool.submit(serve)
        kind = asked(listener.getsockname()[1])
        served.result()
    return kind


def test_nobody_listens() -> None:
    """The port is closed again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert asked(port) == "refused"


def test_nobody_answers(listener: socket.socket) -> None:
    """A connection that is accepted by the kernel and never served."""
    assert asked(listener.getsockname()[1], timeout_real_s=0.05) == "timed out"


def test_the_connection_is_closed_or_reset(listener: socket.socket) -> None:
    """Without an answer, in order or not."""
    assert answered_by(listener, lambda _: None) == "closed"
    linger_none = struct.pack("ii", 1, 0)
    reset = answered_by(listener, lambda c: c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none))
    assert reset == "reset"


def test_an_answer_that_is_an_error_has_its_status() -> None:
    """Of our own client and of requests."""
    answer = requests.Response()
    answer.status_code = 500
    assert kind_of(ApiError(503, "busy", "GET /")) == "503"
    assert kind_of(requests.HTTPError("no", response=answer)) == "500"


def test_the_rest_has_a_name() -> None:
    """A wrong answer is what the operation itself found."""
    assert kind_of(AssertionError("an empty list")) == "wrong answer"
    assert kind_of(KeyError("x")) == "KeyError"
