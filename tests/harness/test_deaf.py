"""A link server that accepts every cut and does none of them is found out, every time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.links.faults import Cut
from harness.links.matrix import FaultNotInForce
from harness.topology import groups
from tests.doubles.world import DEAF, LinkWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LinkWorld]:
    with LinkWorld(tmp_path, nodes=2, agents=["C1"], path=DEAF) as world:
        yield world


@pytest.mark.parametrize("kind", list(Cut))
def test_every_cut_through_a_deaf_link_server_raises(world: LinkWorld, kind: Cut) -> None:
    """The error names the links, shows both matrices, and nothing stays cut."""
    world.links.verify()
    with pytest.raises(FaultNotInForce) as caught:
        world.links.cut(groups(["s1"], ["s2", "C1"]).edges, kind)
    text = str(caught.value)
    assert "peer-s1-s2: " in text
    assert "client-C1-s1: " in text
    assert "client-C1-s2" not in text, "this link was not to be cut"
    assert "seen connect ok, request ok, reply ok" in text
    assert caught.value.seen.reading("s1", "s2").code == "ooo"
    assert caught.value.expected.reading("s1", "s2").code != "ooo"
    assert world.links.cut_now() == ()
    world.links.verify()
