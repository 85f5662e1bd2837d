"""The slicer toxic: bytes in slices, with a pause behind each."""

import time

from tests.contract.server import Server, Wire

WORD = bytes(range(64))


def sliced(server: Server, *, existing: bool = False, **attributes: int) -> Wire:
    """Return a connection on which 64 bytes are sliced on their way upstream."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    there = server.live_wire(listen, listener) if existing else None
    server.toxic("slicer", "upstream", **attributes)
    wire = there or server.wire(listen, listener)
    wire.client.sends(WORD)
    return wire


def bytes_come_in_slices(server: Server) -> None:
    """TestSlicerToxicZeroSizeVariation: of the average size, a pause behind each, whole and in order."""
    for existing in (False, True):
        begin = time.monotonic()
        wire = sliced(server, existing=existing, average_size=16, delay=150_000)
        first = wire.upstream.hears_a_piece()
        assert len(first) < len(WORD), first
        wire.upstream.hears(WORD[len(first) :])
        assert time.monotonic() - begin >= 3 * 0.15
        server.does("DELETE", "/proxies/p")


def slices_vary(server: Server) -> None:
    """TestSlicerToxic: by at most so much; nothing is lost."""
    wire = sliced(server, average_size=10, size_variation=4, delay=20_000)
    first = wire.upstream.hears_a_piece()
    assert len(first) < len(WORD), first
    wire.upstream.hears(WORD[len(first) :])


def removal_delivers_the_rest(server: Server) -> None:
    """At once; the connection lives on."""
    wire = sliced(server, average_size=16, delay=3_600_000_000)
    wire.upstream.hears(WORD[:16])
    wire.upstream.hears_nothing()
    server.remove()
    wire.upstream.hears(WORD[16:])
    wire.carries_both_ways()


def an_update_delivers_the_rest(server: Server) -> None:
    """What comes next is sliced anew."""
    wire = sliced(server, average_size=16, delay=3_600_000_000)
    wire.upstream.hears(WORD[:16])
    wire.upstream.hears_nothing()
    server.change(attributes={"delay": 0, "average_size": 100})
    wire.upstream.hears(WORD[16:])
    wire.carries_both_ways()


def a_word_of_the_average_size_is_not_sliced(server: Server) -> None:
    """But the pause behind it keeps back the next word."""
    wire = sliced(server, average_size=64, delay=300_000)
    begin = time.monotonic()
    wire.upstream.hears(WORD)
    wire.client.sends(b"next")
    wire.upstream.hears(b"next")
    assert time.monotonic() - begin >= 0.2
