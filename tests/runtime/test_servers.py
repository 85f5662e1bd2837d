"""The servers of a node in this process: what hardly any run of a whole node comes to."""

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fcntl import F_DUPFD_CLOEXEC, fcntl

import pytest

from nodecore.config import Limits
from nodecore.core.answers import Done
from nodecore.core.events import ClientRequest, Effect, Event, Reply, Tick
from nodecore.web.routes import NS
from nodecore.web.server import Servers, bind
from tests.runtime.application import WsgiClient, wsgi_client
from tests.runtime.looping import looping
from tests.runtime.scripted import ScriptedCore

BEAT = f"{NS}/instance/beat"
PATIENCE_S = 10.0

DESCRIPTOR = 1100
"""One that select() does not take."""


@pytest.fixture
def high_descriptors() -> Iterator[None]:
    """Let this process have descriptors beyond select()'s, as a node with a thousand clients has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft <= DESCRIPTOR:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTOR + 1, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("high_descriptors")
def test_a_node_with_more_connections_than_select_takes_answers_all_the_same() -> None:
    """Its listener has descriptor 1100; before and after there were none as high."""
    with wsgi_client() as client, bind("127.0.0.1", 0) as low, bind("127.0.0.1", 0) as peer:
        listener = socket.socket(fileno=fcntl(low.fileno(), F_DUPFD_CLOEXEC, DESCRIPTOR))
        assert listener.fileno() >= DESCRIPTOR
        addresses = listener.getsockname(), peer.getsockname()
        servers = Servers(client.application, listener, peer, Limits())
        with looping(servers, addresses[1]):
            assert [_asked(address) for address in addresses] == [b"HTTP/1.1 200 OK"] * 2


def test_a_probe_is_answered_while_the_core_is_busy_and_others_wait_for_it() -> None:
    """Those who wait do so in threads: the loop, which all share, waits for nobody."""
    at_it, go_on = threading.Event(), threading.Event()

    def script(event: Event) -> list[Effect]:
        if isinstance(event, Tick):
            at_it.set()
            assert go_on.wait(3 * PATIENCE_S)  # who asks gives up sooner
        return [Reply(event.request_id, Done())] if isinstance(event, ClientRequest) else []

    with wsgi_client(ScriptedCore(script)) as client, served(client) as address, ExitStack() as stack:
        assert at_it.wait(PATIENCE_S)
        beat = f"PUT {BEAT}?serviceName=a&ip=10.0.0.1&port=1".encode()
        waiting = [stack.enter_context(_connected(address, beat)) for _ in range(3)]
        stack.callback(go_on.set)
        for _ in range(3):
            assert _asked(address, b"POST /cutheal/probe?id=p1") == b"HTTP/1.1 200 OK"
        go_on.set()
        assert [_status(connection) for connection in waiting] == [b"HTTP/1.1 200 OK"] * 3


@contextmanager
def served(client: WsgiClient) -> Iterator[tuple[str, int]]:
    """Both servers of an application: where clients reach it."""
    with bind("127.0.0.1", 0) as at, bind("127.0.0.1", 0) as peer:
        address = at.getsockname()
        with looping(Servers(client.application, at, peer, Limits()), address):
            yield address


@contextmanager
def _connected(address: tuple[str, int], what: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(address, PATIENCE_S) as connection:
        connection.sendall(what + b" HTTP/1.1\r\nHost: n\r\n\r\n")
        yield connection


def _asked(address: tuple[str, int], what: bytes = b"GET /cutheal/state") -> bytes:
    with _connected(address, what) as connection:
        return _status(connection)


def _status(connection: socket.socket) -> bytes:
    return connection.recv(65536).partition(b"\r\n")[0]
