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
    (Cut.BLACKHOLE, "connect ok, request silent, reply silent", "", "ooo"),
    (Cut.HOLD, "connect ok, request silent, reply silent", "", "ooo"),
    (Cut.slow(ms=100), "connect ok, request late, reply late", "", "ooo"),
    (Cut.LOSE_REQUESTS, "connect ok, request silent, reply silent", "", "ooo"),
    (Cut.LOSE_REPLIES, "connect ok, request ok, reply silent", "", "ooo"),
    (Cut.REFUSE, "connect refused, request refused, reply refused", "closed", "ooo"),
    (Cut.RESET, "connect ok, request reset, reply reset", "as it should be", "ooo/ccc"),
]
"""What probes can tell: the cut, what should be, and on connections that existed if they should differ.

A reset makes its proxies anew, which a deaf link server does too: what existed is closed as it should be.
"""

UNTOLD = [
    Cut.slow(ms=1),
    Cut.slow(ms=60_000),
    Cut.rate(1),
    Cut.slow_close(10),
    Cut.slice(1),
    Cut.cut_after(1),
]
"""What is configured, not probed."""


@pytest.mark.parametrize(("cut", "expected", "existing", "seen"), TOLD, ids=[str(row[0]) for row in TOLD])
def test_every_cut_through_a_deaf_link_server_raises(
    world: LinkWorld, cut: Cut, expected: str, existing: str, seen: str
) -> None:
    """The error names the links, shows both matrices, and nothing stays cut."""
    world.links.verify()
    with pytest.raises(FaultNotInForce) as caught:
        world.links.cut(groups(["s1"], ["s2", "C1"]).edges, cut)
    text = str(caught.value)
    line = f"expected {expected}, seen {WHOLE}"
    if existing:
        line = f"on a new connection {line}"
    if existing == "closed":
        line += (
            f"; on an existing connection expected connect {existing}, "
            f"request {existing}, reply {existing}, seen {WHOLE}"
        )
    assert f"  peer-s1-s2: {line}\n" in text
    assert "client-C1-s1: " in text
    assert "client-C1-s2" not in text, "this link was not to be cut"
    assert caught.value.seen.reading("s1", "s2").code == seen
    assert caught.value.expected.reading("s1", "s2").code not in ("ooo", seen)
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
