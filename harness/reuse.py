"""Clusters that are used again: the one of a session that was brought back waits for the next test.

Invariant: it waits only as long as its slots are not wanted by others and whoever has it kept knows a taker,
and it is looked at again before it is given; what a test held of it before ends nothing any more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from harness.afresh import Afresh
from harness.cluster import Cluster
from harness.crew import Crew
from harness.slots import Room, Slots
from harness.spec import ClusterSpec


class Release:
    """Ends and frees all that a cluster has, once, until it is given up.

    Args:
        release: does it.

    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def __call__(self) -> None:
        """End and free everything; again, or given up: do nothing."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def give_up(self) -> "Release":
        """Return what ends it from now on in place of this."""
        assert self._release is not None, "a cluster that was closed has no other owner"
        release, self._release = self._release, None
        return Release(release)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What a cluster is made of, beyond the object that a test holds."""

    crew: Crew
    room: Room
    afresh: Afresh
    release: Release


class Reuse:
    """Keeps at most one kit waiting.

    Args:
        slots: which others may want.

    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._kits: WeakKeyDictionary[Cluster, Kit] = WeakKeyDictionary()
        self._waiting: Kit | None = None

    def note(self, cluster: Cluster, kit: Kit) -> None:
        """Remember what a cluster that is ready is made of."""
        self._kits[cluster] = kit

    def keep(self, cluster: Cluster) -> str:
        """Bring a cluster back to how it was when it was ready, for the next one of its spec; or close it.

        Returns:
            "" when it waits now, or why it was closed: something was done to it that may still show, it could
            not be made empty, or others wait for its slots.

        Raises:
            Exception: what the code of the user's own program raised; the cluster is closed.

        """
        kit = self._kits.pop(cluster, None)
        why_not = "it never was ready"
        try:
            if kit is not None:
                why_not = "others wait for slots" if self._slots.are_wanted else kit.afresh.bring_back()
        except BaseException:
            cluster.close()
            raise
        if kit is None or why_not:
            cluster.close()
            return why_not
        self.end()
        self._waiting = Kit(crew=kit.crew, room=kit.room, afresh=kit.afresh, release=kit.release.give_up())
        return ""

    def take(self, spec: ClusterSpec) -> Kit | None:
        """Return the kit that waits if it is of this spec and as it should be; one that is not is ended."""
        kit = self._waiting
        if kit is None or kit.crew.spec != spec or kit.afresh.look():
            self.end()
            return None
        self._waiting = None
        return kit

    def end(self) -> None:
        """Close the cluster that waits, if there is one."""
        kit, self._waiting = self._waiting, None
        if kit is not None:
            kit.release()
