"""Who carries datagrams is told whose are lost, at each cut and heal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cuts import Cut
from harness.links.fabric import Links
from harness.links.matrix import FaultNotInForce
from harness.topology import Edge, groups
from tests.doubles.world import DEAF, LinkWorld


class Relay:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[frozenset[Edge]] = []

    def on_loss(self, edges_lost: frozenset[Edge]) -> None:
        self.told.append(edges_lost)


@pytest.fixture
def links(tmp_path: Path) -> Iterator[Links]:
    with LinkWorld(tmp_path, nodes=2, agents=["C1"]) as world:
        world.links.verify()
        yield world.links


def test_datagrams_are_lost_as_long_as_any_cut_holds_their_edge(links: Links) -> None:
    """Both ways between the sides of a partition, and one way where one is cut."""
    relay = Relay()
    links.observe_loss(relay)
    first = links.cut(groups(["s1"], ["C1"]).edges, Cut.BLACKHOLE)
    second = links.cut([("s1", "s2"), ("C1", "s1")], Cut.REFUSE)
    links.heal(first)
    links.heal(second)
    both = {("s1", "C1"), ("C1", "s1")}
    assert relay.told == [
        frozenset(),
        frozenset(both),
        frozenset({*both, ("s1", "s2")}),
        frozenset({("s1", "s2"), ("C1", "s1")}),
        frozenset(),
    ]


def test_what_loses_half_of_a_connections_calls_loses_no_datagram(links: Links) -> None:
    """It acts on connections."""
    links.cut([("C1", "s1")], Cut.LOSE_REPLIES)
    relay = Relay()
    links.observe_loss(relay)
    assert relay.told == [frozenset()]


def test_a_cut_that_is_taken_back_is_taken_back_for_datagrams_too(tmp_path: Path) -> None:
    """The deaf link server's cut raises."""
    with LinkWorld(tmp_path, nodes=2, path=DEAF) as world:
        relay = Relay()
        world.links.observe_loss(relay)
        with pytest.raises(FaultNotInForce):
            world.links.cut([("s1", "s2")], Cut.BLACKHOLE)
    assert relay.told == [frozenset(), frozenset({("s1", "s2")}), frozenset()]
