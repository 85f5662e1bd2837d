"""`cutheal bench links`: the embedded link server against the real Toxiproxy, and both against no proxy.

Both run at once and are measured in turn. In a case of throughput more is better, in all others less.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import count

from harness.bench.case import Case
from harness.bench.run import Run
from harness.link_host import LinkHost
from harness.links.api import Proxy, Toxic, ToxiproxyApi
from harness.links.backend import EMBEDDED, TOXIPROXY, choose
from harness.links.calls import add_toxic, delete_proxy, remove_toxic
from harness.links.link import socket_address
from harness.ports import Reservations
from harness.processes import Launcher

GOAL_THROUGHPUT = 0.25
LOAD_BYTES = 64 * 1024 * 1024
BLOCK_BYTES = 256 * 1024
ROUND_TRIPS = 200
MESH = 20
"""Proxies of five nodes: one for each ordered pair."""

TOXICS = 24
"""Of a cut that parts two of five nodes from the others, both streams of each link."""

NOOP = Toxic(name="noop", type="noop", stream="upstream")
SILENCE_REAL_S = 30.0


def cases(run: Run) -> list[Case]:
    """Measure throughput, round trips and API calls."""
    options = run.session.options
    folder = options.folder / "links"
    with (
        Reservations() as ports,
        Launcher.start(folder, ("harness.links.embedded.main",)) as launcher,
        _served(_swallow) as sink,
        _served(_echo) as echo,
    ):
        real, embedded = (
            LinkHost(choose(name), folder, launcher, ports, options.seed).api
            for name in (TOXIPROXY, EMBEDDED)
        )
        try:
            return [
                *_throughput(run, real, embedded, sink),
                *_round_trips(run, real, embedded, echo),
                *_calls(run, real, embedded),
            ]
        finally:
            real.close()
            embedded.close()


def _throughput(run: Run, real: ToxiproxyApi, embedded: ToxiproxyApi, sink: str) -> Iterator[Case]:
    ways = [(api, _proxied(api, sink)) for api in (embedded, real)]
    for what in ("", " with a toxic"):
        if what:
            for api, _ in ways:
                api.call(add_toxic(_name(sink), NOOP))
        sends = (partial(_mb_per_s, listen) for _, listen in ways)
        yield Case.of(
            run.interleaved(f"links: {LOAD_BYTES // 2**20} MiB through each{what}", *sends),
            case=f"throughput{what}, embedded / Toxiproxy",
            unit="MB/s",
            goal=f"ratio at least {GOAL_THROUGHPUT}",
            is_met=lambda case: case.ratio >= GOAL_THROUGHPUT,
            more_is_better=True,
        )


def _round_trips(run: Run, real: ToxiproxyApi, embedded: ToxiproxyApi, echo: str) -> Iterator[Case]:
    with _dial(echo) as direct:
        for name, api in (("embedded", embedded), ("Toxiproxy", real)):
            with _dial(_proxied(api, echo)) as proxied:
                ways = (partial(_round_trip_us, connection) for connection in (proxied, direct))
                pairs = run.interleaved(f"links: {ROUND_TRIPS} round trips through {name} and direct", *ways)
            yield Case.of(pairs, case=f"round trip, {name} / direct", unit="us")


def _calls(run: Run, real: ToxiproxyApi, embedded: ToxiproxyApi) -> Iterator[Case]:
    numbers = count()
    for what, measure in (
        (f"populate of {MESH}", _populate_ms),
        (f"{TOXICS} toxics added", _add_toxics_ms),
        (f"{TOXICS} toxics removed", _remove_toxics_ms),
    ):
        ways = (partial(measure, api, numbers) for api in (embedded, real))
        yield Case.of(
            run.interleaved(f"links: {what}", *ways), case=f"{what}, embedded / Toxiproxy", unit="ms"
        )


def _mb_per_s(address: str) -> float:
    """Send the load to a proxy that leads to the sink; it is through when the sink says so."""
    block = bytes(BLOCK_BYTES)
    with _dial(address) as connection:
        begin = time.monotonic()
        for _ in range(LOAD_BYTES // BLOCK_BYTES):
            connection.sendall(block)
        if not connection.recv(1):
            raise ConnectionError(f"{address} ended in the middle of the load")
        return LOAD_BYTES / (time.monotonic() - begin) / 1e6


def _round_trip_us(connection: socket.socket) -> float:
    begin = time.monotonic()
    for _ in range(ROUND_TRIPS):
        connection.sendall(b"ping")
        connection.recv(16)
    return (time.monotonic() - begin) * 1e6 / ROUND_TRIPS


def _populate_ms(api: ToxiproxyApi, numbers: Iterator[int]) -> float:
    number = next(numbers)
    with _mesh(api, number) as took_ms:
        return took_ms


def _add_toxics_ms(api: ToxiproxyApi, numbers: Iterator[int]) -> float:
    number = next(numbers)
    with _mesh(api, number):
        begin = time.monotonic()
        api.batch([add_toxic(proxy, _black_hole(stream)) for proxy, stream in _streams(number)])
        return (time.monotonic() - begin) * 1000


def _remove_toxics_ms(api: ToxiproxyApi, numbers: Iterator[int]) -> float:
    number = next(numbers)
    with _mesh(api, number):
        api.batch([add_toxic(proxy, _black_hole(stream)) for proxy, stream in _streams(number)])
        begin = time.monotonic()
        api.batch([remove_toxic(proxy, stream) for proxy, stream in _streams(number)])
        return (time.monotonic() - begin) * 1000


@contextmanager
def _mesh(api: ToxiproxyApi, number: int) -> Iterator[float]:
    """Make the proxies of a cluster that nobody uses; give the milliseconds that it took."""
    proxies = [
        Proxy(name=name, listen="127.0.0.1:0", upstream=api.api_address, enabled=True)
        for name in _names(number, MESH)
    ]
    begin = time.monotonic()
    api.populate(proxies)
    took_ms = (time.monotonic() - begin) * 1000
    try:
        yield took_ms
    finally:
        api.batch([delete_proxy(proxy.name) for proxy in proxies])


def _names(number: int, proxies: int) -> list[str]:
    return [f"mesh-{number}-{index}" for index in range(proxies)]


def _streams(number: int) -> list[tuple[str, str]]:
    return [(name, stream) for name in _names(number, TOXICS // 2) for stream in ("upstream", "downstream")]


def _black_hole(stream: str) -> Toxic:
    return Toxic(name=stream, type="timeout", stream=stream, attributes={"timeout": 0})


def _proxied(api: ToxiproxyApi, upstream: str) -> str:
    """Make a proxy to an address; return where it listens."""
    name = _name(upstream)
    return api.populate([Proxy(name=name, listen="127.0.0.1:0", upstream=upstream, enabled=True)])[
        name
    ].listen


def _name(upstream: str) -> str:
    return f"to-{upstream.rpartition(':')[2]}"


def _dial(address: str) -> socket.socket:
    connection = socket.create_connection(socket_address(address), SILENCE_REAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


@contextmanager
def _served(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve each connection in a thread of its own; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as threads:
        open_now: list[socket.socket] = []

        def serve_and_close(connection: socket.socket) -> None:
            with connection:
                serve(connection)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                open_now.append(connection)
                thread = threading.Thread(target=serve_and_close, args=(connection,))
                thread.start()
                threads.callback(thread.join)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            _end(open_now)


def _end(connections: Sequence[socket.socket]) -> None:
    """Wake whoever still reads from them."""
    for connection in connections:
        with suppress(OSError):  # closed, or ended by the other side
            connection.shutdown(socket.SHUT_RDWR)


def _swallow(connection: socket.socket) -> None:
    """Take loads, and say a byte behind each."""
    buffer, taken = bytearray(BLOCK_BYTES), 0
    while size := connection.recv_into(buffer):
        taken += size
        if taken >= LOAD_BYTES:
            connection.sendall(b".")
            taken -= LOAD_BYTES


def _echo(connection: socket.socket) -> None:
    while word := connection.recv(16):
        connection.sendall(word)
