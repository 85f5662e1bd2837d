"""Who last changed a key, as far as this node knows: what keeps a stale owner's verify from undoing it.

While a cut heals, rings pass through states in which a node that has not heard of a write yet owns its key.
Without this, five nodes cut in halves and healed lost a write in 1 of 60 runs. Invariant: a writer is named
as long as it may be alive, so that verify can ask whether the sender of a checksum can have heard of it.
"""

from nodecore.core.ring import Ring


class Writers:
    """The last writer of each key that was changed since all members were last known to agree."""

    def __init__(self, believed_s: float) -> None:
        """Believe for `believed_s` real seconds after its write that a writer out of the ring lives."""
        self._believed_s = believed_s
        self._writers: dict[str, tuple[str, float]] = {}

    def wrote(self, key: str, writer: str, now: float) -> None:
        """A member, or this node, changed or deleted a key; a writer that named no address is none."""
        if writer:
            self._writers[key] = (writer, now)
        else:
            self._writers.pop(key, None)

    def last(self, key: str, ring: Ring, now: float) -> tuple[str, float] | None:
        """Return who last changed a key and when; None when nobody did or the writer is believed dead."""
        last = self._writers.get(key)
        if last is None or (last[0] not in ring.addresses and now - last[1] > self._believed_s):
            return None
        return last

    def forget_all(self) -> None:
        """Nobody has written anything."""
        self._writers = {}

    def forget_before(self, moment: float) -> None:
        """Forget writes before this moment: all members are there, and have had the time to be told."""
        self._writers = {key: last for key, last in self._writers.items() if last[1] >= moment}
