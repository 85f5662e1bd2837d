"""Topologies are pure functions from names to grudges."""

from collections.abc import Callable, Sequence
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.topology import (
    Grudge,
    bridge,
    groups,
    halves,
    isolate,
    majority,
    majority_ring,
    minority,
    one_way,
)

FIVE = ["s1", "s2", "s3", "s4", "s5"]

names_from = st.integers(min_value=3, max_value=12).map(lambda n: [f"s{i}" for i in range(n)])


def seen_by(name: str, names: Sequence[str], grudge: Grudge) -> frozenset[str]:
    """Whom a node hears and is heard by, itself included."""
    cut = set(grudge.edges)
    return frozenset(n for n in names if (n, name) not in cut and (name, n) not in cut)


def is_symmetric(grudge: Grudge) -> bool:
    return {(b, a) for a, b in grudge.edges} == set(grudge.edges)


def test_a_partition_cuts_both_ways_between_groups_and_nothing_else() -> None:
    """The documents' cut: {s1, s2, C1, C2} | {s3, C3}."""
    grudge = groups(["s1", "s2", "C1", "C2"], ["s3", "C3"])
    assert len(grudge.edges) == 4 * 2 * 2
    assert ("s1", "s3") in grudge.edges
    assert ("s3", "s1") in grudge.edges
    assert ("C3", "s1") in grudge.edges
    assert ("s1", "s2") not in grudge.edges
    assert grudge.edges == tuple(sorted(grudge.edges))


def test_nodes_in_no_group_keep_all_their_links() -> None:
    """A party that is not named is not cut."""
    assert groups(["s1"], ["s2"], known=FIVE).edges == (("s1", "s2"), ("s2", "s1"))


def test_a_node_in_two_groups_is_a_bridge() -> None:
    """It hears both sides, and they do not hear each other."""
    assert groups(["s1", "s2"], ["s2", "s3"]).edges == (("s1", "s3"), ("s3", "s1"))


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from(FIVE), min_size=1), min_size=2, max_size=4))
def test_exactly_the_pairs_without_a_common_group_are_cut(sides: list[set[str]]) -> None:
    """For any groups, overlapping or not."""
    named = set().union(*sides)
    expected = {
        (a, b) for a, b in permutations(named, 2) if not any(a in side and b in side for side in sides)
    }
    assert set(groups(*sides).edges) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: groups(["s1"], []), "group 2 of 2 is empty"),
        (lambda: groups(["s1"]), "two groups or more, got 1"),
        (lambda: groups(["s1"], ["s9"], known=FIVE), "unknown: s9; there are s1, s2, s3, s4, s5"),
        (lambda: one_way([], ["s1"]), "at least one party in sources"),
        (lambda: one_way(["s1"], ["s9"], known=FIVE), "unknown: s9"),
        (lambda: one_way(["s1"], ["s1"]), "cuts nothing"),
        (lambda: halves(["s1"]), "halves needs 2 names or more, got 1"),
        (lambda: isolate("s9", FIVE), "unknown: s9"),
        (lambda: isolate("s1", ["s1"]), "isolate needs 2"),
        (lambda: bridge(["s1", "s2"]), "bridge needs 3"),
        (lambda: bridge(FIVE, "s9"), "unknown: s9"),
        (lambda: majority_ring(["s1", "s2"]), "majority_ring needs 3"),
        (lambda: minority(["s1", "s2"], Random(1)), "minority needs 3"),
        (lambda: halves(["s1", "s1"]), "given twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], Grudge], message: str) -> None:
    """An empty group, an unknown name: the sentence says what is wrong and what exists."""
    with pytest.raises(ValueError, match=message):
        make()


def test_halves_of_five_are_two_and_three() -> None:
    """The 2|3 cut: six pairs, both ways."""
    assert halves(FIVE) == groups(FIVE[:2], FIVE[2:])
    assert len(halves(FIVE).edges) == 12


def test_one_way_loses_one_direction_only() -> None:
    """The way back stays open."""
    assert one_way(["s1", "s2"], ["s2", "s3"]).edges == (("s1", "s2"), ("s1", "s3"), ("s2", "s3"))


@settings(deadline=None)
@given(names_from)
def test_an_isolated_node_sees_itself_alone(names: list[str]) -> None:
    """And all others see each other."""
    grudge = isolate(names[1], names)
    assert seen_by(names[1], names, grudge) == {names[1]}
    assert seen_by(names[0], names, grudge) == set(names) - {names[1]}


@settings(deadline=None)
@given(names_from)
def test_only_the_bridge_sees_everybody(names: list[str]) -> None:
    """The halves see themselves and the bridge."""
    grudge = bridge(names)
    full = [name for name in names if seen_by(name, names, grudge) == set(names)]
    assert full == [names[len(names) // 2]]
    assert is_symmetric(grudge)


@settings(deadline=None)
@given(names_from)
def test_in_a_majority_ring_each_sees_another_majority(names: list[str]) -> None:
    """Each a majority, no two the same, both ways."""
    grudge = majority_ring(names)
    views = {name: seen_by(name, names, grudge) for name in names}
    assert all(len(view) > len(names) / 2 for view in views.values())
    assert all(views[a] != views[b] for a, b in combinations(names, 2))
    assert is_symmetric(grudge)


def test_a_majority_ring_of_five_is_as_thin_as_can_be() -> None:
    """Each sees exactly three."""
    grudge = majority_ring(FIVE)
    assert {len(seen_by(name, FIVE, grudge)) for name in FIVE} == {3}


@settings(deadline=None)
@given(names_from, st.integers())
def test_a_minority_is_less_than_half_and_drawn_from_the_callers_seed(names: list[str], seed: int) -> None:
    """The same seed, the same cut."""
    grudge = minority(names, Random(seed))
    sizes = {len(seen_by(name, names, grudge)) for name in names}
    assert min(sizes) < len(names) / 2
    assert sum(sizes) == len(names)
    assert grudge == minority(names, Random(seed))


@settings(deadline=None)
@given(names_from, st.integers())
def test_a_majority_is_the_smallest_there_is(names: list[str], seed: int) -> None:
    """One more than half, cut from the rest."""
    grudge = majority(names, Random(seed))
    sizes = {len(seen_by(name, names, grudge)) for name in names}
    assert max(sizes) == len(names) // 2 + 1
    assert grudge == majority(names, Random(seed))


@settings(deadline=None)
@given(names_from, st.integers(), st.sampled_from([minority, majority]))
def test_one_may_have_to_be_on_the_side_that_is_cut_off_or_not(
    names: list[str], seed: int, cut_off: Callable[..., Grudge]
) -> None:
    """Such as the leader: of a minority it sees less than half, of the rest more."""
    one = names[-1]
    inside = len(seen_by(one, names, cut_off(names, Random(seed), including=one)))
    outside = len(seen_by(one, names, cut_off(names, Random(seed), excluding=one)))
    assert (inside < len(names) / 2) is (cut_off is minority)
    assert (outside < len(names) / 2) is (cut_off is majority)
