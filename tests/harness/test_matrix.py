"""Every cut and heal is verified: real links, cut by the real Toxiproxy, between nodes that answer probes."""

import pickle
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

from harness.cuts import Cut
from harness.links.effects import Effect
from harness.links.fabric import Links
from harness.links.link import Channel, Link
from harness.links.matrix import LEGEND, FaultNotInForce, Outcome
from harness.links.probe import Intent
from harness.links.prober import Prober
from harness.links.targets import Target, Targets
from harness.ports import Reservations
from harness.topology import groups, halves, one_way
from harness.waiting import wait_for
from tests.doubles.standin import StandIn
from tests.doubles.world import LinkWorld

WHOLE = "ooo"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LinkWorld]:
    with LinkWorld(tmp_path, nodes=3, agents=["C1"]) as world:
        world.links.verify()
        yield world


@pytest.fixture
def links(world: LinkWorld) -> Links:
    return world.links


def codes(links: Links, channel: Channel = Channel.PEER) -> dict[str, str]:
    """Source, target and code of each link that is not whole."""
    cells = [cell for cell in links.matrix() if cell.channel is channel]
    return {f"{c.source}->{c.target}": c.reading.code for c in cells if c.reading.code != WHOLE}


def test_messages_to_a_client_are_lost_without_those_from_it(links: Links) -> None:
    """s1 -> C1: what C1 asks arrives, and the answer does not come back."""
    links.cut([("s1", "C1")], Cut.BLACKHOLE)
    assert codes(links, Channel.CLIENT) == {"C1->s1": "oos"}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_overlapping_cuts_heal_in_any_order(links: Links, order: tuple[int, ...]) -> None:
    """A link heals when no fault holds it, and not before; `refuse` hides a black hole."""
    holds = [
        links.cut(groups(["s1"], ["s2", "s3"]).edges, Cut.BLACKHOLE),
        links.cut(one_way(["s1"], ["s2"]).edges, Cut.REFUSE),
        links.cut(one_way(["s2"], ["s1"]).edges, Cut.LOSE_REPLIES),
    ]
    alive = set(range(3))
    for number in order:
        links.heal(holds[number])
        alive.discard(number)
        seen = links.verify()
        there = "rrr" if 1 in alive else "oss" if 0 in alive else WHOLE
        back = "oss" if 0 in alive else "oos" if 2 in alive else WHOLE
        assert seen.reading("s1", "s2").code == there
        assert seen.reading("s2", "s1").code == back
        assert seen.reading("s1", "s3").code == ("oss" if 0 in alive else WHOLE)
    assert links.cut_now() == ()


def test_heal_all_ends_every_fault_and_healing_again_has_no_effect(links: Links) -> None:
    """The end of a `with` block after `cluster.heal()`."""
    hold = links.cut(halves(["s1", "s2", "s3"]).edges, Cut.BLACKHOLE)
    links.cut(one_way(["s2"], ["s3"]).edges, Cut.REFUSE)
    assert links.cut_now() == (
        "peer-s1-s2: requests lost, replies lost",
        "peer-s1-s3: requests lost, replies lost",
        "peer-s2-s1: requests lost, replies lost",
        "peer-s2-s3: refused",
        "peer-s3-s1: requests lost, replies lost",
    )
    links.heal_all()
    links.heal(hold)
    assert links.cut_now() == ()
    assert codes(links) == {}


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (
            lambda links: links.cut([("s1", "s9")], Cut.BLACKHOLE),
            "no links of s9; there are links of s1, s2, s3, C1",
        ),
        (lambda links: links.cut([("s1", "C1")], Cut.REFUSE), "refuse s1->C1 acts on no link"),
        (lambda links: links.cut([], Cut.REFUSE), "refuse no edge acts on no link"),
    ],
)
def test_a_cut_that_would_cut_nothing_is_refused(
    links: Links, cut: Callable[[Links], object], message: str
) -> None:
    """An unknown party, or a pair without a link."""
    with pytest.raises(ValueError, match=message):
        cut(links)


def test_a_toxic_added_behind_the_harness_shows_in_the_next_verification(links: Links) -> None:
    """With toxiproxy-python, as a user would."""
    toxiproxy = links.toxiproxy()
    toxiproxy.get_proxy("w1-peer-s1-s2").add_toxic(name="mine", type="latency", attributes={"latency": 1})
    with pytest.raises(FaultNotInForce, match=r"peer-s1-s2: .*a toxic that is not ours: mine"):
        links.verify()
    with pytest.raises(FaultNotInForce, match="mine"):
        links.cut([("s2", "s3")], Cut.BLACKHOLE)
    assert links.cut_now() == ()
    toxiproxy.get_proxy("w1-peer-s1-s2").destroy_toxic("mine")
    links.verify()


def test_a_link_disabled_behind_the_harness_shows_with_what_probes_met(links: Links) -> None:
    """Both the server's view and the readings are in the message."""
    links.toxiproxy().get_proxy("w1-peer-s1-s2").disable()
    with pytest.raises(FaultNotInForce) as caught:
        links.verify()
    text = str(caught.value)
    assert "peer-s1-s2: the link server says refused, right would be whole" in text
    assert "seen connect refused, request refused, reply refused" in text
    assert caught.value.seen.reading("s1", "s2").code == "rrr"
    assert pickle.loads(pickle.dumps(caught.value)).wrong == caught.value.wrong, "it crosses xdist"


def test_the_error_shows_both_matrices_side_by_side(tmp_path: Path) -> None:
    """One line per wrong link, a table of what should be and one of what is, and what the letters mean."""
    with LinkWorld(tmp_path, nodes=2, agents=["C1"]) as world:
        world.links.verify()
        world.links.toxiproxy().get_proxy("w1-peer-s1-s2").disable()
        with pytest.raises(FaultNotInForce) as caught:
            world.links.cut([("C1", "s1")], Cut.BLACKHOLE)
    assert str(caught.value).splitlines() == [
        "cutting blackhole C1->s1: 1 link is not as intended",
        "  peer-s1-s2: the link server says refused, right would be whole; on a new connection expected "
        "connect ok, request ok, reply ok, seen connect refused, request refused, reply refused",
        "  expected            seen",
        "  peer  s1   s2       peer  s1   s2",
        "  s1         ooo      s1         rrr",
        "  s2    ooo           s2    ooo",
        "  client  s1   s2     client  s1   s2",
        "  C1      oss  ooo    C1      oss  ooo",
        LEGEND,
    ]


def test_probe_connections_that_idled_out_are_opened_anew(world: LinkWorld) -> None:
    """A server closes idle connections; that is no fault of the link."""
    for port in world.nodes["s2"]:
        port.kill()
        port.start()
    assert {cell.reading.code for cell in world.links.verify()} == {WHOLE}
    for port in world.nodes["s2"]:
        port.kill()
        port.start()
    hold = world.links.cut(groups(["s1"], ["s2"]).edges, Cut.BLACKHOLE)
    world.links.heal(hold)


def test_a_cut_that_somebody_healed_raises_at_heal_and_the_links_are_whole(links: Links) -> None:
    """What the test concluded under the cut is worth nothing."""
    hold = links.cut(one_way(["s1"], ["s2"]).edges, Cut.BLACKHOLE)
    links.toxiproxy().get_proxy("w1-peer-s1-s2").destroy_toxic("cut_lost_upstream")
    with pytest.raises(
        FaultNotInForce, match=r"just before healing blackhole s1->s2: 1 link is not as intended"
    ):
        links.heal(hold)
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}


def test_a_removed_proxy_is_named(links: Links) -> None:
    """The link server forgot it."""
    links.toxiproxy().get_proxy("w1-peer-s1-s2").destroy()
    with pytest.raises(FaultNotInForce, match="peer-s1-s2: the link server has no such proxy"):
        links.verify()


def test_an_answer_that_comes_while_the_cut_holds_is_late() -> None:
    """Silent probes stay open: what comes over them later, or reaches the target later, is seen."""
    with Reservations() as ports:
        slow, quick = ports.reserve(2)
        with StandIn(slow) as link_end, StandIn(quick) as target:
            targets = Targets("/cutheal/probe")
            targets.add(Target(party="s2", channel=Channel.PEER, upstream=quick, control=quick))
            prober = Prober(targets)
            link = Link(source="s1", target="s2", channel=Channel.PEER, listen=slow, upstream=quick)
            intent = Intent(link=link, effects=frozenset({Effect.REQUESTS_LOST}), full=True)
            link_end.pause()
            assert prober.read([intent], 5.0)[link.name].code == "oss"
            target.seen |= dict.fromkeys([prober._standing[link.name][0].probe_id], 1.0)
            watch = Intent(link=link, effects=intent.effects, full=False)
            assert prober.read([watch], 5.0)[link.name].code == "oos", "the request arrived after all"
            link_end.resume()
            reading = wait_for(
                "the late answer",
                lambda: prober.read([watch], 5.0)[link.name],
                lambda seen: seen.code != "oos",
                10.0,
            )
            assert reading.new is not None
            assert reading.new.reply is Outcome.LATE
            prober.close()
            targets.close()
