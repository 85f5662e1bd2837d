"""The bandwidth toxic: so many kilobytes of 1,000 bytes a second, for each connection and direction."""

import time

from tests.contract.server import Server, Wire

DATA = bytes(range(256)) * 400


def throttled(server: Server, rate: int, *, existing: bool = False) -> Wire:
    """Return a connection on which 102 kB wait to go upstream at that rate."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    there = server.live_wire(listen, listener) if existing else None
    server.toxic("bandwidth", "upstream", rate=rate)
    wire = there or server.wire(listen, listener)
    wire.client.sends(DATA)
    return wire


def bytes_come_at_their_rate(server: Server) -> None:
    """TestBandwidthToxic: 102 kB at 200 kB/s, on a new connection and on one that was there."""
    for existing in (False, True):
        begin = time.monotonic()
        throttled(server, 200, existing=existing).upstream.hears(DATA)
        assert time.monotonic() - begin >= 0.8 * len(DATA) / 200_000
        server.does("DELETE", "/proxies/p")


def bytes_come_by_and_by(server: Server) -> None:
    """A tenth of a second's worth at a time: one byte more than two of them is in the third."""
    wire = throttled(server, 20)
    begin = time.monotonic()
    wire.upstream.hears_bytes(2 * 2000 + 1)
    assert time.monotonic() - begin >= 0.2


def the_other_direction_is_not_slow(server: Server) -> None:
    """It is heard while the slow one, which takes a hundred seconds, is under way."""
    begin = time.monotonic()
    wire = throttled(server, 1)
    wire.upstream.sends(b"passes")
    wire.client.hears(b"passes")
    wire.upstream.hears_bytes(300)
    assert time.monotonic() - begin >= 0.2
    server.remove()
    wire.upstream.hears(DATA[300:])


def removal_delivers_the_rest(server: Server) -> None:
    """At once and whole; the connection lives on."""
    wire = throttled(server, 1)
    begin = time.monotonic()
    wire.upstream.hears_bytes(200)
    assert time.monotonic() - begin >= 0.1
    server.remove()
    wire.upstream.hears(DATA[200:])
    wire.carries_both_ways()


def an_update_changes_the_rate_of_what_waits(server: Server) -> None:
    """From a hundred seconds to one: of a rate above what waits in its hand Toxiproxy 2.12 may die."""
    wire = throttled(server, 1, existing=True)
    begin = time.monotonic()
    wire.upstream.hears_bytes(200)
    assert time.monotonic() - begin >= 0.1
    server.change(attributes={"rate": 100})
    wire.upstream.hears(DATA[200:])


def rate_0_holds_everything(server: Server) -> None:
    """Up to 2.12 (from 2.13 on it means no limit): nothing passes, nothing is lost, removal delivers it."""
    wire = throttled(server, 0, existing=True)
    wire.upstream.hears_nothing(0.3)
    server.remove()
    wire.upstream.hears(DATA)
    wire.carries_both_ways()


def an_end_waits_behind_its_bytes(server: Server) -> None:
    """What was said before leaving comes whole, at its rate."""
    begin = time.monotonic()
    wire = throttled(server, 200)
    wire.client.leaves()
    wire.upstream.hears(DATA)
    wire.upstream.hears_the_end()
    assert time.monotonic() - begin >= 0.8 * len(DATA) / 200_000


def each_connection_has_a_rate_of_its_own(server: Server) -> None:
    """One that is held up does not hold up another: both are as slow as if they were alone."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("bandwidth", "upstream", rate=2)
    clogged, other = server.wire(listen, listener), server.wire(listen, listener)
    clogged.client.sends(DATA)
    begin = time.monotonic()
    other.client.sends(bytes(1000))
    other.upstream.hears(bytes(1000))
    assert time.monotonic() - begin >= 0.4
