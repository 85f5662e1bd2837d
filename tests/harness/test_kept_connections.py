"""What the harness asks again and again: over one connection, and no silence is taken for an answer."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPException
from threading import Event

import pytest

from harness.http_client import ApiError, HttpClient, Unreachable
from harness.kept_connections import Answer, KeptConnections, NotConnected
from tests.doubles.peer import answering, peer, read_request, whole

PATIENCE_S = 5.0


@contextmanager
def asking(address: str) -> Iterator[Callable[[], Answer]]:
    """A function that GETs from the address, over connections that are closed at the end."""
    with closing(KeptConnections(address, PATIENCE_S)) as connections:
        yield lambda: connections.send("GET", "/x", {})


@contextmanager
def client(address: str) -> Iterator[HttpClient]:
    """A client of the node there."""
    with closing(HttpClient(f"http://{address}")) as made:
        yield made


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return "{}:{}".format(*unused.getsockname())


def test_one_connection_serves_one_request_after_another() -> None:
    """The peer takes a single connection; names of headers come in lower case."""
    named = b"HTTP/1.1 200 OK\r\nX-Ring: A\r\nContent-Length: 1\r\n\r\n1"
    with peer(answering(named, whole(b"2"))) as address, asking(address) as ask:
        first, second = ask(), ask()
    assert (first.status, first.headers["x-ring"], first.body, second.body) == (200, "A", b"1", b"2")


def test_a_connection_that_ended_meanwhile_is_made_anew() -> None:
    """The peer closes after its answer without having said that it will."""
    closed = Event()

    def behave(connection: socket.socket) -> None:
        answering(whole(b"1"))(connection)
        closed.set()

    with peer(behave, answering(whole(b"2"))) as address, asking(address) as ask:
        assert ask().body == b"1"
        assert closed.wait(PATIENCE_S)
        assert ask().body == b"2"


def test_who_asks_while_another_waits_has_a_connection_of_his_own() -> None:
    """The first is answered after the second."""
    waiting: list[socket.socket] = []
    is_asked = Event()

    def wait(connection: socket.socket) -> None:
        read_request(connection)
        waiting.append(connection)
        is_asked.set()

    def answer_both(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(whole(b"second"))
        waiting[0].sendall(whole(b"first"))

    with peer(wait, answer_both) as address, asking(address) as ask, ThreadPoolExecutor(1) as other:
        first = other.submit(ask)
        assert is_asked.wait(PATIENCE_S)
        assert ask().body == b"second"
        assert first.result(PATIENCE_S).body == b"first"


def test_a_connection_that_was_in_use_at_the_end_is_not_kept() -> None:
    """Its answer still comes; then the peer sees its end."""
    is_asked, is_closed, is_ended = Event(), Event(), Event()

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        is_asked.set()
        assert is_closed.wait(PATIENCE_S)
        connection.sendall(whole(b"late"))
        assert connection.recv(1) == b""
        is_ended.set()

    with peer(behave) as address, ThreadPoolExecutor(1) as other:
        connections = KeptConnections(address, PATIENCE_S)
        answer = other.submit(connections.send, "GET", "/x", {})
        assert is_asked.wait(PATIENCE_S)
        connections.close()
        is_closed.set()
        assert answer.result(PATIENCE_S).body == b"late"
        assert is_ended.wait(PATIENCE_S)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"what?\r\n\r\n", b""]
)
def test_what_is_no_whole_answer_is_none(answer: bytes) -> None:
    """A body shorter than it said, no status line, an end at once: who knows what the node has done."""
    with peer(answering(answer)) as address, asking(address) as ask, pytest.raises(HTTPException):
        ask()
    with (
        peer(answering(answer)) as address,
        client(address) as node,
        pytest.raises(Unreachable, match=r"^GET http:.*/x: no answer: .") as unreachable,
    ):
        node.read("/x", {})
    assert not unreachable.value.is_definite


def test_where_nobody_listens_nothing_was_sent() -> None:
    """It says where, and a client of the node knows that certainly nothing was done."""
    address = nobody()
    with asking(address) as ask, pytest.raises(NotConnected, match=f"^no connection to {address}: .*refused"):
        ask()
    with client(address) as node, pytest.raises(Unreachable, match="no answer: no connection to") as refused:
        node.ask("PUT", "/x", {"a": "b"})
    assert refused.value.is_definite


def test_an_error_status_says_what_the_node_said() -> None:
    """With the sentence, and with how sure the node is."""
    answer = b"HTTP/1.1 503 Busy\r\nX-Outcome: definite\r\nContent-Length: 10\r\n\r\nno leader\n"
    with (
        peer(answering(answer)) as address,
        client(address) as node,
        pytest.raises(ApiError, match=r"^503 no leader \(GET") as error,
    ):
        node.read("/x", {})
    assert (error.value.status, error.value.is_definite) == (503, True)


def test_the_harness_and_its_agents_import_no_other_client() -> None:
    """`requests` is for tests that ask; a session without any starts sooner."""
    asks = "import sys; import harness.session, harness.agent_process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert {"requests", "urllib3", "toxiproxy"}.isdisjoint(done.stdout.split())
