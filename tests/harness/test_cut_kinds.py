"""Every kind of cut gives the row of the matrix that the design's table has for it, on both link servers."""

from collections.abc import Iterator

import pytest

from harness import Cut
from harness.links.api import Toxic
from harness.links.effects import is_idle
from harness.links.fabric import Links
from harness.links.link import Channel
from harness.links.locate import find_server
from harness.links.matrix import FaultNotInForce
from harness.topology import groups, one_way
from tests.doubles.caller import SILENCE_REAL_S, Caller
from tests.doubles.world import EMBEDDED, LinkWorld

WHOLE = "ooo"

ROWS = [
    # cut s1 -> s2; the pair (s1, s2), the pair (s2, s1), the toxics on the first
    (Cut.BLACKHOLE, "oss", "oos", ["timeout upstream {'timeout': 0}"]),
    (Cut.HOLD, "oss", "oos", ["latency upstream {'jitter': 0, 'latency': 3600000}"]),
    (Cut.slow(100, 20), "olo", "ool", ["latency upstream {'jitter': 20, 'latency': 100}"]),
    (Cut.slow(5), "o*o", "oo*", ["latency upstream {'jitter': 0, 'latency': 5}"]),
    (Cut.slow(60_000), "o**", "oo*", ["latency upstream {'jitter': 0, 'latency': 60000}"]),
    (Cut.REFUSE, "rrr", WHOLE, []),
    (Cut.LOSE_REQUESTS, "oss", WHOLE, ["timeout upstream {'timeout': 0}"]),
    (Cut.LOSE_REPLIES, "oos", WHOLE, ["timeout downstream {'timeout': 0}"]),
    (Cut.RESET, "oxx", WHOLE, ["reset_peer upstream {'timeout': 0}"]),
    (Cut.rate(1), "oo*", WHOLE, ["bandwidth downstream {'rate': 1}"]),
    (Cut.slow_close(50), "oo*", WHOLE, ["slow_close downstream {'delay': 50}"]),
    (
        Cut.slice(10, 500),
        "oo*",
        WHOLE,
        ["slicer downstream {'average_size': 10, 'delay': 500, 'size_variation': 0}"],
    ),
    (Cut.cut_after(10), "oo*", WHOLE, ["limit_data downstream {'bytes': 10}"]),
]

CALLS = [
    # cut s1 -> s2; what a call of s1 meets on a connection that existed, on a new one, and one of s2
    (Cut.BLACKHOLE, "silent", "silent", "silent"),
    (Cut.HOLD, "silent", "silent", "silent"),
    (Cut.slow(100), "answered", "answered", "answered"),
    (Cut.REFUSE, "closed", "refused", "answered"),
    (Cut.LOSE_REQUESTS, "silent", "silent", "answered"),
    (Cut.LOSE_REPLIES, "silent", "silent", "answered"),
    (Cut.RESET, "closed", "reset", "answered"),
    (Cut.rate(100), "answered", "answered", "answered"),
    (Cut.slow_close(50), "answered", "answered", "answered"),
    (Cut.slice(10, 1), "answered", "answered", "answered"),
    (Cut.cut_after(10), "closed", "closed", "answered"),
]


@pytest.fixture(scope="module", params=["toxiproxy", "embedded"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkWorld]:
    path = EMBEDDED if request.param == "embedded" else find_server()
    with LinkWorld(tmp_path_factory.mktemp("links"), nodes=3, agents=["C1"], path=path) as world:
        yield world


@pytest.fixture
def links(world: LinkWorld) -> Iterator[Links]:
    world.links.verify()
    yield world.links
    world.links.heal_all()


@pytest.mark.parametrize(("cut", "there", "back", "toxics"), ROWS, ids=[str(row[0]) for row in ROWS])
def test_each_cut_is_seen_as_the_designs_table_says(
    links: Links, cut: Cut, there: str, back: str, toxics: list[str]
) -> None:
    """Cut s1 -> s2: the pair (s1, s2), the pair (s2, s1), and nobody else; healed, everything is whole."""
    hold = links.cut(one_way(["s1"], ["s2"]).edges, cut)
    seen = links.verify()
    assert seen.reading("s1", "s2").code == there
    assert seen.reading("s2", "s1").code == back
    others = [c.reading.code for c in seen if {c.source, c.target} != {"s1", "s2"}]
    assert set(others) == {WHOLE}
    assert [told(toxic) for toxic in toxics_on(links, "s1", "s2")] == toxics
    links.heal(hold)
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}
    assert toxics_on(links, "s1", "s2") == ()


@pytest.mark.parametrize(("cut", "existing", "new", "back"), CALLS, ids=[str(row[0]) for row in CALLS])
def test_each_cut_does_to_a_callers_connections_what_it_says(
    world: LinkWorld, links: Links, cut: Cut, existing: str, new: str, back: str
) -> None:
    """A client of its own, on a connection from before the cut and on a new one."""
    with Caller(address(world, "s1", "s2")) as old, Caller(address(world, "s2", "s1")) as other:
        for caller in (old, other):
            caller.ask("before")
            assert caller.outcome() == "answered"
        hold = links.cut(one_way(["s1"], ["s2"]).edges, cut)
        assert call(old, existing) == existing
        assert call_anew(world, new) == new
        assert call(other, back) == back
        links.heal(hold)
    assert call_anew(world, "answered") == "answered"


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (Cut.HOLD, "oss"),
        (Cut.slow(100), "oll"),
        (Cut.REFUSE, "rrr"),
        (Cut.RESET, "oxx"),
        (Cut.rate(5), "oo*"),
    ],
    ids=str,
)
def test_a_full_cut_of_a_client_and_a_node_acts_on_the_client_link(
    links: Links, cut: Cut, expected: str
) -> None:
    """Both directions travel over the one connection that the client opens."""
    hold = links.cut(groups(["C1"], ["s1"]).edges, cut)
    seen = links.verify()
    cut_links = {f"{c.source}->{c.target}": c.reading.code for c in seen if c.reading.code != WHOLE}
    assert cut_links == {"C1->s1": expected}
    assert seen.reading("C1", "s1", Channel.CLIENT).code == expected
    links.heal(hold)


def test_a_slow_message_takes_as_long_as_it_was_told(world: LinkWorld, links: Links) -> None:
    """Requests one way, replies the other: each is delayed once."""
    links.cut([("s1", "s2")], Cut.slow(ms=200, jitter_ms=50))
    for source, target in (("s1", "s2"), ("s2", "s1")):
        with Caller(address(world, source, target)) as caller:
            caller.ask("slow")
            assert caller.outcome() == "answered"
            assert caller.took_s >= 0.149


def test_answers_are_degraded_as_they_were_told(world: LinkWorld, links: Links) -> None:
    """What no probe shows is there all the same: rate, slices, a close told late, an answer that ends."""
    rate = links.cut([("s1", "s2")], Cut.rate(kb=10))
    with Caller(address(world, "s1", "s2")) as caller:
        caller.ask_for(300)
        assert caller.outcome() == "answered"
        assert caller.took_s >= len(caller.received) / 10_000 - 0.11, "sent in slices of 100 ms"
    links.heal(rate)
    sliced = links.cut([("s1", "s2")], Cut.slice(size_bytes=100, delay_us=10_000))
    with Caller(address(world, "s1", "s2")) as caller:
        caller.ask_for(200)
        assert caller.outcome() == "answered"
        assert caller.took_s >= len(caller.received) / 100 * 0.010 / 2
    links.heal(sliced)
    short = links.cut([("s1", "s2")], Cut.cut_after(size_bytes=17))
    with Caller(address(world, "s1", "s2")) as caller:
        caller.ask_for(200)
        assert caller.outcome() == "closed"
        assert len(caller.received) == 17
    links.heal(short)


def test_a_close_is_told_late(world: LinkWorld, links: Links) -> None:
    """The node ends, and its caller learns of it when it was told to."""
    links.cut([("s1", "s2")], Cut.slow_close(ms=300))
    with Caller(address(world, "s1", "s2")) as caller:
        caller.ask("before")
        assert caller.outcome() == "answered"
        port = world.nodes["s2"][0]
        port.kill()
        assert caller.end() == "closed"
        assert caller.took_s >= 0.25
        port.start()


def test_after_a_reset_no_linger_stays(world: LinkWorld, links: Links) -> None:
    """A connection opened under the reset ends with it: none is left whose close would be an RST."""
    hold = links.cut([("s1", "s2")], Cut.RESET)
    with Caller(address(world, "s1", "s2")) as caller:
        links.heal(hold)
        assert caller.end() in ("closed", "reset")
    with Caller(address(world, "s1", "s2")) as caller:
        caller.ask("after")
        assert caller.outcome() == "answered"
        port = world.nodes["s2"][0]
        port.kill()
        assert caller.end() == "closed", "with linger it would be reset"
        port.start()


def test_a_toxic_that_lost_its_amounts_is_found_out(links: Links) -> None:
    """Configured, not probed, is still compared with the link server's own view."""
    hold = links.cut([("s1", "s2")], Cut.rate(kb=7))
    toxiproxy = links.toxiproxy().get_proxy("w1-peer-s1-s2")
    toxiproxy.destroy_toxic("cut_rate_downstream")
    toxiproxy.add_toxic(
        type="bandwidth", stream="downstream", name="cut_rate_downstream", attributes={"rate": 8}
    )
    with pytest.raises(FaultNotInForce) as caught:
        links.verify()
    line = "peer-s1-s2: the link server says replies at rate(8), right would be replies at rate(7)"
    assert line in str(caught.value)
    with pytest.raises(FaultNotInForce, match="just before healing"):
        links.heal(hold)
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}


def call(caller: Caller, expected: str) -> str:
    caller.ask("under the cut")
    return caller.outcome(**patience(expected))


def call_anew(world: LinkWorld, expected: str) -> str:
    try:
        with Caller(address(world, "s1", "s2")) as caller:
            caller.ask("anew")
            return caller.outcome(**patience(expected))
    except ConnectionRefusedError:
        return "refused"


def patience(expected: str) -> dict[str, float]:
    return {"within_real_s": SILENCE_REAL_S} if expected == "silent" else {}


def address(world: LinkWorld, source: str, target: str) -> str:
    return next(link.listen for link in world.links.links if (link.source, link.target) == (source, target))


def toxics_on(links: Links, source: str, target: str) -> tuple[Toxic, ...]:
    """Return what acts: a delay that has ended leaves an idle queue."""
    toxics = links.server.proxy(f"w1-peer-{source}-{target}").toxics
    return tuple(toxic for toxic in toxics if not is_idle(toxic))


def told(toxic: Toxic) -> str:
    assert toxic.toxicity == 1.0
    return f"{toxic.type} {toxic.stream} {dict(sorted(toxic.attributes.items()))}"
