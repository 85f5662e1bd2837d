"""Many at once: connections, callers of the API, and both together."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from harness.links.api import Call, Toxic, ToxiproxyApi
from harness.links.calls import add_toxic, delete_proxy, enable, remove_toxic
from tests.contract.server import Answer, Server

CONNECTIONS = 500
CALLERS = 8


def at_once(callers: int, do: Callable[[int], object]) -> list[object]:
    """Let threads do it together, each told its number; return what they returned."""
    together = threading.Barrier(callers)

    def join_in(number: int) -> object:
        together.wait()
        return do(number)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(join_in, range(callers)))


def statuses(answers: Sequence[object]) -> Counter[int]:
    """How often each status was answered."""
    return Counter(answer.status for answer in answers if isinstance(answer, Answer))


def five_hundred_connections_are_carried_at_once(server: Server) -> None:
    """Each its own word, there and back, all of them open; then all end when the proxy does."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wires = [server.wire(listen, listener) for _ in range(CONNECTIONS)]
    for number, wire in enumerate(wires):
        wire.client.sends(b"%04d" % number)
    heard = sorted(wire.upstream.hears_bytes(4) for wire in wires)
    assert heard == [b"%04d" % number for number in range(CONNECTIONS)]
    for wire in wires:
        wire.upstream.sends(b"back")
    for wire in wires:
        wire.client.hears(b"back")
    server.does("DELETE", "/proxies/p")
    for wire in wires:
        wire.client.hears_the_end()


def connections_that_come_and_go_leave_nothing(server: Server) -> None:
    """A thousand, one after another: the server has as many files open as before."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.live_wire(listen, listener)
    before = server.open_files()
    for _ in range(1000):
        wire = server.wire(listen, listener)
        wire.client.leaves()
        wire.upstream.hears_the_end()
        wire.upstream.leaves()
    server.comes_to(f"at most {before + 5} open files", lambda: server.open_files() <= before + 5)


def callers_do_not_disturb_each_other(server: Server) -> None:
    """Eight at once, each with a proxy of its own: made, cut, healed, disabled, deleted, thirty times."""

    def work(number: int) -> None:
        api, name = ToxiproxyApi(server.api.api_address), f"p{number}"
        hole = Toxic(name="t", type="timeout", stream="upstream", attributes={"timeout": 0})
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
        make = Call("POST", "/proxies", body)
        try:
            for _ in range(30):
                api.batch([make, add_toxic(name, hole), enable(name, enabled=False)])
                told = api.proxy(name)
                assert (told.enabled, [toxic.name for toxic in told.toxics]) == (False, ["t"])
                api.batch([remove_toxic(name, "t"), delete_proxy(name)])
        finally:
            api.close()

    at_once(CALLERS, work)
    assert server.does("GET", "/proxies") == {}


def a_name_that_many_ask_for_is_given_once(server: Server) -> None:
    """A 201 for one, a 409 for all others; the same for a toxic."""
    proxy = {"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
    answers = at_once(CALLERS, lambda _: server.ask("POST", "/proxies", proxy))
    assert statuses(answers) == {201: 1, 409: CALLERS - 1}
    answers = at_once(CALLERS, lambda _: server.ask("POST", "/proxies/p/toxics", {"type": "noop"}))
    assert statuses(answers) == {200: 1, 409: CALLERS - 1}
    answers = at_once(CALLERS, lambda _: server.ask("DELETE", "/proxies/p"))
    assert statuses(answers) == {204: 1, 404: CALLERS - 1}


def a_port_that_many_ask_for_is_given_once(server: Server) -> None:
    """A 201 for one, a 500 for all others, of which no proxy is left."""
    listen = server.reserve()

    def ask(number: int) -> Answer:
        body = {"name": f"p{number}", "listen": listen, "upstream": "127.0.0.1:9"}
        return server.ask("POST", "/proxies", body)

    assert statuses(at_once(CALLERS, ask)) == {201: 1, 500: CALLERS - 1}
    assert len(server.does("GET", "/proxies")) == 1


def the_last_of_many_switches_counts(server: Server) -> None:
    """Switched by eight at once, a proxy is in the end what it tells, and can be switched again."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)

    def switch(number: int) -> None:
        for turn in range(20):
            server.update(enabled=bool((number + turn) % 2))

    at_once(CALLERS, switch)
    server.update(enabled=True)
    server.live_wire(listen, listener)


def the_api_answers_while_bytes_stream(server: Server) -> None:
    """Toxics come and go on a connection with megabytes in flight; all bytes arrive. (Somebody must read.)"""
    listener = server.listener()
    wire = server.wire(server.proxy(upstream=listener.address), listener)
    data = bytes(range(256)) * 100_000
    with ThreadPoolExecutor(2) as pool:
        sent = pool.submit(wire.client.sends, data)
        heard = pool.submit(wire.upstream.hears, data)
        for _ in range(20):
            server.toxic("latency", "upstream", latency=1)
            server.remove()
        assert (sent.exception(), heard.exception()) == (None, None)


def a_caller_that_says_nothing_stops_nobody(server: Server) -> None:
    """A hundred open connections to the API, idle or in the middle of a request."""
    for number in range(100):
        server.says(b"GET /ver" if number % 2 else b"")
    server.is_alive()
    with socket.create_connection(("127.0.0.1", int(server.api.api_address.rsplit(":", 1)[1])), 5):
        assert server.does("GET", "/proxies") == {}
