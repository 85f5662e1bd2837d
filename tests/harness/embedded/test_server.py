"""The embedded server as a process: hostile bytes, its seed, its limits, its end."""

import re
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from harness.links.api import ApiError, Call, Proxy, Toxic, ToxiproxyApi
from harness.links.calls import add_toxic, remove_toxic
from harness.links.link import socket_address
from harness.links.toxiproxy import wait_ready
from harness.ports import Reservations
from harness.waiting import wait_for
from tests.doubles.bound import bound

SILENCE_REAL_S = 20.0


class EmbeddedServer:
    """A server process with a seed, a log and at most so many open files."""

    def __init__(self, folder: Path, *, seed: int = 1, open_files: int | None = None) -> None:
        self.log = folder / "embedded.log"
        self._ports = Reservations()
        (address,) = self._ports.reserve(1)
        limit = (
            "" if open_files is None else f"resource.setrlimit(resource.RLIMIT_NOFILE, ({open_files},) * 2);"
        )
        program = (
            f"import resource, sys; {limit}"
            "from harness.links.embedded.main import main; sys.exit(main(sys.argv[1:]))"
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                bound([sys.executable, "-c", program, "--listen", address, "--seed", str(seed)]),
                stdout=log,
                stderr=log,
            )
        self.api: ToxiproxyApi = wait_ready(address, pid=self.process.pid)

    def close(self) -> None:
        self.api.close()
        self.process.kill()
        self.process.wait()
        self._ports.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    started = EmbeddedServer(tmp_path)
    yield started
    started.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as opened:
        yield opened


def connect(stack: ExitStack, address: str) -> socket.socket:
    return stack.enter_context(socket.create_connection(socket_address(address), SILENCE_REAL_S))


def listener(stack: ExitStack) -> socket.socket:
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=600))
    listening.settimeout(SILENCE_REAL_S)
    return listening


def proxy_to(api: ToxiproxyApi, listening: socket.socket, name: str = "p") -> str:
    """Make a proxy; return where it listens."""
    upstream = f"127.0.0.1:{listening.getsockname()[1]}"
    made = api.populate([Proxy(name=name, listen="127.0.0.1:0", upstream=upstream, enabled=True)])
    return made[name].listen


def hears_all(connection: socket.socket) -> bytes:
    """Read until the end, by whatever way it comes."""
    heard = b""
    try:
        while data := connection.recv(65536):
            heard += data
    except ConnectionResetError:
        return heard
    return heard


def test_hostile_bytes_end_nothing(server: EmbeddedServer, stack: ExitStack) -> None:
    """Two hundred clients of no protocol; the log stays empty, so nothing was even surprised."""
    random = Random(4)
    words = [
        b"GET ",
        b"/proxies",
        b" HTTP/1.1\r\n",
        b"Host: x\r\n",
        b"Content-Length: 9\r\n",
        b"\r\n",
        b"{",
        b'"',
    ]
    for _ in range(200):
        parts = [random.choice(words) if random.getrandbits(1) else random.randbytes(9) for _ in range(12)]
        with socket.create_connection(socket_address(server.api.api_address), SILENCE_REAL_S) as client:
            client.sendall(b"".join(parts))
            client.shutdown(socket.SHUT_WR)
            hears_all(client)
    assert server.api.proxies() == {}
    assert server.log.read_text() == ""


def test_a_caller_that_does_not_read_its_answers_holds_up_itself_alone(
    server: EmbeddedServer, stack: ExitStack
) -> None:
    """It gets all of them when it reads at last."""
    server.api.populate(
        [Proxy(name=f"p{n}", listen="", upstream="127.0.0.1:9", enabled=False) for n in range(99)]
    )
    lazy = connect(stack, server.api.api_address)
    asked = 300
    lazy.sendall(b"GET /proxies HTTP/1.1\r\nHost: x\r\n\r\n" * asked)
    assert len(server.api.proxies()) == 99
    lazy.shutdown(socket.SHUT_WR)
    assert hears_all(lazy).count(b"HTTP/1.1 200 OK") == asked


def fates(folder: Path, seed: int, stack: ExitStack) -> list[bool]:
    """Return which of 40 connections a toxic of toxicity 0.5 acts on."""
    folder.mkdir()
    server = EmbeddedServer(folder, seed=seed)
    stack.callback(server.close)
    listening = listener(stack)
    address = proxy_to(server.api, listening)
    toxic = Toxic(name="t", type="limit_data", stream="upstream", toxicity=0.5, attributes={"bytes": 0})
    server.api.call(add_toxic("p", toxic))
    acted = []
    for _ in range(40):
        client = connect(stack, address)
        upstream = stack.enter_context(listening.accept()[0])
        upstream.settimeout(SILENCE_REAL_S)
        client.sendall(b"x")
        acted.append(upstream.recv(1) == b"")
    return acted


def test_the_seed_decides_what_befalls_each_connection(tmp_path: Path, stack: ExitStack) -> None:
    """The same again for the same seed, another for another; some are hit and some are not."""
    first = fates(tmp_path / "first", 7, stack)
    assert fates(tmp_path / "second", 7, stack) == first
    assert fates(tmp_path / "third", 8, stack) != first
    assert 0 < sum(first) < len(first)


def test_a_server_out_of_files_serves_again_when_there_are_some(tmp_path: Path, stack: ExitStack) -> None:
    """Connections beyond the limit wait or are closed; the process and its proxies live."""
    server = EmbeddedServer(tmp_path, open_files=60)
    stack.callback(server.close)
    listening = listener(stack)
    address = proxy_to(server.api, listening)
    with ExitStack() as crowd:
        for _ in range(100):
            connect(crowd, address)
    accepted: list[socket.socket] = []

    def gets_through() -> bool:
        client = connect(stack, address)
        client.sendall(b"hello")
        accepted.append(stack.enter_context(listening.accept()[0]))
        accepted[-1].settimeout(SILENCE_REAL_S)
        return accepted[-1].recv(5) == b"hello"

    wait_for("a connection to be carried again", gets_through, bool, SILENCE_REAL_S)
    assert list(server.api.proxies()) == ["p"]


def test_what_is_not_loopback_is_a_400_that_says_what_would_be_right(server: EmbeddedServer) -> None:
    """To listen or to dial, made, changed or populated; nothing of it is kept."""
    server.api.populate([Proxy(name="p", listen="127.0.0.1:0", upstream="127.0.0.1:9", enabled=True)])
    before = server.api.proxies()
    for call in (
        Call("POST", "/proxies", {"name": "q", "upstream": "127.0.0.1:9", "listen": "0.0.0.0:3310"}),
        Call("POST", "/proxies", {"name": "q", "upstream": "10.1.2.3:80"}),
        Call("PATCH", "/proxies/p", {"listen": ":3310"}),
        Call("PATCH", "/proxies/p", {"upstream": "example.com:80"}),
        Call("POST", "/populate", [{"name": "q", "upstream": "127.0.0.1:9", "listen": "[::]:3310"}]),
    ):
        with pytest.raises(ApiError, match=r"400 .*loopback only; right would be 127\.0\.0\.1:") as caught:
            server.api.call(call)
        assert caught.value.status == 400
    assert server.api.proxies() == before


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_and_every_connection_with_it(
    server: EmbeddedServer, stack: ExitStack, ending: signal.Signals
) -> None:
    """At once, whatever is open."""
    listening = listener(stack)
    client = connect(stack, proxy_to(server.api, listening))
    upstream = stack.enter_context(listening.accept()[0])
    server.process.send_signal(ending)
    assert server.process.wait(SILENCE_REAL_S) == 0
    upstream.settimeout(SILENCE_REAL_S)
    assert (hears_all(client), hears_all(upstream)) == (b"", b"")
    assert server.log.read_text() == ""


@pytest.mark.parametrize("kind", ["latency", "slicer"])
def test_a_toxic_that_holds_bytes_for_a_receiver_that_is_gone_can_be_removed(
    server: EmbeddedServer, stack: ExitStack, kind: str
) -> None:
    """Where 2.12 may hang for ever: what was held is lost with the connection, the call is answered."""
    attributes = {"latency": 3_600_000} if kind == "latency" else {"average_size": 1, "delay": 3_600_000_000}
    listening = listener(stack)
    address = proxy_to(server.api, listening)
    server.api.call(add_toxic("p", Toxic(name="t", type=kind, stream="upstream", attributes=attributes)))
    client = connect(stack, address)
    upstream = listening.accept()[0]
    for _ in range(20):
        client.sendall(b"x" * 100_000)
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    upstream.close()
    assert hears_all(client) == b""
    server.api.call(remove_toxic("p", "t"))
    assert server.api.proxies()["p"].toxics == ()
    assert server.log.read_text() == ""


def test_as_many_files_as_are_allowed_are_taken(server: EmbeddedServer) -> None:
    """As Go does: a shell's soft limit of 1024 is 500 connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    soft_and_hard = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits)
    assert soft_and_hard is not None
    assert soft_and_hard.groups() == (str(hard), str(hard))


def test_a_port_that_is_taken_ends_it_with_one_line(tmp_path: Path) -> None:
    """Where the real server lives on without an API."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "harness.links.embedded.main", "--listen", address],
            capture_output=True,
            text=True,
            timeout=SILENCE_REAL_S,
            check=False,
        )
    assert done.returncode == 1
    assert re.fullmatch(rf"cannot listen on {address}: .*already in use\n", done.stderr)
