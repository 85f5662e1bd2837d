"""A link server that accepts every cut and does none of them is found out, every time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cuts import Cut
from harness.links.matrix import FaultNotInForce
from harness.topology import groups
from tests.doubles.world import DEAF, LinkWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LinkWorld]:
    with LinkWorld(tmp_path, nodes=2, agents=["C1"], path=DEAF) as world:
        yield world


TOLD = [
    Cut.BLACKHOLE,
    Cut.HOLD,
    Cut.slow(ms=100),
    Cut.REFUSE,
    Cut.LOSE_REQUESTS,
    Cut.LOSE_REPLIES,
    Cut.RESET,
]
"""What probes can tell."""

UNTOLD = [
    Cut.slow(ms=1),
    Cut.slow(ms=60_000),
    Cut.rate(1),
    Cut.slow_close(10),
    Cut.slice(1),
    Cut.cut_after(1),
]
"""What is configured, not probed."""


@pytest.mark.parametrize("cut", TOLD, ids=str)
def test_every_cut_through_a_deaf_link_server_raises(world: LinkWorld, cut: Cut) -> None:
    """The error names the links, shows both matrices, and nothing stays cut."""
    world.links.verify()
    with pytest.raises(FaultNotInForce) as caught:
        world.links.cut(groups(["s1"], ["s2", "C1"]).edges, cut)
    text = str(caught.value)
    assert "peer-s1-s2: " in text
    assert "client-C1-s1: " in text
    assert "client-C1-s2" not in text, "this link was not to be cut"
    assert "seen connect ok, request ok, reply ok" in text
    assert caught.value.seen.reading("s1", "s2").code == "ooo"
    assert caught.value.expected.reading("s1", "s2").code != "ooo"
    assert world.links.cut_now() == ()
    world.links.verify()


@pytest.mark.parametrize("cut", UNTOLD, ids=str)
def test_what_no_probe_can_tell_is_never_said_to_be_probed(world: LinkWorld, cut: Cut) -> None:
    """The deaf server's word is all there is, and the matrix says so."""
    world.links.verify()
    hold = world.links.cut([("s1", "s2")], cut)
    assert "*" in world.links.verify().reading("s1", "s2").code
    world.links.heal(hold)
    assert world.links.cut_now() == ()
