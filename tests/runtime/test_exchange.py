"""One call to a peer that misbehaves: why there is no answer is said exactly, and in time."""

import socket
import struct
import time

import pytest

from nodecore.core.messages import Failure
from nodecore.runtime.exchange import Exchange
from nodecore.runtime.wire.http import HttpAnswer, HttpCall
from tests.doubles.peer import answering, peer, read_request, whole

CALL = HttpCall(method="PUT", target="/x", body=b"{}")
PATIENCE_S = 5.0


def perform(link: str, timeout_s: float = PATIENCE_S) -> HttpAnswer | Failure:
    exchange = Exchange(link, {})
    try:
        return exchange.perform(CALL, "s1-1", timeout_s)
    finally:
        exchange.close()


def test_an_answer_comes_back_whole() -> None:
    """Status, lower-case headers and body."""
    with peer(answering(b"HTTP/1.1 503 Busy\r\nX-Ring: a\r\nContent-Length: 2\r\n\r\nno")) as link:
        answer = perform(link)
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.headers["x-ring"], answer.body) == (503, "a", b"no")


def test_a_chunked_answer_counts() -> None:
    """Nacos answers objects chunked; the last chunk says that it is whole."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with peer(answering(head + b"2\r\nok\r\n0\r\n\r\n")) as link:
        assert perform(link) == HttpAnswer(status=200, headers={"transfer-encoding": "chunked"}, body=b"ok")


@pytest.mark.requirement("R14")
def test_a_port_where_nobody_listens_refuses() -> None:
    """R14 (b) counts a refused connection as a peer that has no data."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        link = "{}:{}".format(*unused.getsockname())
    assert perform(link) is Failure.REFUSED


@pytest.mark.requirement("R14")
def test_a_connection_closed_without_a_byte_is_closed() -> None:
    """Not refused, not garbled: R14 asks such a peer once more."""
    with peer(answering(b"")) as link:
        assert perform(link) is Failure.CLOSED


@pytest.mark.requirement("R14")
def test_a_silent_peer_times_out() -> None:
    """It may hold data, so it must never look refused or closed."""
    with peer(read_request) as link:
        assert perform(link, timeout_s=0.2) is Failure.TIMEOUT


def test_a_reset_is_a_reset() -> None:
    """As a flaky middlebox does."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    with peer(behave) as link:
        assert perform(link) is Failure.RESET


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_an_answer_that_is_not_whole_is_garbled(answer: bytes) -> None:
    """A cut inside the headers looks like a 200 with an empty body; it must not count."""
    with peer(answering(answer)) as link:
        assert perform(link) is Failure.GARBLED


@pytest.mark.parametrize("prefix", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_a_peer_that_trickles_cannot_stretch_the_deadline(prefix: bytes) -> None:
    """A byte now and then in headers or body: the time-out is for the whole call."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(prefix)
        connection.settimeout(0.05)
        for _ in range(200):
            connection.sendall(b"x")
            try:
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue

    with peer(behave) as link:
        begun = time.monotonic()
        assert perform(link, timeout_s=0.3) is Failure.TIMEOUT
        assert time.monotonic() - begun < PATIENCE_S


def test_a_stale_pooled_connection_is_tried_once_more() -> None:
    """The peer answered once, then ended the connection under the next request without a byte."""

    def ends_under_the_second(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(whole(b"one"))
        read_request(connection)
        connection.close()

    with peer(ends_under_the_second, answering(whole(b"two"))) as link:
        exchange = Exchange(link, {})
        answers = [exchange.perform(CALL, f"s1-{i}", PATIENCE_S) for i in (1, 2)]
        exchange.close()
    assert [a.body if isinstance(a, HttpAnswer) else a for a in answers] == [b"one", b"two"]


def test_a_fresh_connection_is_not_tried_again() -> None:
    """Closed without a byte twice would otherwise be four times."""
    with peer(answering(b""), answering(whole(b"never"))) as link:
        assert perform(link) is Failure.CLOSED


def test_a_time_out_is_not_tried_again_on_a_pooled_connection() -> None:
    """It would double the deadline."""

    def silent_after_one(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(whole(b"one"))
        read_request(connection)
        read_request(connection)

    with peer(silent_after_one) as link:
        exchange = Exchange(link, {})
        answers = [exchange.perform(CALL, "s1-1", PATIENCE_S), exchange.perform(CALL, "s1-2", 0.2)]
        exchange.close()
    assert answers[1] is Failure.TIMEOUT


def test_the_connection_is_kept_and_the_call_id_goes_with_each_request() -> None:
    """One connection for two calls; nothing from the environment, no compression asked for."""
    seen: list[bytes] = []

    def remember(connection: socket.socket) -> None:
        for _ in range(2):
            seen.append(read_request(connection))
            connection.sendall(whole(b"ok"))

    with peer(remember) as link:
        exchange = Exchange(link, {"User-Agent": "Nacos-Server:1.4.2"})
        for number in (1, 2):
            assert isinstance(exchange.perform(CALL, f"s1-{number}", PATIENCE_S), HttpAnswer)
        exchange.close()
    assert [f"X-Call-Id: s1-{n}".encode() in request for n, request in enumerate(seen, 1)] == [True, True]
    assert seen[0].startswith(b"PUT /x HTTP/1.1\r\n")
    assert b"User-Agent: Nacos-Server:1.4.2\r\n" in seen[0]


def test_head_and_body_arrive_together() -> None:
    """Whoever reads them, a link or a node, wakes up once."""
    seen: list[bytes] = []

    def read_once(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(whole(b"ok"))

    with peer(read_once) as link:
        assert isinstance(perform(link), HttpAnswer)
    assert seen[0].endswith(b"\r\n\r\n{}")
