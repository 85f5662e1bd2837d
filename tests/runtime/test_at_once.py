"""What the loop answers itself, and what it leaves to threads: seen over real connections."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from nodecore.config import Limits
from nodecore.web.at_once import AT_ONCE, Dispatcher, MustWait
from nodecore.web.server import Servers, bind
from tests.runtime.looping import looping

PATIENCE_REAL_S = 10.0


@dataclass
class Application:
    """Answers who asked it and what the body was; on `/thread` it may not be answered by the loop."""

    go_on: threading.Event = field(default_factory=threading.Event)
    waits: threading.Event = field(default_factory=threading.Event)
    requests_now: Callable[[], int] = lambda: 0

    def __call__(
        self, environ: dict[str, object], start_response: Callable[[str, list[tuple[str, str]]], object]
    ) -> list[bytes]:
        body = environ["wsgi.input"].read()  # type: ignore[attr-defined]
        by_loop = bool(environ[AT_ONCE])
        if environ["PATH_INFO"] in ("/thread", "/waits") and by_loop:
            raise MustWait
        if environ["PATH_INFO"] == "/waits":
            self.waits.set()
            assert self.go_on.wait(30)
        told = {
            "thread": threading.current_thread().name,
            "by_loop": by_loop,
            "body": len(body),
            "now": self.requests_now(),
        }
        text = json.dumps(told).encode()
        start_response("200 OK", [("Content-Length", str(len(text)))])
        return [text]


@dataclass(frozen=True)
class Served:
    application: Application
    servers: Servers
    address: tuple[str, int]


@pytest.fixture
def served() -> Iterator[Served]:
    """Two servers whose loop is the thread `loop`."""
    application = Application()
    with ExitStack() as stack:
        client, peer = (stack.enter_context(bind("127.0.0.1", 0)) for _ in range(2))
        address = client.getsockname()
        servers = Servers(application, client, peer, Limits())  # type: ignore[arg-type]
        application.requests_now = servers.requests_now
        with looping(servers, address):
            yield Served(application, servers, address)
            application.go_on.set()


def connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, PATIENCE_REAL_S)


def request(path: str, body: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: n\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answers(connection: socket.socket, count: int = 1) -> list[dict[str, object]]:
    """Read as many answers as were asked for."""
    received = b""
    while received.count(b"}") < count:
        part = connection.recv(65536)
        assert part, f"the connection ended after {received!r}"
        received += part
    return [json.loads(part[part.index("{") :] + "}") for part in received.decode().split("}")[:count]]


def asked(address: tuple[str, int], path: str, body: bytes = b"") -> dict[str, object]:
    with connected(address) as connection:
        connection.sendall(request(path, body))
        return answers(connection)[0]


def test_a_short_request_is_answered_by_the_loop(served: Served) -> None:
    told = {"thread": "loop", "by_loop": True, "body": 4, "now": 1}
    assert asked(served.address, "/", b"beat") == told


def test_what_may_not_be_answered_by_the_loop_gets_a_thread_and_its_whole_body(served: Served) -> None:
    """The body was read once already, when the loop tried."""
    answer = asked(served.address, "/thread", b"x" * 10_000)
    assert (answer["by_loop"], answer["body"]) == (False, 10_000)
    assert str(answer["thread"]).startswith("waitress")


@pytest.mark.parametrize(
    ("length", "by_loop"), [(64 * 1024, True), (64 * 1024 + 1, False), (2_000_000, False)]
)
def test_a_long_body_is_left_to_a_thread(served: Served, length: int, by_loop: bool) -> None:
    answer = asked(served.address, "/", b"x" * length)
    assert (answer["by_loop"], answer["body"]) == (by_loop, length)


def test_requests_that_come_at_once_on_a_connection_are_answered_in_their_order(served: Served) -> None:
    """waitress has a thread answer them: where the first answer is long, the second waits for the client."""
    with connected(served.address) as connection:
        connection.sendall(b"".join(request("/", b"x" * length) for length in range(20)))
        assert [answer["body"] for answer in answers(connection, 20)] == list(range(20))


def test_a_connection_may_change_between_loop_and_threads(served: Served) -> None:
    with connected(served.address) as connection:
        seen = []
        for path in ("/", "/thread", "/", "/thread", "/"):
            connection.sendall(request(path))
            seen.append(answers(connection)[0]["by_loop"])
    assert seen == [True, False, True, False, True]


def test_nobody_waits_for_a_request_that_waits_and_it_is_counted(served: Served) -> None:
    with connected(served.address) as waiting:
        waiting.sendall(request("/waits"))
        assert served.application.waits.wait(30)
        beside = asked(served.address, "/")
        assert (beside["by_loop"], beside["now"]) == (True, 2)
        served.application.go_on.set()
        assert not answers(waiting)[0]["by_loop"]


def test_more_requests_that_wait_than_threads_are_answered_when_there_is_one(served: Served) -> None:
    """The threads come with the requests, up to the limit; the loop goes on beside them."""
    crowd = Limits().client_threads + 3
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(served.address)) for _ in range(crowd)]
        for connection in connections:
            connection.sendall(request("/waits"))
        assert served.application.waits.wait(30)
        assert asked(served.address, "/")["by_loop"]
        served.application.go_on.set()
        assert [answers(connection)[0]["by_loop"] for connection in connections] == [False] * crowd


def test_the_loop_does_not_wake_itself() -> None:
    """It looks at every connection after what it has answered; a thread that has answered wakes it."""
    woken: list[str] = []
    dispatcher = Dispatcher(1)
    wake = dispatcher.waking(lambda: woken.append(threading.current_thread().name))
    dispatcher.run_in_this_thread()
    wake()
    thread = threading.Thread(target=wake, name="other")
    thread.start()
    thread.join()
    assert woken == ["other"]
