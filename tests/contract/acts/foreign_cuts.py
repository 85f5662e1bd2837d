"""Cuts made by toxiproxy-python: what it asks for is done to bytes too."""

from tests.contract.answers.foreign_client import client_of
from tests.contract.peers import assert_refused
from tests.contract.server import Server


def down_refuses_for_the_block(server: Server) -> None:
    """And ends what lives; behind the block it listens again."""
    listener = server.listener()
    proxy = client_of(server).create(upstream=listener.address, name="p")
    wire = server.live_wire(proxy.listen, listener)
    with proxy.down():
        assert_refused(proxy.listen)
        wire.client.hears_the_end()
    server.live_wire(proxy.listen, listener)


def a_toxic_acts_until_it_is_destroyed(server: Server) -> None:
    """Latency holds; destroyed, it delivers."""
    listener = server.listener()
    proxy = client_of(server).create(upstream=listener.address, name="p")
    wire = server.live_wire(proxy.listen, listener)
    proxy.add_toxic(type="latency", stream="upstream", name="hold", attributes={"latency": 3_600_000})
    wire.client.sends(b"held")
    wire.upstream.hears_nothing()
    assert proxy.destroy_toxic("hold")
    wire.upstream.hears(b"held")


def a_black_hole_is_reset(server: Server) -> None:
    """By its client's reset: connections end, new ones are whole."""
    listener = server.listener()
    client = client_of(server)
    proxy = client.create(upstream=listener.address, name="p")
    wire = server.live_wire(proxy.listen, listener)
    proxy.add_toxic(type="timeout", stream="downstream", attributes={"timeout": 0})
    wire.upstream.sends(b"lost")
    wire.client.hears_nothing()
    assert client.reset()
    wire.client.hears_the_end()
    server.live_wire(proxy.listen, listener)


def what_is_destroyed_ends(server: Server) -> None:
    """A proxy made while another of the same upstream is down stands for itself."""
    listener = server.listener()
    client = client_of(server)
    first = client.create(upstream=listener.address, name="p")
    second = client.create(upstream=listener.address, name="q")
    first.disable()
    wire = server.live_wire(second.listen, listener)
    assert_refused(first.listen)
    assert second.destroy()
    wire.client.hears_the_end()
    assert_refused(second.listen)
