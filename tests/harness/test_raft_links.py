"""Links of channel raft: cut with all others, and proved to be by the greeting of PySyncObj's own code."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cuts import Cut
from harness.links.link import Channel
from harness.links.locate import find_server
from harness.links.matrix import FaultNotInForce, Judge
from harness.topology import groups, one_way
from tests.doubles.world import EMBEDDED, LinkWorld

WHOLE = "ooo"
SECRET = "of this cluster"

ROWS = [
    # cut s1 -> s2; the pair (s1, s2), the pair (s2, s1)
    (Cut.BLACKHOLE, "oss", "oos"),
    (Cut.HOLD, "oss", "oos"),
    (Cut.slow(100, 20), "olo", "ool"),
    (Cut.REFUSE, "rrr", WHOLE),
    (Cut.LOSE_REQUESTS, "oss", WHOLE),
    (Cut.LOSE_REPLIES, "oos", WHOLE),
    (Cut.RESET, "oxx", WHOLE),
    (Cut.rate(1), "oo*", WHOLE),
]


@pytest.fixture(scope="module", params=["toxiproxy", "embedded"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkWorld]:
    path = EMBEDDED if request.param == "embedded" else find_server()
    with LinkWorld(tmp_path_factory.mktemp("links"), nodes=3, path=path, secret=SECRET) as world:
        yield world


def test_a_cut_acts_on_raft_links_as_on_peer_links_and_is_probed_there(world: LinkWorld) -> None:
    """The row of the design's table holds on both channels, and nothing else is touched."""
    for cut, there, back in ROWS:
        hold = world.links.cut(one_way(["s1"], ["s2"]).edges, cut)
        seen = world.links.verify()
        for channel in (Channel.PEER, Channel.RAFT):
            reading = seen.reading("s1", "s2", channel)
            assert (str(cut), channel, reading.code) == (str(cut), channel, there)
            assert reading.judge is Judge.PROBE
            assert (str(cut), channel, seen.reading("s2", "s1", channel).code) == (str(cut), channel, back)
        assert {c.reading.code for c in seen if {c.source, c.target} != {"s1", "s2"}} == {WHOLE}
        world.links.heal(hold)
        assert {cell.reading.code for cell in world.links.verify()} == {WHOLE}


def test_a_raft_link_that_is_open_though_it_should_be_cut_is_found(world: LinkWorld) -> None:
    """The peer link is cut; somebody opens the raft link behind the harness's back."""
    hold = world.links.cut(groups(["s1"], ["s2", "s3"]).edges, Cut.BLACKHOLE)
    proxy = world.links.toxiproxy().get_proxy("w1-raft-s1-s2")
    for toxic in list(proxy.toxics()):
        proxy.destroy_toxic(toxic)
    with pytest.raises(FaultNotInForce, match="raft-s1-s2: the link server says whole"):
        world.links.heal(hold)
    world.links.verify()


def test_what_was_held_for_longer_than_the_target_waits_is_heard_by_its_hanging_up(world: LinkWorld) -> None:
    """PySyncObj ends a connection over which it heard nothing for its time-out; that too shows delivery."""
    hold = world.links.cut(groups(["s1"], ["s2"]).edges, Cut.HOLD)
    for raft in world.rafts.values():
        raft.lose_patience()
    world.links.heal(hold)
    assert {cell.reading.code for cell in world.links.verify()} == {WHOLE}


def test_a_delay_for_which_the_target_does_not_wait_is_configured_and_not_told(tmp_path: Path) -> None:
    """How late a greeting came is not known of one that was hung up on; the peer link tells of the delay."""
    with LinkWorld(tmp_path, nodes=2, path=EMBEDDED, secret=SECRET) as world:
        world.links.cut([("s1", "s2")], Cut.slow(1900))
        seen = world.links.verify()
        assert seen.reading("s1", "s2").code == "olo"
        assert seen.reading("s1", "s2", Channel.RAFT).code == "o**"


def test_raft_links_are_made_again_on_another_link_server_cut_as_they_were(world: LinkWorld) -> None:
    """Whoever replaces a link server that died need not know of Raft."""
    hold = world.links.cut(groups(["s1"], ["s2", "s3"]).edges, Cut.BLACKHOLE)
    world.links.restore(world.replace_server())
    cells = [cell for cell in world.links.verify() if cell.channel is Channel.RAFT]
    assert {c.reading.code for c in cells if "s1" in (c.source, c.target)} == {"oss"}
    assert {c.reading.code for c in cells if "s1" not in (c.source, c.target)} == {WHOLE}
    world.links.heal(hold)
