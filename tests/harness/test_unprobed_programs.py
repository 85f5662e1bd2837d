"""Links of a program that takes no probes: what connections alone show, and what is only configured."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Cut
from harness.links.fabric import Links
from harness.links.matrix import FaultNotInForce, Judge
from harness.links.targets import TargetNotAnswering
from harness.topology import groups, one_way
from tests.doubles.world import DEAF, LinkWorld

WHOLE = "o**"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LinkWorld]:
    with LinkWorld(tmp_path, nodes=2, agents=["C1"], probe_path=None) as world:
        world.links.verify()
        yield world


@pytest.fixture
def links(world: LinkWorld) -> Links:
    return world.links


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (Cut.BLACKHOLE, WHOLE),
        (Cut.HOLD, WHOLE),
        (Cut.slow(100), WHOLE),
        (Cut.REFUSE, "rrr"),
        (Cut.LOSE_REQUESTS, WHOLE),
        (Cut.RESET, WHOLE),
        (Cut.rate(10), WHOLE),
    ],
    ids=str,
)
def test_a_cut_is_shown_as_far_as_a_connection_shows_it(links: Links, cut: Cut, expected: str) -> None:
    """Nothing is said to a foreign program; what that leaves open is marked, also on a whole link."""
    hold = links.cut(one_way(["s1"], ["s2"]).edges, cut)
    reading = links.verify().reading("s1", "s2")
    assert (reading.code, reading.judge) == (expected, Judge.CONNECT)
    assert links.cut_now() != ()
    links.heal(hold)
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}
    assert links.cut_now() == ()


def test_existing_connections_are_looked_at_too(links: Links) -> None:
    """Those of a refused link are closed, those of a black hole live."""
    refused = links.cut([("s1", "s2")], Cut.REFUSE)
    links.cut([("s2", "s1")], Cut.BLACKHOLE)
    seen = links.verify()
    assert str(seen.reading("s2", "s1").existing) == "connect ok, request configured, reply configured"
    links.heal(refused)
    assert seen.as_json()[0]["judge"] == "connect"


def test_a_refusal_that_is_none_is_found_out(tmp_path: Path) -> None:
    """By a connection; of a black hole the link server's word is all there is, and the reading says so."""
    with LinkWorld(tmp_path, nodes=2, path=DEAF, probe_path=None) as world:
        world.links.verify()
        with pytest.raises(FaultNotInForce, match="expected connect refused") as caught:
            world.links.cut(groups(["s1"], ["s2"]).edges, Cut.REFUSE)
        assert "peer-s1-s2: on a new connection expected connect refused" in str(caught.value)
        assert "* configured, not probed" in str(caught.value)
        hold = world.links.cut(groups(["s1"], ["s2"]).edges, Cut.BLACKHOLE)
        assert world.links.verify().reading("s1", "s2").code == WHOLE
        world.links.heal(hold)


def test_a_black_hole_made_otherwise_behind_the_harness_shows(links: Links) -> None:
    """The link server's own view is always compared."""
    links.cut([("s1", "s2")], Cut.BLACKHOLE)
    links.toxiproxy().get_proxy("w1-peer-s1-s2").destroy_toxic("cut_lost_upstream")
    with pytest.raises(
        FaultNotInForce, match="peer-s1-s2: the link server says whole, right would be requests lost"
    ):
        links.verify()


def test_a_program_that_does_not_listen_is_named(world: LinkWorld) -> None:
    """A link is not blamed for it."""
    world.nodes["s2"][0].kill()
    with pytest.raises(
        TargetNotAnswering, match=r"no answer to a probe around the links: s2 at .* \(refused\)"
    ):
        world.links.cut([("s1", "s2")], Cut.BLACKHOLE)
    assert world.links.cut_now() == ()
