"""The latency toxic: bytes late, held for long, and delivered."""

import time
from random import Random

from tests.contract.server import Server

HOUR_MS = 3_600_000


def takes(server: Server, stream: str, *latencies: int, jitter: int = 0, existing: bool = False) -> float:
    """Return how long a word takes one way, in seconds."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    there = server.live_wire(listen, listener) if existing else None
    for number, latency in enumerate(latencies):
        server.toxic("latency", stream, name=f"t{number}", latency=latency, jitter=jitter)
    wire = there or server.wire(listen, listener)
    speaker, hearer = (wire.client, wire.upstream)[:: 1 if stream == "upstream" else -1]
    begin = time.monotonic()
    speaker.sends(b"late")
    hearer.hears(b"late")
    return time.monotonic() - begin


def bytes_towards_the_upstream_come_late(server: Server) -> None:
    """TestUpstreamLatency."""
    assert takes(server, "upstream", 250) >= 0.25


def bytes_towards_the_client_come_late(server: Server) -> None:
    """TestDownstreamLatency."""
    assert takes(server, "downstream", 250) >= 0.25


def a_live_connection_is_slow_at_once(server: Server) -> None:
    """No new one is needed."""
    assert takes(server, "upstream", 250, existing=True) >= 0.25


def two_delays_add_up(server: Server) -> None:
    """TestTwoLatencyToxics."""
    assert takes(server, "downstream", 200, 150) >= 0.35


def jitter_shortens_at_most_by_itself(server: Server) -> None:
    """TestFullstreamLatencyEven and its siblings: latency plus or minus jitter."""
    assert takes(server, "upstream", 300, jitter=50) >= 0.25


def one_stream_alone_is_late(server: Server) -> None:
    """What is said the other way is heard while the first word is still under way."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("latency", "upstream", latency=HOUR_MS)
    wire = server.wire(listen, listener)
    wire.client.sends(b"held")
    wire.upstream.sends(b"passes")
    wire.client.hears(b"passes")
    wire.upstream.hears_nothing()


def words_are_late_together_and_not_one_after_another(server: Server) -> None:
    """TestLatencyToxicBandwidth: twenty of half a second, in order, are not ten seconds late."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("latency", "upstream", latency=500)
    wire = server.wire(listen, listener)
    begin = time.monotonic()
    for number in range(20):
        wire.client.sends(bytes([number]) * 1000)
    for number in range(20):
        wire.upstream.hears(bytes([number]) * 1000)
    assert 0.5 <= time.monotonic() - begin < 8


def removal_delivers_what_is_held(server: Server) -> None:
    """TestNoDataDropped: all of it, in order, at once, and the connection lives on."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", "upstream", latency=HOUR_MS)
    words = [bytes([number]) * 100 for number in range(50)]
    for word in words:
        wire.client.sends(word)
    wire.upstream.hears_nothing()
    server.remove()
    wire.upstream.hears(b"".join(words))
    wire.carries_both_ways()


def a_reset_delivers_what_is_held(server: Server) -> None:
    """As removal does."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", latency=HOUR_MS)
    wire.upstream.sends(b"held")
    wire.client.hears_nothing()
    server.does("POST", "/reset")
    wire.client.hears(b"held")
    wire.carries_both_ways()


def an_update_delivers_what_is_held(server: Server) -> None:
    """The first word at once, the others after their new delay: here, none."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", "upstream", latency=HOUR_MS)
    for word in (b"one", b"two", b"three"):
        wire.client.sends(word)
    wire.upstream.hears_nothing()
    server.change(attributes={"latency": 0})
    wire.upstream.hears(b"onetwothree")
    wire.carries_both_ways()


def an_update_to_toxicity_0_delivers_what_is_held(server: Server) -> None:
    """And the connection lives on."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", "upstream", latency=HOUR_MS)
    wire.client.sends(b"held")
    wire.upstream.hears_nothing()
    server.change(toxicity=0)
    wire.upstream.hears(b"held")
    wire.carries_both_ways()


def two_megabytes_can_be_held(server: Server) -> None:
    """And are delivered whole: up to 1,024 pieces wait on each connection."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", "upstream", latency=HOUR_MS)
    data = Random(6).randbytes(2_000_000)
    wire.client.sends(data)
    wire.upstream.hears_nothing()
    server.remove()
    wire.upstream.hears(data)


def an_end_waits_behind_what_is_held(server: Server) -> None:
    """Nothing is lost by leaving: the words are heard, late, then the end. TestLatencyToxicCloseRace."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("latency", "upstream", latency=300)
    wire = server.wire(listen, listener)
    begin = time.monotonic()
    wire.client.sends(b"last words")
    wire.client.leaves()
    wire.upstream.hears(b"last words")
    wire.upstream.hears_the_end()
    assert time.monotonic() - begin >= 0.3


def what_is_held_outlives_who_said_it(server: Server) -> None:
    """An abandoned request is delivered when the link heals: the client has gone, the words arrive."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", "upstream", latency=HOUR_MS)
    wire.client.sends(b"abandoned")
    wire.client.leaves()
    wire.upstream.hears_nothing()
    server.remove()
    wire.upstream.hears(b"abandoned")
    wire.upstream.hears_the_end()
