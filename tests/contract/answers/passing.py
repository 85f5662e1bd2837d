"""What passes through any proxy: bytes whole and in order, ends; and when a proxy ends its connections."""

from random import Random

from tests.contract.peers import Peer, assert_refused
from tests.contract.server import Server

LOAD_BYTES = 3_000_000


def load(seed: int, size: int = LOAD_BYTES) -> bytes:
    """Bytes in which a piece that is lost, doubled or moved shows."""
    return Random(seed).randbytes(size)


def sends_and_hears(sender: Peer, hearer: Peer, data: bytes) -> None:
    """More than buffers hold: sent by pieces, each heard before the next."""
    for start in range(0, len(data), 50_000):
        piece = data[start : start + 50_000]
        sender.sends(piece)
        hearer.hears(piece)


def a_word_passes_each_way(server: Server) -> None:
    """TestProxySimpleMessage; what is connected is kept until somebody ends it."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    for _ in range(3):
        wire.carries_both_ways()
    wire.client.hears_nothing()


def megabytes_pass_whole(server: Server) -> None:
    """TestProxyBigMessage, TestProxyTwoPartMessage: each way, in order."""
    listener = server.listener()
    wire = server.wire(server.proxy(upstream=listener.address), listener)
    sends_and_hears(wire.client, wire.upstream, load(1))
    sends_and_hears(wire.upstream, wire.client, load(2))


def an_end_passes_behind_what_was_said(server: Server) -> None:
    """Each way; nothing is lost by it."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    wire.client.sends(b"last words")
    wire.client.leaves()
    assert wire.upstream.hears_all() == b"last words"
    wire = server.live_wire(listen, listener)
    wire.upstream.sends(load(3, 100_000))
    wire.upstream.leaves()
    assert wire.client.hears_all() == load(3, 100_000)


def a_half_close_closes_the_whole(server: Server) -> None:
    """It is not supported: who says that it will say no more is heard no more, and hears no answer."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    wire.client.sends_no_more()
    wire.upstream.hears_the_end()
    wire.client.hears_the_end()
    wire = server.live_wire(listen, listener)
    wire.upstream.sends_no_more()
    wire.client.hears_the_end()
    wire.upstream.hears_the_end()


def a_reset_ends_the_other_side(server: Server) -> None:
    """The page does not say: as an orderly end."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    wire.client.is_reset_by_closing()
    wire.upstream.hears_the_end()
    wire = server.live_wire(listen, listener)
    wire.upstream.is_reset_by_closing()
    wire.client.hears_the_end()


def nobody_behind_an_open_proxy_is_an_end_after_connecting(server: Server) -> None:
    """TestProxyToDownUpstream: connecting succeeds; then the end, or a reset if something was said."""
    for upstream in (server.reserve(), "no port at all", "127.0.0.1:99999"):
        listen = server.proxy(upstream=upstream)
        server.connects(listen).hears_the_end()
        speaker = server.connects(listen)
        speaker.sends(b"anybody there?")
        speaker.hears_some_end()
        server.does("DELETE", "/proxies/p")


def an_upstream_may_come_later(server: Server) -> None:
    """It is dialled for each connection."""
    listener = server.listener()
    listen = server.proxy(upstream=server.reserve())
    server.connects(listen).hears_the_end()
    server.update(upstream=listener.address)
    server.live_wire(listen, listener)


def one_end_leaves_others_alone(server: Server) -> None:
    """Of the same proxy."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    first, second = server.live_wire(listen, listener), server.live_wire(listen, listener)
    first.client.leaves()
    first.upstream.hears_the_end()
    second.carries_both_ways()


def deleting_ends_live_connections(server: Server) -> None:
    """An orderly end to both sides, of all of them; and nobody listens there any more. TestClosingProxy..."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wires = [server.live_wire(listen, listener) for _ in range(5)]
    server.does("DELETE", "/proxies/p")
    for wire in wires:
        wire.client.hears_the_end()
        wire.upstream.hears_the_end()
    assert_refused(listen)


def another_upstream_ends_live_connections(server: Server) -> None:
    """New ones lead to the new one, on the same port. TestProxyUpdate."""
    old, new = server.listener(), server.listener()
    listen = server.proxy(upstream=old.address)
    wire = server.live_wire(listen, old)
    server.update(upstream=new.address)
    wire.client.hears_the_end()
    wire.upstream.hears_the_end()
    server.live_wire(listen, new)


def another_port_ends_live_connections(server: Server) -> None:
    """Nobody listens on the old one any more."""
    listener = server.listener()
    first, second = server.ports.reserve(2)
    wire = server.live_wire(server.proxy(upstream=listener.address, listen=first), listener)
    server.update(listen=second)
    wire.client.hears_the_end()
    assert_refused(first)
    server.live_wire(second, listener)


def a_change_of_nothing_ends_nothing(server: Server) -> None:
    """Nor does populating what is there, nor a reset of what is whole."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    entry = {"name": "p", "listen": listen, "upstream": listener.address}
    for body in ({}, {"enabled": True}, entry, {"listen": listen.replace("127.0.0.1", "localhost")}):
        server.does("PATCH", "/proxies/p", body)
    server.does("POST", "/populate", [entry, entry | {"enabled": False}])
    server.does("POST", "/reset")
    wire.carries_both_ways()


def populating_what_differs_ends_live_connections(server: Server) -> None:
    """The old proxy is stopped, the new one listens."""
    old, new = server.listener(), server.listener()
    listen = server.proxy(upstream=old.address)
    wire = server.live_wire(listen, old)
    server.does("POST", "/populate", [{"name": "p", "listen": listen, "upstream": new.address}])
    wire.client.hears_the_end()
    server.live_wire(listen, new)


def a_toxic_that_does_nothing_disturbs_nothing(server: Server) -> None:
    """A noop, a toxic of no toxicity, a delay of nothing or less: bytes and ends pass."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    wire = server.live_wire(listen, listener)
    for stream in ("upstream", "downstream"):
        server.toxic("noop", stream, name=f"noop {stream}")
        server.toxic("timeout", stream, name=f"never {stream}", toxicity=0)
        server.toxic("latency", stream, name=f"late {stream}", latency=-1000)
        server.toxic("slow_close", stream, name=f"slow {stream}")
        wire.carries_both_ways()
    sends_and_hears(wire.client, wire.upstream, load(4, 200_000))
    wire.client.leaves()
    wire.upstream.hears_the_end()


def nothing_is_lost_while_toxics_come_and_go(server: Server) -> None:
    """TestNoDataDropped, TestToxicAddRemove, TestPersistentConnections: each byte comes once, in order."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    data = load(5, 1_000_000)
    pieces = [data[start : start + 10_000] for start in range(0, len(data), 10_000)]
    for number, piece in enumerate(pieces):
        wire.client.sends(piece)
        match number % 4:
            case 0:
                server.toxic("latency", "upstream", latency=5)
            case 1:
                server.toxic("slicer", "upstream", name="u", average_size=500, size_variation=50)
            case 2:
                server.remove()
            case _:
                server.remove("u")
        wire.upstream.hears(piece)
    wire.carries_both_ways()


def an_end_alone_is_not_delayed(server: Server) -> None:
    """Latency holds bytes; an end waits only behind bytes that are held."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("latency", "upstream", latency=3_600_000)
    wire = server.wire(listen, listener)
    wire.client.leaves()
    wire.upstream.hears_the_end()


def a_name_with_slashes_works_but_is_never_found_again(server: Server) -> None:
    """What a toxic is called in a path is up to who calls it."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("timeout", "upstream", name="a/b", toxicity=0)
    assert server.ask("DELETE", "/proxies/p/toxics/a%2Fb").status == 404
    server.live_wire(listen, listener)
