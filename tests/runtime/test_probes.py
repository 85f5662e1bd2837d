"""Checks of real sockets: what a TCP or HTTP server does, and what the check calls it (R19)."""

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from nodecore.core.events import Probe, Probed
from nodecore.core.findings import Found
from nodecore.core.records import Checker, CheckerKind
from nodecore.runtime.probes import OPEN_MAX, Probes
from tests.doubles.peer import peer

pytestmark = pytest.mark.requirement("R19")

PATIENCE_S = 30.0
HTTP = Checker(kind=CheckerKind.HTTP, path="/health", headers=(("X-Who", "me"),))
TCP = Checker()


class Asked:
    """A prober, and what it found."""

    def __init__(self, probes: Probes, found: "queue.Queue[Probed]") -> None:
        self.probes = probes
        self.found = found

    def __call__(self, target: str, checker: Checker = TCP, timeout_s: float = PATIENCE_S) -> Probed:
        self.probes.send(Probe(probe_id=1, target=target, checker=checker, timeout_s=timeout_s))
        return self.found.get(timeout=PATIENCE_S)


@pytest.fixture
def ask() -> Iterator[Asked]:
    found: queue.Queue[Probed] = queue.Queue()
    probes = Probes(found.put, {})
    try:
        yield Asked(probes, found)
    finally:
        probes.close()


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    return behave


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def say_nothing(_connection: socket.socket) -> None:
    """The connection stays until the end of the test."""


@contextmanager
def nobody() -> Iterator[str]:
    """An address that is bound and does not listen: a connect to it is refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*bound.getsockname())


def test_a_connection_that_is_accepted_is_all_that_tcp_asks_for(ask: Asked) -> None:
    """Connect means healthy; a port without a listener refuses."""
    with peer(say_nothing) as there:
        assert ask(there).finding.found is Found.OPEN
    with nobody() as gone:
        refused = ask(gone)
    assert (refused.finding.found, refused.finding.why) == (Found.REFUSED, "Connection refused")
    assert (refused.probe_id, refused.checker) == (1, TCP)
    assert refused.took_s > 0


@pytest.mark.parametrize(
    ("answer", "found", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", Found.ANSWERED, 200),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", Found.ANSWERED, 404),
        (b"HTTP/1.1 503\r\n\r\n", Found.ANSWERED, 503),
        (b"SSH-2.0-OpenSSH_9\r\n", Found.BROKEN, 0),
        (b"x" * 5000, Found.BROKEN, 0),
    ],
)
def test_of_http_the_status_line_is_all_that_counts(
    ask: Asked, answer: bytes, found: Found, status: int
) -> None:
    """The body is nobody's business; what is not HTTP is not well."""
    with peer(answering(answer)) as there:
        finding = ask(there, HTTP).finding
    assert (finding.found, finding.status) == (found, status)


def test_the_request_has_the_checkers_path_and_headers(ask: Asked) -> None:
    """And the Host that the instance is known by."""
    heard: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with peer(behave) as there:
        ask(there, HTTP)
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "GET /health HTTP/1.1"
    assert {f"Host: {there}", "X-Who: me", "Connection: close"} <= set(lines)


def test_an_answer_in_pieces_is_put_together(ask: Asked) -> None:
    """A server may send its status line byte by byte."""

    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"HTTP/1.1 200 OK\r\n\r\n":
            connection.sendall(bytes([byte]))

    with peer(behave) as there:
        assert ask(there, HTTP).finding.status == 200


def test_who_says_nothing_in_time_is_silent_and_who_hangs_up_is_broken(ask: Asked) -> None:
    """The one costs the whole time-out, the other nothing."""
    with peer(say_nothing) as there:
        finding = ask(there, HTTP, timeout_s=0.05).finding
    assert (finding.found, finding.why) == (Found.SILENT, "no answer in 0.05 s")
    with peer(hang_up) as there:
        assert ask(there, HTTP).finding.found is Found.BROKEN


def test_a_link_that_lets_go_at_once_has_nobody_behind_it(
    ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts for who is dead; one that holds is as good as a connect."""
    with nobody() as instance, peer(hang_up, hang_up, say_nothing) as link:
        assert ask.probes.dial({instance: link}) == {instance: link}
        with monkeypatch.context() as patched:
            patched.setattr("nodecore.runtime.probes.LINK_SETTLES_REAL_S", PATIENCE_S)
            assert ask(instance).finding.found is Found.REFUSED
        assert ask(instance, HTTP).finding.found is Found.REFUSED
        assert ask(instance).finding.found is Found.OPEN
        assert ask.probes.dial({instance: None}) == {}
        assert ask(instance).finding.why == "Connection refused"


def test_a_name_is_not_looked_up(ask: Asked) -> None:
    """It would hold up all other checks."""
    finding = ask("db.example:80").finding
    assert finding.found is Found.BROKEN
    assert "db.example is no IP address" in finding.why


def test_more_than_fit_are_checked_at_once_by_one_thread(ask: Asked) -> None:
    """Of half a thousand that say nothing each is found silent, and no thread came for any."""
    count = OPEN_MAX + 50
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=count))
        target = "{}:{}".format(*listener.getsockname())
        for number in range(count):
            ask.probes.send(Probe(probe_id=number, target=target, checker=HTTP, timeout_s=0.2))
        assert [thread.name for thread in threading.enumerate() if thread.name == "probes"] == ["probes"]
        found = [ask.found.get(timeout=PATIENCE_S) for _ in range(count)]
    assert sorted(probed.probe_id for probed in found) == list(range(count))
    assert {probed.finding.found for probed in found} == {Found.SILENT}


def test_a_closed_prober_tells_nothing_more(ask: Asked) -> None:
    """Its node is about to end: nobody is there to hear of it."""
    with peer(say_nothing) as there:
        ask.probes.send(Probe(probe_id=1, target=there, checker=HTTP, timeout_s=PATIENCE_S))
        ask.probes.close()
        ask.probes.send(Probe(probe_id=2, target=there, checker=TCP, timeout_s=PATIENCE_S))
    assert ask.found.empty()
