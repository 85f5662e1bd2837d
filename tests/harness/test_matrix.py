"""Every cut and heal is verified: real links, cut by the real Toxiproxy, between nodes that answer probes."""

import pickle
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

from harness.links.api import Call, LinkServerDied
from harness.links.fabric import Condition, Links
from harness.links.faults import Cut, Effect
from harness.links.link import Channel, Link
from harness.links.matrix import LEGEND, FaultNotInForce, Judge, Outcome
from harness.links.prober import Intent, Prober
from harness.links.targets import Target, TargetNotAnswering, Targets
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


@pytest.mark.parametrize(
    ("kind", "there", "back"),
    [
        (Cut.BLACKHOLE, "oss", "oos"),
        (Cut.REFUSE, "rrr", WHOLE),
        (Cut.LOSE_REQUESTS, "oss", WHOLE),
        (Cut.LOSE_REPLIES, "oos", WHOLE),
    ],
)
def test_each_cut_is_seen_as_the_designs_table_says(links: Links, kind: Cut, there: str, back: str) -> None:
    """Cut s1 -> s2: the pair (s1, s2), the pair (s2, s1), and nobody else."""
    finding = links.verify()
    assert {cell.reading.code for cell in finding} == {WHOLE}
    hold = links.cut(one_way(["s1"], ["s2"]).edges, kind)
    seen = links.verify()
    assert seen.reading("s1", "s2").code == there
    assert seen.reading("s2", "s1").code == back
    others = [c.reading.code for c in seen if {c.source, c.target} != {"s1", "s2"}]
    assert set(others) == {WHOLE}
    links.heal(hold)
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}


@pytest.mark.parametrize("kind", list(Cut))
def test_a_full_cut_of_a_client_and_a_node_acts_on_the_client_link(links: Links, kind: Cut) -> None:
    """Both directions travel over the one connection that the client opens."""
    hold = links.cut(groups(["C1"], ["s1"]).edges, kind)
    expected = {Cut.REFUSE: "rrr", Cut.LOSE_REPLIES: "oos"}.get(kind, "oss")
    assert codes(links, Channel.CLIENT) == {"C1->s1": expected}
    assert codes(links) == {}
    links.heal(hold)
    assert codes(links, Channel.CLIENT) == {}


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
    links.toxiproxy().get_proxy("w1-peer-s1-s2").destroy_toxic("cut_upstream")
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
            targets.add(Target(party="s2", upstream=quick, control=quick))
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


def test_a_dead_node_refuses_and_is_judged_by_the_link_server(world: LinkWorld) -> None:
    """Behind an enabled proxy it would look like an open port; a `refuse` fault composes with it."""
    links = world.links
    hold = links.cut(one_way(["s1"], ["s2"]).edges, Cut.REFUSE)
    for port in world.nodes["s2"]:
        port.kill()
    links.node_died("s2")
    reading = links.verify().reading("s3", "s2")
    assert (reading.code, reading.judge) == ("(rrr/ccc)", Judge.LINK_SERVER)
    assert links.verify().reading("s2", "s1").judge is Judge.PROBE
    assert "peer-s3-s2: refused (s2 is dead)" in links.cut_now()
    links.heal(hold)
    assert links.verify().reading("s1", "s2").code == "(rrr/ccc)"
    for port in world.nodes["s2"]:
        port.start()
    links.node_started("s2")
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}
    assert {cell.reading.judge for cell in links.verify()} == {Judge.PROBE}


def test_a_paused_node_is_judged_by_the_link_server_and_probed_again_when_resumed(world: LinkWorld) -> None:
    """Its silence says nothing about the link."""
    links = world.links
    for port in world.nodes["s2"]:
        port.pause()
    links.set_condition("s2", Condition.PAUSED)
    hold = links.cut(groups(["s1"], ["s2"]).edges, Cut.BLACKHOLE)
    assert links.verify().reading("s1", "s2").code == "(oss)"
    assert links.verify().reading("s2", "s1").code == "oss", "s1 is not paused"
    links.heal(hold)
    for port in world.nodes["s2"]:
        port.resume()
    links.set_condition("s2", Condition.RUNNING)
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}


def test_a_target_that_does_not_answer_is_named_and_no_link_blamed(world: LinkWorld) -> None:
    """A node that died unseen."""
    for port in world.nodes["s2"]:
        port.kill()
    with pytest.raises(TargetNotAnswering, match="no answer to a probe around the links: s2 at"):
        world.links.cut(groups(["s1"], ["s2"]).edges, Cut.BLACKHOLE)
    assert world.links.cut_now() == ()
    assert world.server.api.proxies()["w1-peer-s1-s2"].toxics == ()


def test_a_target_without_a_probe_path_is_named_with_its_answer(tmp_path: Path) -> None:
    """Some other program's 404."""
    with LinkWorld(tmp_path, nodes=2) as world:
        world.links.verify()
        for port in world.nodes["s2"]:
            port._status = "404 Not Found"
        with pytest.raises(
            TargetNotAnswering, match=r"s2 at .* \(answered 'HTTP/1.1 404 Not Found', not 200"
        ):
            world.links.verify()


def test_links_of_a_program_that_takes_no_probes_are_judged_by_the_link_server(world: LinkWorld) -> None:
    """Reported as such, not as probed."""
    with Reservations() as ports:
        listen, upstream = ports.reserve(2)
        links = Links(world.server.api, "w2", probe_path=None)
        links.add([Link(source="a", target="b", channel=Channel.PEER, listen=listen, upstream=upstream)])
        links.cut([("a", "b")], Cut.LOSE_REQUESTS)
        assert links.verify().reading("a", "b").code == "(oss)"
        links.close()


def test_a_dead_link_server_is_replaced_and_the_links_are_as_they_were(world: LinkWorld) -> None:
    """From the harness's own record: cuts, deaths and all."""
    links = world.links
    hold = links.cut(groups(["s1"], ["s2"]).edges, Cut.BLACKHOLE)
    links.cut(one_way(["s2"], ["s3"]).edges, Cut.REFUSE)
    before = links.cut_now()
    world.server.process.kill()
    world.server.process.wait()
    with pytest.raises(LinkServerDied, match="did not answer GET /proxies"):
        links.verify()
    with pytest.raises(LinkServerDied):
        links.cut(one_way(["s1"], ["s3"]).edges, Cut.BLACKHOLE)
    links.restore(world.replace_server())
    assert links.cut_now() == before
    assert codes(links) == {"s1->s2": "oss", "s2->s1": "oss", "s2->s3": "rrr"}
    links.heal(hold)
    assert codes(links) == {"s2->s3": "rrr"}


def test_a_port_that_is_taken_makes_no_link_at_all(world: LinkWorld) -> None:
    """Half a set of links would be in the way later."""
    before = world.server.api.proxies().keys()
    taken = world.nodes["s1"][0].address
    good, *_ = world.ports.reserve(1)
    link = Link(source="C2", target="s1", channel=Channel.CLIENT, listen=good, upstream=taken)
    other = Link(source="C2", target="s2", channel=Channel.CLIENT, listen=taken, upstream=taken)
    with pytest.raises(Exception, match="address already in use"):
        world.links.add([link, other])
    assert world.server.api.proxies().keys() == before
    with pytest.raises(ValueError, match="can be used once: peer-s1-s2"):
        world.links.add([world.links.links[0]])


def test_a_removed_party_leaves_no_proxy_behind(world: LinkWorld) -> None:
    """Nor does a closed cluster."""
    world.links.remove("s3")
    assert not [name for name in world.server.api.proxies() if "s3" in name]
    assert {cell.reading.code for cell in world.links.verify()} == {WHOLE}
    world.links.close()
    assert world.server.api.proxies() == {}


def test_two_clusters_share_a_link_server(world: LinkWorld, tmp_path: Path) -> None:
    """Cutting one does not touch the other, though their links have the same names."""
    listen, back = world.ports.reserve(2)
    first, second = world.nodes["s1"][0], world.nodes["s2"][0]
    other = Links(world.server.api, "w2")
    other.add(
        [
            Link(source="s1", target="s2", channel=Channel.PEER, listen=listen, upstream=second.address),
            Link(source="s2", target="s1", channel=Channel.PEER, listen=back, upstream=first.address),
        ]
    )
    other.cut([("s1", "s2")], Cut.BLACKHOLE)
    assert codes(world.links) == {}
    assert codes(other) == {"s1->s2": "oss", "s2->s1": "oos"}
    other.close()


def test_a_proxy_with_toxics_is_told_by_its_call(world: LinkWorld) -> None:
    """The link server's refusal reaches the caller, and nothing stays cut."""
    body = {"name": "cut_upstream", "type": "latency", "stream": "upstream", "attributes": {"latency": 0}}
    world.server.api.call(Call("POST", "/proxies/w1-peer-s1-s2/toxics", body))
    with pytest.raises(Exception, match="409 to POST /proxies/w1-peer-s1-s2/toxics: toxic already exists"):
        world.links.cut([("s1", "s2")], Cut.BLACKHOLE)
    assert world.links.cut_now() == ()
