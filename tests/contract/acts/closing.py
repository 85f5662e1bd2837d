"""The toxics of ends: slow_close, limit_data and reset_peer."""

import time

from tests.contract.server import Server, Wire

HOUR_MS = 3_600_000


def limited(server: Server, limit: int, *, existing: bool = False) -> Wire:
    """Return a connection that takes so many bytes upstream."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    there = server.live_wire(listen, listener) if existing else None
    server.toxic("limit_data", "upstream", bytes=limit)
    return there or server.wire(listen, listener)


def is_over(wire: Wire) -> None:
    """Both sides hear the end."""
    wire.upstream.hears_the_end()
    wire.client.hears_some_end()


def slow_close_delays_the_end_alone(server: Server) -> None:
    """Words pass at once; who is left hears so late."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("slow_close", "upstream", delay=300)
    wire = server.live_wire(listen, listener)
    begin = time.monotonic()
    wire.client.sends(b"at once")
    wire.client.leaves()
    wire.upstream.hears(b"at once")
    wire.upstream.hears_the_end()
    assert time.monotonic() - begin >= 0.3


def an_end_that_is_held_comes_with_removal(server: Server) -> None:
    """Or with an update to no delay."""
    for end in ("removal", "update"):
        listener = server.listener()
        wire = server.live_wire(server.proxy(upstream=listener.address), listener)
        server.toxic("slow_close", "upstream", delay=HOUR_MS)
        wire.client.leaves()
        wire.upstream.hears_nothing()
        if end == "removal":
            server.remove()
        else:
            server.change(attributes={"delay": 0})
        wire.upstream.hears_the_end()
        server.does("DELETE", "/proxies/p")


def who_leaves_late_can_be_spoken_to(server: Server) -> None:
    """The other direction is not slow: what is said to who has left is lost, its end is heard at once."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("slow_close", "upstream", delay=HOUR_MS)
    wire.client.sends_no_more()
    wire.upstream.hears_nothing()
    wire.upstream.sends(b"still heard")
    wire.client.hears(b"still heard")


def so_many_bytes_pass_and_no_more(server: Server) -> None:
    """TestLimitDataToxicChunkBiggerThanLimit, ...SecondChunkWouldOverflowLimit: then both sides end."""
    wire = limited(server, 10)
    wire.client.sends(b"0123456789abcdef")
    wire.upstream.hears(b"0123456789")
    is_over(wire)
    server.does("DELETE", "/proxies/p")
    wire = limited(server, 10)
    wire.client.sends(b"012345")
    wire.upstream.hears(b"012345")
    wire.client.sends(b"6789abcdef")
    wire.upstream.hears(b"6789")
    is_over(wire)


def the_end_comes_with_the_last_byte(server: Server) -> None:
    """TestLimitDataToxicChunkLengthMatchesLimit, ...MultipleChunksMatchThanLimit: not with one too many."""
    wire = limited(server, 4)
    wire.client.sends(b"01")
    wire.upstream.hears(b"01")
    wire.client.sends(b"23")
    wire.upstream.hears(b"23")
    is_over(wire)


def a_limit_of_0_ends_with_the_first_byte(server: Server) -> None:
    """TestLimitDataToxicLimitIsSetToZero; below 0 too, which the page does not say. Nothing passes."""
    for limit in (0, -5):
        wire = limited(server, limit, existing=True)
        wire.upstream.sends(b"lives")
        wire.client.hears(b"lives")
        wire.client.sends(b"x")
        is_over(wire)
        server.does("DELETE", "/proxies/p")


def below_the_limit_the_other_direction_is_free(server: Server) -> None:
    """TestLimitDataToxicChunkSmallerThanLimit: what is said the other way does not count."""
    wire = limited(server, 4)
    wire.upstream.sends(b"more than four")
    wire.client.hears(b"more than four")
    wire.client.sends(b"0123")
    wire.upstream.hears(b"0123")
    is_over(wire)


def each_connection_has_a_limit_of_its_own(server: Server) -> None:
    """It counts from when the toxic meets the connection."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    there = server.live_wire(listen, listener)
    server.toxic("limit_data", "upstream", bytes=4)
    for wire in (there, server.wire(listen, listener), server.wire(listen, listener)):
        wire.client.sends(b"012345")
        wire.upstream.hears(b"0123")
        is_over(wire)


def an_update_goes_on_counting(server: Server) -> None:
    """TestLimitDataToxicMayBeRestarted, ...MayBeInterrupted: what has passed stays counted."""
    wire = limited(server, 4)
    wire.client.sends(b"012")
    wire.upstream.hears(b"012")
    server.change(attributes={"bytes": 6})
    wire.client.sends(b"3456789")
    wire.upstream.hears(b"345")
    is_over(wire)


def a_limit_that_is_lowered_below_what_has_passed_ends_with_the_next(server: Server) -> None:
    """Not with the update."""
    wire = limited(server, 100)
    wire.client.sends(b"0123456789")
    wire.upstream.hears(b"0123456789")
    server.change(attributes={"bytes": 5})
    wire.upstream.sends(b"lives")
    wire.client.hears(b"lives")
    wire.client.sends(b"x")
    is_over(wire)


def a_limit_that_is_removed_is_forgotten(server: Server) -> None:
    """Connections that it ended stay ended; one that lives goes on."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("limit_data", "upstream", bytes=4)
    ended, living = server.wire(listen, listener), server.wire(listen, listener)
    ended.client.sends(b"01234")
    ended.upstream.hears(b"0123")
    is_over(ended)
    living.client.sends(b"012")
    living.upstream.hears(b"012")
    server.remove()
    living.client.sends(b"3456789")
    living.upstream.hears(b"3456789")


def a_connection_is_reset_by_its_first_word(server: Server) -> None:
    """TestResetToxicNoTimeout: on both sides, and the word is lost."""
    for stream in ("upstream", "downstream"):
        listener = server.listener()
        listen = server.proxy(upstream=listener.address)
        server.toxic("reset_peer", stream)
        wire = server.wire(listen, listener)
        speaker, hearer = (wire.client, wire.upstream)[:: 1 if stream == "upstream" else -1]
        speaker.sends(b"reset me")
        speaker.hears_a_reset()
        hearer.hears_a_reset()
        server.does("DELETE", "/proxies/p")


def a_reset_waits_its_time(server: Server) -> None:
    """TestResetToxicWithTimeout, ...Downstream: from the first word on."""
    for stream in ("upstream", "downstream"):
        listener = server.listener()
        listen = server.proxy(upstream=listener.address)
        server.toxic("reset_peer", stream, timeout=250)
        wire = server.wire(listen, listener)
        speaker = wire.client if stream == "upstream" else wire.upstream
        begin = time.monotonic()
        speaker.sends(b"reset me")
        speaker.hears_a_reset()
        assert time.monotonic() - begin >= 0.25
        server.does("DELETE", "/proxies/p")


def the_end_of_one_side_is_a_reset_of_the_other(server: Server) -> None:
    """An end is as good as a word."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("reset_peer", "upstream")
    wire = server.wire(listen, listener)
    wire.client.leaves()
    wire.upstream.hears_a_reset()


def a_connection_older_than_the_reset_ends_in_order(server: Server) -> None:
    """Resets are for connections opened under it: this one just ends, after its next word."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("reset_peer", "upstream")
    wire.client.sends(b"lost")
    wire.upstream.hears_the_end()
    wire.client.hears_the_end()


def a_reset_outlives_its_toxic(server: Server) -> None:
    """On connections opened under it: every end of theirs is a reset, also when the toxic has gone."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("reset_peer", "upstream")
    wire = server.wire(listen, listener)
    wire.upstream.sends(b"set up")
    wire.client.hears(b"set up")
    server.remove()
    wire.carries_both_ways()
    server.update(enabled=False)
    wire.client.hears_a_reset()
    wire.upstream.hears_a_reset()


def a_reset_of_no_toxicity_makes_ends_resets(server: Server) -> None:
    """Words pass, but what is closed is reset: a trick to reset all connections of a link at once."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("reset_peer", toxicity=0)
    wire = server.live_wire(listen, listener)
    server.update(enabled=False)
    wire.client.hears_a_reset()
    wire.upstream.hears_a_reset()
