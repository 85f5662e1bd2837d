"""Who may not hear whom: pure functions from names to grudges, after Jepsen's nemesis.

A grudge lists directed edges (source, target): messages from source to target are lost. Invariant: the
edges of a grudge are sorted and without repetition, so the same topology is always the same value.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Protocol

Edge = tuple[str, str]


class Chooser(Protocol):
    """The part of `random.Random` that a choice needs; the caller's own, so that its seed decides."""

    def sample(self, population: Sequence[str], k: int) -> list[str]:
        """Return k members of the population in random order."""
        ...

    def randint(self, a: int, b: int) -> int:
        """Return a random integer from a to b, both included."""
        ...


@dataclass(frozen=True, slots=True)
class Grudge:
    """Directed edges (source, target) whose messages are lost, sorted."""

    edges: tuple[Edge, ...]


def groups(*sides: Collection[str], known: Collection[str] | None = None) -> Grudge:
    """Cut every pair of different groups that has no group in common, both ways.

    Names in no group keep all their links; a name in two groups is a bridge between them.

    Args:
        sides: two groups or more.
        known: all names there are; None: not checked.

    Raises:
        ValueError: fewer than two groups, an empty group, or an unknown name.

    """
    if len(sides) < 2:
        raise ValueError(f"a partition needs two groups or more, got {len(sides)}")
    for number, side in enumerate(sides, start=1):
        if not side:
            raise ValueError(f"group {number} of {len(sides)} is empty: name at least one party in it")
        _check_known(side, known)
    return _grudge(
        (source, target)
        for source, target in permutations(_unique(name for side in sides for name in side), 2)
        if not any(source in side and target in side for side in sides)
    )


def halves(names: Sequence[str]) -> Grudge:
    """Cut the first half from the second, both ways; of an odd number the second is larger by one.

    Raises:
        ValueError: fewer than two names.

    """
    _check_enough("halves", names, 2)
    middle = len(names) // 2
    return groups(names[:middle], names[middle:])


def isolate(name: str, names: Collection[str]) -> Grudge:
    """Cut one of `names` from all others, both ways.

    Raises:
        ValueError: `name` is not one of them, or there is no other.

    """
    _check_known([name], names)
    _check_enough("isolate", names, 2)
    return groups([name], [other for other in names if other != name])


def bridge(names: Sequence[str], middle: str | None = None) -> Grudge:
    """Cut two halves from each other, but for one node that hears and is heard by both (Jepsen's `bridge`).

    Args:
        names: at least three.
        middle: the bridge; None: the one in the middle of `names`.

    Raises:
        ValueError: fewer than three names, or `middle` is not one of them.

    """
    _check_enough("bridge", names, 3)
    joint = names[len(names) // 2] if middle is None else middle
    _check_known([joint], names)
    rest = [name for name in names if name != joint]
    half = (len(rest) + 1) // 2
    return groups([*rest[:half], joint], [joint, *rest[half:]])


def majority_ring(names: Sequence[str]) -> Grudge:
    """Let each node see a majority, and no two nodes the same one (Jepsen's majorities ring).

    Each sees itself and its nearest neighbours on both sides, as few as make a majority, and whom it
    sees, sees it: calls need both directions. Of three nodes only the first and the last are cut. Up to
    five nodes the ring is as thin as it can be.

    Raises:
        ValueError: fewer than three names.

    """
    _check_enough("majority_ring", names, 3)
    count = len(names)
    if count == 3:
        return groups([names[0], names[1]], [names[1], names[2]])
    reach = -(-(count // 2) // 2)
    return _grudge(
        (names[i], names[j])
        for i, j in permutations(range(count), 2)
        if min((i - j) % count, (j - i) % count) > reach
    )


def one_way(
    sources: Collection[str], targets: Collection[str], known: Collection[str] | None = None
) -> Grudge:
    """Lose what any source sends to any target; the way back stays open.

    Args:
        sources: whose messages are lost.
        targets: who does not hear them.
        known: all names there are; None: not checked.

    Raises:
        ValueError: no sources, no targets, an unknown name, or nobody but a node itself to cut it from.

    """
    for what, names in (("sources", sources), ("targets", targets)):
        if not names:
            raise ValueError(f"one_way needs at least one party in {what}")
        _check_known(names, known)
    grudge = _grudge((s, t) for s in sources for t in targets if s != t)
    if not grudge.edges:
        raise ValueError(f"one_way from {', '.join(sources)} to itself cuts nothing")
    return grudge


def minority(names: Sequence[str], choose: Chooser, *, including: str = "", excluding: str = "") -> Grudge:
    """Cut a random minority, of any size below half, from the rest, both ways.

    Args:
        names: at least three.
        choose: a `random.Random` with the run's seed.
        including: who has to be in it; "": nobody in particular.
        excluding: who must not be in it.

    Raises:
        ValueError: fewer than three names, or `including` or `excluding` is not one of them.

    """
    _check_enough("minority", names, 3)
    return _cut_off(names, choose.randint(1, (len(names) - 1) // 2), choose, including, excluding)


def majority(names: Sequence[str], choose: Chooser, *, including: str = "", excluding: str = "") -> Grudge:
    """Cut a random smallest majority from the rest, both ways.

    Args:
        names: at least three.
        choose: a `random.Random` with the run's seed.
        including: who has to be in it; "": nobody in particular.
        excluding: who must not be in it.

    Raises:
        ValueError: fewer than three names, or `including` or `excluding` is not one of them.

    """
    _check_enough("majority", names, 3)
    return _cut_off(names, len(names) // 2 + 1, choose, including, excluding)


def _cut_off(names: Sequence[str], size: int, choose: Chooser, including: str, excluding: str) -> Grudge:
    fixed = [name for name in (including, excluding) if name]
    _check_known(fixed, names)
    rest = [name for name in _unique(names) if name not in fixed]
    certain = [including] if including else []
    chosen = [*certain, *choose.sample(rest, size - len(certain))]
    return groups(chosen, [name for name in names if name not in chosen])


def _grudge(edges: Iterable[Edge]) -> Grudge:
    return Grudge(tuple(sorted(set(edges))))


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _check_known(names: Iterable[str], known: Collection[str] | None) -> None:
    unknown = [] if known is None else [name for name in names if name not in known]
    if known is not None and unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")


def _check_enough(what: str, names: Collection[str], least: int) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"{what}: a name is given twice in {', '.join(names)}")
    if len(names) < least:
        raise ValueError(f"{what} needs {least} names or more, got {len(names)}")
