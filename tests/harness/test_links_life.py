"""Links while nodes die and pause, link servers are replaced, and clusters come and go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cuts import Cut
from harness.links.api import Call, LinkServerDied
from harness.links.ends import Condition
from harness.links.fabric import Links
from harness.links.link import Channel, Link
from harness.links.matrix import Judge
from harness.links.targets import TargetNotAnswering
from harness.topology import groups, one_way
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


@pytest.mark.parametrize("others", [["s1"], ["s1", "s3", "C1"]], ids=["whole links left", "none left"])
def test_a_target_that_does_not_answer_is_named_and_no_link_blamed(
    world: LinkWorld, others: list[str]
) -> None:
    """A node that died unseen: behind a cut on every side its silence would pass for the cut's."""
    for port in world.nodes["s2"]:
        port.kill()
    with pytest.raises(TargetNotAnswering, match="no answer to a probe around the links: s2 at"):
        world.links.cut(groups(others, ["s2"]).edges, Cut.BLACKHOLE)
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
    body = {
        "name": "cut_lost_upstream",
        "type": "latency",
        "stream": "upstream",
        "attributes": {"latency": 0},
    }
    world.server.api.call(Call("POST", "/proxies/w1-peer-s1-s2/toxics", body))
    with pytest.raises(Exception, match="409 to POST /proxies/w1-peer-s1-s2/toxics: toxic already exists"):
        world.links.cut([("s1", "s2")], Cut.BLACKHOLE)
    assert world.links.cut_now() == ()
