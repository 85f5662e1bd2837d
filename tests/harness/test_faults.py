"""Faults as data: what a cut does to which links, and what all of them together have in force."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cuts import Cut
from harness.links.effects import NO_EFFECTS, Effect, Stream, What
from harness.links.faults import Ledger, effects_of
from harness.links.link import Channel, Link
from harness.topology import Edge
from tests.doubles.composition import SOME_CUTS, left_by

LISTEN, UPSTREAM = "127.0.0.1:1", "127.0.0.1:2"
UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM


def link(source: str, target: str, channel: Channel = Channel.PEER) -> Link:
    return Link(source=source, target=target, channel=channel, listen=LISTEN, upstream=UPSTREAM)


AB, BA = link("a", "b"), link("b", "a")
CLIENT = link("C1", "a", Channel.CLIENT)
LINKS = {("a", "b"): [AB], ("b", "a"): [BA], ("C1", "a"): [CLIENT]}

some_faults = st.lists(
    st.tuples(st.sampled_from(SOME_CUTS), st.sampled_from([("a", "b"), ("b", "a")])), max_size=6
)


@pytest.mark.parametrize(
    ("cut", "edge", "expected"),
    [
        (Cut.BLACKHOLE, ("a", "b"), {("peer-a-b", Effect.REQUESTS_LOST), ("peer-b-a", Effect.REPLIES_LOST)}),
        (
            Cut.HOLD,
            ("a", "b"),
            {("peer-a-b", Effect(What.HELD, UP)), ("peer-b-a", Effect(What.HELD, DOWN))},
        ),
        (
            Cut.slow(9, 3),
            ("a", "b"),
            {("peer-a-b", Effect(What.SLOW, UP, (9, 3))), ("peer-b-a", Effect(What.SLOW, DOWN, (9, 3)))},
        ),
        (Cut.REFUSE, ("a", "b"), {("peer-a-b", Effect.REFUSED)}),
        (Cut.LOSE_REQUESTS, ("a", "b"), {("peer-a-b", Effect.REQUESTS_LOST)}),
        (Cut.LOSE_REPLIES, ("a", "b"), {("peer-a-b", Effect.REPLIES_LOST)}),
        (Cut.RESET, ("a", "b"), {("peer-a-b", Effect(What.RESET, UP))}),
        (Cut.rate(3), ("a", "b"), {("peer-a-b", Effect(What.RATE, DOWN, (3,)))}),
        (Cut.slow_close(3), ("a", "b"), {("peer-a-b", Effect(What.SLOW_CLOSE, DOWN, (3,)))}),
        (Cut.slice(3), ("a", "b"), {("peer-a-b", Effect(What.SLICE, DOWN, (3, 0)))}),
        (Cut.cut_after(3), ("a", "b"), {("peer-a-b", Effect(What.CUT_AFTER, DOWN, (3,)))}),
        (Cut.BLACKHOLE, ("C1", "a"), {("client-C1-a", Effect.REQUESTS_LOST)}),
        (Cut.BLACKHOLE, ("a", "C1"), {("client-C1-a", Effect.REPLIES_LOST)}),
        (Cut.REFUSE, ("a", "C1"), set()),
    ],
)
def test_a_cut_acts_on_the_streams_of_the_designs_table(
    cut: Cut, edge: Edge, expected: set[tuple[str, Effect]]
) -> None:
    """Messages are cut on both proxies, connections on the one that the source opens."""
    assert effects_of(cut, edge, LINKS) == expected


@settings(deadline=None)
@given(some_faults, st.randoms(use_true_random=False))
def test_effects_last_as_long_as_any_hold_in_any_order_of_healing(
    faults: list[tuple[Cut, Edge]], shuffler: object
) -> None:
    """Nested and overlapping faults compose; what is in force follows from those that are left."""
    ledger = Ledger()
    holds = [ledger.take(cut, [edge], effects_of(cut, edge, LINKS)) for cut, edge in faults]
    shuffler.shuffle(holds)  # type: ignore[attr-defined]
    while holds:
        for one in (AB, BA):
            assert ledger.effects_on(one) == left_by(holds, one)
        gone = holds.pop()
        assert ledger.release(gone)
        assert not ledger.release(gone), "a hold ends once"
    assert ledger.effects_on(AB) == ledger.effects_on(BA) == NO_EFFECTS


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [
        ([Cut.slow(100), Cut.slow(200, 10)], "requests slow(200,10)"),
        ([Cut.slow(100), Cut.BLACKHOLE], "requests lost"),
        ([Cut.HOLD, Cut.BLACKHOLE, Cut.RESET], "requests lost"),
        ([Cut.HOLD, Cut.RESET, Cut.slow(5)], "requests held"),
        ([Cut.RESET, Cut.slow(5)], "requests reset"),
        ([Cut.rate(20), Cut.rate(10)], "replies at rate(10)"),
        ([Cut.slice(10), Cut.slice(10, 5), Cut.slice(20, 9)], "replies sliced(10,5)"),
        ([Cut.cut_after(20), Cut.cut_after(10)], "replies cut after(10)"),
        ([Cut.slow_close(20), Cut.slow_close(10)], "replies closed slowly(20)"),
        ([Cut.rate(20), Cut.LOSE_REPLIES, Cut.cut_after(9)], "replies lost"),
        ([Cut.rate(20), Cut.HOLD], "requests held, replies at rate(20)"),
        ([Cut.REFUSE, Cut.slow(5), Cut.rate(7)], "requests slow(5,0), replies at rate(7), refused"),
    ],
    ids=str,
)
def test_of_one_kind_the_strongest_counts_and_what_swallows_hides_what_spoils(
    cuts: list[Cut], expected: str
) -> None:
    """The rules of composition, whatever came first."""
    for order in (cuts, cuts[::-1]):
        ledger = Ledger()
        for cut in order:
            ledger.take(cut, [("a", "b")], effects_of(cut, ("a", "b"), LINKS))
        assert ledger.describe(AB) == f"peer-a-b: {expected}"


def test_death_refuses_beside_every_other_hold() -> None:
    """Start does not undo a `refuse` that a fault still holds, nor heal a death."""
    ledger = Ledger()
    hold = ledger.take(Cut.REFUSE, [("a", "b")], frozenset({(AB.name, Effect.REFUSED)}))
    ledger.died("b")
    ledger.release(hold)
    assert ledger.effects_on(AB) == {Effect.REFUSED}
    assert ledger.describe(AB) == "peer-a-b: refused (b is dead)"
    ledger.started("b")
    assert ledger.effects_on(AB) == NO_EFFECTS


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a#b"])
def test_a_name_that_would_not_survive_in_a_path_is_refused(name: str) -> None:
    """Toxiproxy takes names raw."""
    with pytest.raises(ValueError, match="cannot name a party"):
        link(name, "b")
