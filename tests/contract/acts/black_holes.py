"""The timeout toxic: a black hole, and the end of a connection in which nothing comes."""

import time

from tests.contract.server import Server


def bytes_towards_the_upstream_are_lost(server: Server) -> None:
    """On a connection that was there and on a new one; the other way nothing is lost."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    there = server.live_wire(listen, listener)
    server.toxic("timeout", "upstream", timeout=0)
    for wire in (there, server.wire(listen, listener)):
        wire.client.sends(b"lost")
        wire.upstream.hears_nothing()
        wire.upstream.sends(b"found")
        wire.client.hears(b"found")


def bytes_towards_the_client_are_lost(server: Server) -> None:
    """The same, the other way round."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    there = server.live_wire(listen, listener)
    server.toxic("timeout", "downstream", timeout=0)
    for wire in (there, server.wire(listen, listener)):
        wire.upstream.sends(b"lost")
        wire.client.hears_nothing()
        wire.client.sends(b"found")
        wire.upstream.hears(b"found")


def megabytes_are_lost_without_an_end(server: Server) -> None:
    """Who speaks into a black hole is never stopped: everything is taken."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("timeout", "upstream", timeout=0)
    wire.client.sends(bytes(8_000_000))
    wire.upstream.hears_nothing()


def an_end_is_not_swallowed(server: Server) -> None:
    """It passes at once, without the bytes before it; both sides hear it."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    server.toxic("timeout", "upstream", timeout=0)
    wire.client.sends(b"lost")
    wire.client.leaves()
    wire.upstream.hears_the_end()


def removal_ends_every_connection(server: Server) -> None:
    """TestTimeoutToxicClosesConnectionOnRemove: idle ones too, both sides, in order; new ones are whole."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    idle, busy = server.live_wire(listen, listener), server.live_wire(listen, listener)
    server.toxic("timeout", "upstream", timeout=0)
    busy.client.sends(b"lost")
    server.remove()
    for wire in (idle, busy):
        wire.client.hears_the_end()
        wire.upstream.hears_the_end()
    server.live_wire(listen, listener)


def removal_ends_connections_that_it_never_touched(server: Server) -> None:
    """Those that rolled past its toxicity, too: it is not known which."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("timeout", toxicity=0, timeout=0)
    wire.carries_both_ways()
    server.remove()
    wire.client.hears_the_end()
    wire.upstream.hears_the_end()


def removal_leaves_other_proxies_alone(server: Server) -> None:
    """Their toxics too."""
    listener = server.listener()
    mine, other = server.proxy(upstream=listener.address), server.proxy("q", upstream=listener.address)
    ended, wire = server.live_wire(mine, listener), server.live_wire(other, listener)
    for proxy in ("p", "q"):
        server.toxic("timeout", "upstream", proxy=proxy, timeout=0)
    server.remove()
    ended.client.hears_the_end()
    wire.client.sends(b"lost")
    wire.upstream.hears_nothing()
    wire.upstream.sends(b"found")
    wire.client.hears(b"found")


def a_reset_ends_every_connection(server: Server) -> None:
    """For it removes the toxic."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    server.toxic("timeout", timeout=0)
    server.does("POST", "/reset")
    wire.client.hears_the_end()
    wire.upstream.hears_the_end()
    server.live_wire(listen, listener)


def toxicity_0_heals_without_an_end(server: Server) -> None:
    """The side door: what was lost stays lost, what is said from now on arrives on the same connection."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("timeout", "upstream", timeout=0)
    wire.client.sends(b"lost")
    wire.upstream.hears_nothing()
    server.change(toxicity=0)
    wire.carries_both_ways()


def silence_ends_a_connection_after_its_time(server: Server) -> None:
    """Of that direction; words in it are lost; both sides hear the end."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("timeout", "upstream", timeout=300)
    begin = time.monotonic()
    wire = server.wire(listen, listener)
    wire.client.sends(b"lost")
    wire.upstream.hears_the_end()
    wire.client.hears_the_end()
    assert time.monotonic() - begin >= 0.3


def each_word_starts_the_time_anew(server: Server) -> None:
    """Steady traffic is never ended by it."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("timeout", "upstream", timeout=1000)
    wire = server.wire(listen, listener)
    wire.client.hears_nothing(0.2)
    spoken = time.monotonic()
    wire.client.sends(b"lost")
    wire.upstream.hears_the_end()
    assert time.monotonic() - spoken >= 1.0


def an_update_gives_live_connections_a_time(server: Server) -> None:
    """The black hole becomes one that ends what idles; the update itself ends nothing."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("timeout", "upstream", timeout=0)
    server.change(attributes={"timeout": 3_600_000})
    wire.upstream.sends(b"still there")
    wire.client.hears(b"still there")
    server.change(attributes={"timeout": 50})
    wire.upstream.hears_the_end()
    wire.client.hears_the_end()


def a_time_below_0_is_a_black_hole(server: Server) -> None:
    """The page does not say: as if it were 0."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("timeout", "upstream", timeout=-5)
    wire.client.sends(b"lost")
    wire.upstream.hears_nothing()
    wire.upstream.sends(b"found")
    wire.client.hears(b"found")


def what_stands_before_it_can_be_removed(server: Server) -> None:
    """TestTimeoutToxicDoesNotCauseHang: with words on their way between the two."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", "upstream", latency=10)
    server.toxic("timeout", "upstream", name="hole", timeout=0)
    for _ in range(5):
        wire.client.sends(b"hello")
        wire.upstream.hears_nothing()
    server.remove()
    wire.client.sends(b"lost still")
    wire.upstream.hears_nothing()


def a_slow_close_behind_it_keeps_the_end_too(server: Server) -> None:
    """The nearest thing to a silent network that there is: neither bytes nor ends."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("timeout", "upstream", timeout=0)
    server.toxic("slow_close", "upstream", name="slow", delay=3_600_000)
    wire.client.sends(b"lost")
    wire.client.leaves()
    wire.upstream.hears_nothing()
