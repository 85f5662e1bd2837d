"""toxiproxy-python, the independent client: what it makes of the answers (toxiproxy.md 3, traps included).

Its address is one for the process: whoever calls names the server first.
"""

import json

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from harness.links.link import socket_address
from tests.contract.server import Server

NOWHERE = "127.0.0.1:9"


def client_of(this: Server) -> Toxiproxy:
    """Return the client, aimed at this server."""
    client = Toxiproxy()
    client.update_api_consumer(*socket_address(this.api.api_address))
    return client


def it_finds_the_server_and_its_version(server: Server) -> None:
    """Which it hands out as the bytes of the answer."""
    client = client_of(server)
    assert client.running()
    assert json.loads(client.version())["version"].startswith("2.12")


def it_makes_finds_and_destroys_proxies(server: Server) -> None:
    """It asks for any port and reads the real one back."""
    client = client_of(server)
    proxy = client.create(upstream=NOWHERE, name="p")
    assert proxy.enabled
    assert proxy.listen == server.does("GET", "/proxies/p")["listen"]
    assert client.get_proxy("p").upstream == NOWHERE
    assert client.get_proxy("none") is None
    client.create(upstream=NOWHERE, name="q", enabled=False)
    assert {name: found.enabled for name, found in client.proxies().items()} == {"p": True, "q": False}
    assert client.destroy(proxy)
    assert client.destroy("q") is False, "it takes proxies only"
    client.destroy_all()
    assert client.proxies() == {}


def it_hears_what_is_refused(server: Server) -> None:
    """400, 404 and 409, each as an exception of its own with the body in it."""
    client = client_of(server)
    proxy = client.create(upstream=NOWHERE, name="p")
    for call, error, text in (
        (lambda: client.create(upstream=NOWHERE, name="p"), ProxyExists, "already exists"),
        (lambda: client.create(upstream=NOWHERE, name=""), InvalidToxic, "missing required field: name"),
        (lambda: proxy.add_toxic(type="none"), InvalidToxic, "invalid toxic type"),
        (lambda: proxy.add_toxic(type="noop", stream="x"), InvalidToxic, "stream was invalid"),
        (lambda: proxy.destroy_toxic("none"), NotFound, "toxic not found"),
    ):
        try:
            call()
        except error as problem:
            assert text in str(problem), problem  # noqa: PT017 - one table, not five tests
        else:
            raise AssertionError(f"{text}: was not refused")
    proxy.add_toxic(type="noop")
    try:
        proxy.add_toxic(type="noop")
    except ProxyExists as problem:
        assert "toxic already exists" in str(problem), problem  # noqa: PT017 - as above
    else:
        raise AssertionError("a toxic was added twice")


def it_adds_and_lists_toxics(server: Server) -> None:
    """With its own defaults spelt out, which are the server's."""
    client = client_of(server)
    proxy = client.create(upstream=NOWHERE, name="p")
    proxy.add_toxic(type="latency", attributes={"latency": 5})
    proxy.add_toxic(type="timeout", stream="upstream", name="hole", toxicity=0.5)
    toxics = proxy.toxics()
    assert {name: (t.type, t.stream, t.toxicity) for name, t in toxics.items()} == {
        "latency_downstream": ("latency", "downstream", 1),
        "hole": ("timeout", "upstream", 0.5),
    }
    assert proxy.get_toxic("latency_downstream").attributes == {"latency": 5, "jitter": 0}
    assert proxy.destroy_toxic("hole")
    assert proxy.get_toxic("hole") is None


def it_populates_by_calls_of_its_own(server: Server) -> None:
    """Only what is new is returned; what is there and differs is made anew."""
    client = client_of(server)
    first, second = server.ports.reserve(2)
    entries = [{"name": "p", "upstream": NOWHERE, "listen": first}]
    assert [proxy.name for proxy in client.populate(entries)] == ["p"]
    assert client.populate(entries) == []
    (moved,) = client.populate([{"name": "p", "upstream": NOWHERE, "listen": second}])
    assert moved.listen == second
    assert list(client.proxies()) == ["p"]


def it_resets(server: Server) -> None:
    """And tells whether that went well: a 500 is a False."""
    client = client_of(server)
    proxy = client.create(upstream=NOWHERE, name="p")
    proxy.add_toxic(type="noop")
    proxy.disable()
    assert client.reset() is True
    assert (client.get_proxy("p").enabled, proxy.toxics()) == (True, {})
    taken = client.create(upstream=NOWHERE, name="taken")
    client.create(upstream=NOWHERE, name="q", listen=taken.listen, enabled=False)
    assert client.reset() is False
