"""The client of Toxiproxy's API: against the real server, and against servers that misbehave."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.links import api as api_module
from harness.links.api import ApiError, Call, LinkServerDied, Proxy, Toxic, ToxiproxyApi
from harness.links.calls import remove_toxic
from harness.links.locate import NoLinkServer, find_server
from harness.links.toxiproxy import server_argv, wait_ready
from harness.ports import Reservations
from tests.doubles.world import LinkServerProcess

UPSTREAM = "127.0.0.1:9"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ToxiproxyApi]:
    with Reservations() as ports:
        server = LinkServerProcess(ports.reserve(1)[0], tmp_path / "links.log")
        yield server.api
        server.close()


def proxy(name: str, listen: str = "127.0.0.1:0", *, enabled: bool = True) -> Proxy:
    return Proxy(name=name, listen=listen, upstream=UPSTREAM, enabled=enabled)


@contextmanager
def imitation(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does to its first connection what it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_proxies_are_made_in_one_call_and_told_as_they_are(api: ToxiproxyApi) -> None:
    """Thirty of them: the answer comes in chunks."""
    made = api.populate([proxy(f"p{n}") for n in range(30)])
    assert len(made) == 30
    assert not made["p7"].listen.endswith(":0"), "the real port is told"
    assert api.proxies() == made
    assert api.version == "2.12.0"


def test_a_batch_of_many_calls_is_made_in_order(api: ToxiproxyApi) -> None:
    """More than fit in flight at once; the last word counts."""
    api.populate([proxy("p")])
    calls = [Call("PATCH", "/proxies/p", {"enabled": bool(n % 2)}) for n in range(201)]
    assert len(api.batch(calls)) == 201
    assert not api.proxies()["p"].enabled


def test_toxics_are_told_as_they_were_made(api: ToxiproxyApi) -> None:
    """So that a comparison with what a cut puts there is exact."""
    api.populate([proxy("p")])
    body = {"name": "t", "type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}
    api.call(Call("POST", "/proxies/p/toxics", body))
    assert api.proxies()["p"].toxics == (
        Toxic(name="t", type="timeout", stream="upstream", attributes={"timeout": 0}),
    )


@pytest.mark.parametrize(
    ("call", "status", "error"),
    [
        (Call("GET", "/proxies/none"), 404, "proxy not found"),
        (Call("POST", "/proxies", {"name": "p", "upstream": UPSTREAM}), 409, "proxy already exists"),
        (Call("POST", "/proxies/p/toxics", {"type": "none"}), 400, "invalid toxic type"),
        (Call("GET", "/nothing"), 404, "404 page not found"),
    ],
)
def test_every_answer_but_a_2xx_raises_with_the_servers_own_sentence(
    api: ToxiproxyApi, call: Call, status: int, error: str
) -> None:
    """toxiproxy-python swallows most of these."""
    api.populate([proxy("p")])
    with pytest.raises(ApiError) as caught:
        api.batch([call, Call("GET", "/version")])
    assert (caught.value.status, caught.value.error) == (status, error)
    assert str(caught.value) == f"link server answered {status} to {call}: {error}"
    assert list(api.proxies()) == ["p"], "the connection is in step after an error"


def test_a_taken_port_is_a_500_that_raises(api: ToxiproxyApi) -> None:
    """And names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ApiError, match=f"500 to POST /populate: listen tcp 127.0.0.1:{port}"):
            api.populate([proxy("p", f"127.0.0.1:{port}")])


def test_a_connection_that_the_server_closed_while_idle_is_opened_anew(api: ToxiproxyApi) -> None:
    """Toxiproxy does so after a minute."""
    assert api.proxies() == {}
    assert api._socket is not None
    api._socket.shutdown(socket.SHUT_RD)  # as if the server had closed: reading finds the end
    assert api.proxies() == {}


def test_nobody_listening_is_a_dead_link_server() -> None:
    """Refused."""
    with Reservations() as ports:
        (address,) = ports.reserve(1)
        with pytest.raises(LinkServerDied, match=rf"at {address} did not answer GET /version: .*refused"):
            _ = ToxiproxyApi(address).version


def test_silence_ends_after_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toxiproxy 2.12 can hang for ever on a toxic; nobody waits for it."""
    monkeypatch.setattr(api_module, "CALL_TIMEOUT_REAL_S", 0.05)
    with imitation(wait_for_end) as address, pytest.raises(LinkServerDied, match="timed out"):
        ToxiproxyApi(address).proxies()


def test_the_call_that_was_not_answered_is_named() -> None:
    """Not the first of those that were sent with it."""

    def behave(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    calls = [remove_toxic("p", "first"), remove_toxic("p", "second")]
    with imitation(behave) as address, pytest.raises(LinkServerDied, match="DELETE /proxies/p/toxics/second"):
        ToxiproxyApi(address).batch(calls)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "no HTTP answer but b'SSH-2.0-OpenSSH"),
        (b"", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "ended inside its headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "ended after 2 of 10 bytes"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\n<html>", "gave up on GET /proxies after 25 s"),
    ],
)
def test_what_is_no_answer_is_a_dead_link_server(answer: bytes, message: str) -> None:
    """Cut short, of another protocol, or the server's own time-out page."""

    def behave(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer)

    with imitation(behave) as address, pytest.raises(LinkServerDied, match=message):
        ToxiproxyApi(address).proxies()


def test_a_server_whose_api_port_is_taken_is_not_mistaken_for_the_one_that_answers(tmp_path: Path) -> None:
    """Toxiproxy lives on without an API; the API that answers is another server's."""
    with Reservations() as ports:
        (address,) = ports.reserve(1)
        first = LinkServerProcess(address, tmp_path / "first.log")
        log = (tmp_path / "second.log").open("wb")
        environment = {**os.environ, "LOG_LEVEL": "error"}
        second = subprocess.Popen(server_argv(find_server(), address), stdout=log, env=environment)
        with pytest.raises(
            LinkServerDied, match=rf"not of the link server that was started \(pid {second.pid}"
        ):
            wait_ready(address, pid=second.pid)
        second.kill()
        second.wait()
        log.close()
        first.close()


def test_no_link_server_names_the_command_that_installs_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither named, nor on PATH, nor installed."""
    monkeypatch.delenv("TOXIPROXY_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(NoLinkServer, match="`cutheal toxiproxy install` installs it"):
        find_server()


def test_a_named_server_that_is_none_is_an_error_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names one wants that one."""
    monkeypatch.setenv("TOXIPROXY_SERVER", "/no/such/file")
    with pytest.raises(NoLinkServer, match=r"\$TOXIPROXY_SERVER is '/no/such/file', which is no program"):
        find_server()


def wait_for_end(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass
