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


WHOLE = "connect ok, request ok, reply ok"
TOLD = [
    (Cut.BLACKHOLE, "connect ok, request silent, reply silent", ""),
    (Cut.HOLD, "connect ok, request silent, reply silent", ""),
    (Cut.slow(ms=100), "connect ok, request late, reply late", ""),
    (Cut.LOSE_REQUESTS, "connect ok, request silent, reply silent", ""),
    (Cut.LOSE_REPLIES, "connect ok, request ok, reply silent", ""),
    (Cut.REFUSE, "connect refused, request refused, reply refused", "closed"),
]
"""What probes can tell: the cut, what should be, and on connections that existed if they should differ."""

UNTOLD = [
    Cut.slow(ms=1),
    Cut.slow(ms=60_000),
    Cut.rate(1),
    Cut.slow_close(10),
    Cut.slice(1),
    Cut.cut_after(1),
]
"""What is configured, not probed."""


@pytest.mark.parametrize(("cut", "expected", "existing"), TOLD, ids=[str(row[0]) for row in TOLD])
def test_a_cut_through_a_deaf_link_server_raises(
    world: LinkWorld, cut: Cut, expected: str, existing: str
) -> None:
    """The error names the links, shows both matrices, and nothing stays cut."""
    world.links.verify()
    with pytest.raises(FaultNotInForce) as caught:
        world.links.cut(groups(["s1"], ["s2", "C1"]).edges, cut)
    text = str(caught.value)
    line = f"expected {expected}, seen {WHOLE}"
    if existing:
        line = (
            f"on a new connection {line}; on an existing connection expected connect {existing}, "
            f"request {existing}, reply {existing}, seen {WHOLE}"
        )
    assert f"  peer-s1-s2: {line}\n" in text
    assert "client-C1-s1: " in text
    assert "client-C1-s2" not in text, "this link was not to be cut"
    assert caught.value.seen.reading("s1", "s2").code == "ooo"
    assert caught.value.expected.reading("s1", "s2").code != "ooo"
    assert world.links.cut_now() == ()
    world.links.verify()


def test_so_does_a_reset_though_connections_that_existed_are_closed(world: LinkWorld) -> None:
    """Its proxy is made anew, which a deaf link server does too; new connections are not reset."""
    world.links.verify()
    with pytest.raises(FaultNotInForce) as caught:
        world.links.cut([("s1", "s2")], Cut.RESET)
    line = f"on a new connection expected connect ok, request reset, reply reset, seen {WHOLE}"
    assert f"  peer-s1-s2: {line}\n" in str(caught.value)
    assert caught.value.seen.reading("s1", "s2").code == "ooo/ccc"
    assert caught.value.expected.reading("s1", "s2").code == "oxx/ccc"
    assert world.links.cut_now() == ()


@pytest.mark.parametrize("cut", UNTOLD, ids=str)
def test_what_no_probe_can_tell_is_never_said_to_be_probed(world: LinkWorld, cut: Cut) -> None:
    """The deaf server's word is all there is, and the matrix says so."""
    world.links.verify()
    hold = world.links.cut([("s1", "s2")], cut)
    assert "*" in world.links.verify().reading("s1", "s2").code
    world.links.heal(hold)
    assert world.links.cut_now() == ()
