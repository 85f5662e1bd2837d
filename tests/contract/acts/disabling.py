"""What a disabled proxy does to connections (toxiproxy.md 1.3 and 1.5)."""

from tests.contract.peers import assert_refused
from tests.contract.server import Server


def a_disabled_proxy_refuses(server: Server) -> None:
    """TestCreateDisabledProxyAndEnable, TestStopProxyBeforeStarting: until it is enabled; again and again."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    for _ in range(3):
        server.update(enabled=False)
        assert_refused(listen)
        server.update(enabled=True)
        server.live_wire(listen, listener)


def a_proxy_made_disabled_refuses(server: Server) -> None:
    """Nobody listens there before it is enabled."""
    listener = server.listener()
    listen = server.reserve()
    server.proxy(upstream=listener.address, listen=listen, enabled=False)
    assert_refused(listen)
    server.update(enabled=True)
    server.live_wire(listen, listener)


def disabling_ends_live_connections(server: Server) -> None:
    """An orderly end to both sides, of those that idle and of those that have just spoken."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wires = [server.live_wire(listen, listener) for _ in range(5)]
    server.update(enabled=False)
    for wire in wires:
        wire.client.hears_the_end()
        wire.upstream.hears_the_end()


def disabling_ends_what_is_held(server: Server) -> None:
    """Bytes that a toxic holds are never delivered; the proxy and its toxic outlive it."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("latency", "upstream", latency=3_600_000)
    wire = server.wire(listen, listener)
    wire.client.sends(b"held")
    wire.upstream.hears_nothing()
    server.update(enabled=False)
    wire.client.hears_the_end()
    wire.upstream.hears_the_end()
    server.update(enabled=True)
    late = server.wire(listen, listener)
    late.client.sends(b"held again")
    late.upstream.hears_nothing()


def a_reset_opens_what_is_disabled(server: Server) -> None:
    """TestResetState: on the same port."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.update(enabled=False)
    assert_refused(listen)
    server.does("POST", "/reset")
    server.live_wire(listen, listener)


def a_disabled_proxy_can_be_moved(server: Server) -> None:
    """It stays disabled; enabled, it listens where it was moved to."""
    listener = server.listener()
    first, second = server.ports.reserve(2)
    server.proxy(upstream=listener.address, listen=first, enabled=False)
    server.update(listen=second)
    assert_refused(first)
    assert_refused(second)
    server.update(enabled=True)
    assert_refused(first)
    server.live_wire(second, listener)


def moving_and_disabling_at_once_leaves_it_disabled(server: Server) -> None:
    """One call that says both."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    other = server.reserve()
    assert server.update(listen=other, enabled=False)["enabled"] is False
    wire.client.hears_the_end()
    assert_refused(listen)
    assert_refused(other)


def a_populated_entry_does_not_enable(server: Server) -> None:
    """Where the proxy is there already, whatever the entry says."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.update(enabled=False)
    entry = {"name": "p", "listen": listen, "upstream": listener.address, "enabled": True}
    (told,) = server.does("POST", "/populate", [entry])["proxies"]
    assert told["enabled"] is False
    assert_refused(listen)


def one_disabled_proxy_leaves_others_alone(server: Server) -> None:
    """To the same upstream."""
    listener = server.listener()
    first, second = server.proxy(upstream=listener.address), server.proxy("q", upstream=listener.address)
    one, other = server.live_wire(first, listener), server.live_wire(second, listener)
    server.update(enabled=False)
    other.carries_both_ways()
    one.client.hears_the_end()
    server.live_wire(second, listener)
