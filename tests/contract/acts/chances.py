"""Toxicity, and toxics in a row: when a roll is made, and in which order toxics act."""

from tests.contract.server import Server, Wire


def is_ended_by_a_word(wire: Wire) -> bool:
    """Say a word: it is heard, or ends the connection, by a limit_data of 0 bytes."""
    wire.client.sends(b"x")
    return not wire.upstream.hears_or_ends(b"x")


def rolls(server: Server, toxicity: float, connections: int) -> list[bool]:
    """Return which of so many new connections a toxic of that toxicity acts on; each is asked twice."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("limit_data", "upstream", toxicity=toxicity)
    wires = [server.wire(listen, listener) for _ in range(connections)]
    acted = [is_ended_by_a_word(wire) for wire in wires]
    for wire in (wire for wire, ended in zip(wires, acted, strict=True) if not ended):
        for _ in range(5):
            assert not is_ended_by_a_word(wire), "a connection that was spared once is spared for good"
    return acted


def toxicity_1_acts_on_all(server: Server) -> None:
    """And what is above."""
    assert all(rolls(server, 1.0, 20))
    server.does("DELETE", "/proxies/p")
    assert all(rolls(server, 2.0, 5))


def toxicity_between_acts_on_some(server: Server) -> None:
    """TestToxicity: one roll for each connection, not for each word."""
    acted = rolls(server, 0.5, 60)
    assert any(acted)
    assert not all(acted)


def an_update_rolls_again(server: Server) -> None:
    """On connections that live: from 0 to 1 it acts, back at 0 it does not."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("timeout", "upstream", toxicity=0)
    wire.carries_both_ways()
    server.change(toxicity=1)
    wire.client.sends(b"lost")
    wire.upstream.hears_nothing()
    server.change(toxicity=0)
    wire.carries_both_ways()


def each_direction_rolls_for_itself(server: Server) -> None:
    """A toxic of one stream never acts on the other."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("timeout", "upstream", name="up", toxicity=0)
    server.toxic("timeout", "downstream", name="down", toxicity=1)
    wire = server.wire(listen, listener)
    wire.client.sends(b"passes")
    wire.upstream.hears(b"passes")
    wire.upstream.sends(b"lost")
    wire.client.hears_nothing()


def toxics_act_in_the_order_of_their_age(server: Server) -> None:
    """A limit behind a black hole never meets a byte; before it, it ends the connection."""
    listener = server.listener()
    listen = server.proxy(upstream=listener.address)
    server.toxic("timeout", "upstream", name="hole")
    server.toxic("limit_data", "upstream", name="limit")
    wire = server.wire(listen, listener)
    wire.client.sends(b"lost")
    wire.upstream.hears_nothing()
    server.remove("hole")
    server.toxic("timeout", "upstream", name="hole")
    wire = server.wire(listen, listener)
    wire.client.sends(b"x")
    wire.upstream.hears_the_end()


def one_of_several_is_removed_or_updated_alone(server: Server) -> None:
    """Whichever it is: the others go on, on connections that live."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    for name in ("first", "second", "third"):
        server.toxic("latency", "upstream", name=name)
    server.remove("second")
    server.change("third", attributes={"latency": 3_600_000})
    wire.client.sends(b"held")
    wire.upstream.hears_nothing()
    server.remove("first")
    wire.upstream.hears_nothing()
    server.remove("third")
    wire.upstream.hears(b"held")
    wire.carries_both_ways()


def both_streams_can_be_cut_and_healed_apart(server: Server) -> None:
    """Two calls make a whole cut; each is undone for itself."""
    listener = server.listener()
    wire = server.live_wire(server.proxy(upstream=listener.address), listener)
    server.toxic("latency", "upstream", name="up", latency=3_600_000)
    server.toxic("latency", "downstream", name="down", latency=3_600_000)
    wire.client.sends(b"there")
    wire.upstream.sends(b"back")
    wire.upstream.hears_nothing()
    wire.client.hears_nothing()
    server.remove("up")
    wire.upstream.hears(b"there")
    wire.client.hears_nothing()
    server.remove("down")
    wire.client.hears(b"back")


def a_toxic_added_while_disabled_acts_from_the_first_byte(server: Server) -> None:
    """No connection escapes: make it disabled, add the toxics, enable."""
    listener = server.listener()
    listen = server.reserve()
    server.proxy(upstream=listener.address, listen=listen, enabled=False)
    server.toxic("timeout", "upstream")
    server.update(enabled=True)
    wire = server.wire(listen, listener)
    wire.client.sends(b"lost")
    wire.upstream.hears_nothing()
