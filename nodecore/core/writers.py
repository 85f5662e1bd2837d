"""Who last changed a key, as far as this node knows: what keeps a stale owner's verify from undoing it.

While a cut heals, rings pass through states in which a node that has not heard of a write yet owns its key.
Five nodes cut in halves and healed lost such a write in 1 of 60 runs. Invariant: by `may_speak`, a member
whose ring lacks the last writer of a key has no say about that key while the writer is in this node's ring.
"""

from nodecore.core.ring import Ring


class Writers:
    """The last writer of each key that was changed since all members were last known to agree."""

    def __init__(self) -> None:
        self._writers: dict[str, str] = {}

    def wrote(self, key: str, writer: str) -> None:
        """A member, or this node, changed or deleted a key; a writer that named no address is none."""
        if writer:
            self._writers[key] = writer
        else:
            self._writers.pop(key, None)

    def may_speak(self, key: str, sender_ring: tuple[str, ...] | None, own_ring: Ring) -> bool:
        """Say whether a sender with this ring can have heard of the last change of a key."""
        writer = self._writers.get(key)
        if writer is None or sender_ring is None:
            return True
        return writer in sender_ring or writer not in own_ring.addresses

    def forget_all(self) -> None:
        """All members have agreed for a while: nobody can be unaware of a writer."""
        self._writers.clear()
