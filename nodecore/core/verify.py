"""Anti-entropy: checksums of what this node owns go to all, and what differs is pulled or dropped (R13).

One of our own nodes is first sent one digest of all these checksums: when it holds the same, that is all, and
a period costs as much with 100,000 instances as with ten. Equal digests are equal sets of keys and checksums,
of which the receiver would pull and drop nothing, so nothing is decided otherwise than by the checksums.

Invariant: verify touches a key only if, by this node's own ring, the sender owns it and no change of this
node's own still waits for that sender; it drops only when the rings are known to agree.
"""

from nodecore.config import Limits, Timings
from nodecore.core.answers import Refused
from nodecore.core.events import Lane
from nodecore.core.members import Members
from nodecore.core.messages import DataAnswer, DigestAnswer, Verify, VerifyDigest
from nodecore.core.outward import Outcome, Outward, Pulling, Verifying
from nodecore.core.replica import Replica
from nodecore.core.sync import STATUSES_OF_A_FOREIGN_PEER, Sync
from nodecore.core.timers import Every


class Verification:
    """Both sides of verify: sending our own checksums, judging by another's."""

    def __init__(
        self, out: Outward, replica: Replica, members: Members, sync: Sync, timings: Timings, limits: Limits
    ) -> None:
        self._out = out
        self._replica = replica
        self._store = replica.store
        self._members = members
        self._sync = sync
        self._writers = sync.writers
        self._timings = timings
        self._limits = limits
        self._ring_since = 0.0
        self._up_since: dict[str, float] = {}
        self._verifying: dict[str, bool] = {}
        self._to_pull: dict[str, list[str]] = {}
        """Keys still to be asked of a member, while a pull from it is in flight."""
        self.timer = Every(timings.verify_s)

    def ring_changed(self, now: float) -> None:
        """Remember since when the ring is as it is: a foreign sender's map counts only after a while."""
        self._ring_since = now

    def member_up(self, member: str, now: float) -> None:
        """Remember since when a member is UP."""
        self._up_since[member] = now

    def member_left(self, member: str) -> None:
        """Forget what was open with a member."""
        self._verifying.pop(member, None)
        self._up_since.pop(member, None)
        self._to_pull.pop(member, None)

    def send(self, targets: list[str], now: float) -> None:
        """Send the digest of all we own, or the checksums, to these members, also when we own nothing."""
        if self._members.all_up and self._ring_is_old(now):
            self._writers.forget_before(now - 2 * self._timings.verify_s)
        digest = VerifyDigest(self._digest_of(self._members.own))
        free = [member for member in targets if not self._verifying.get(member)]
        own_kind = [member for member in free if self._members.takes_digest(member)]
        for member in own_kind:
            self._tell(member, digest)
        foreign = [member for member in free if member not in own_kind]
        if foreign:
            checksums = self._checksums()
            for member in foreign:
                self._tell(member, checksums)

    def ended(self, call: Verifying, outcome: Outcome) -> None:
        """Send the checksums to a member that wants them; else whether it arrived does not matter."""
        was_open = self._verifying.pop(call.member, False)
        if was_open and _wants_checksums(outcome) and self._sync.may_send(call.member):
            self._tell(call.member, self._checksums())

    def compared(self, source: str, message: VerifyDigest) -> DigestAnswer:
        """Say whether a member's checksums would make us pull or drop anything.

        Those of a member that, by our own ring, is responsible for nothing would not.
        """
        differs = source in self._members.ring.addresses and message.digest != self._digest_of(source)
        return DigestAnswer(wants_checksums=differs)

    def received(self, source: str, message: Verify, now: float) -> None:
        """Compare a member's checksums with ours: pull what differs, drop what it no longer has."""
        theirs = dict(message.checksums)
        wrong = [key for key in sorted(theirs) if self._store.checksum(key) != theirs[key]]
        wrong = [
            key
            for key in wrong
            if self._may_touch(source, key) and self._may_speak(source, key, message, now)
        ]
        gone = [key for key in self._keys_owned_by(source) if key not in theirs]
        gone = (
            [key for key in gone if self._may_touch(source, key)] if self._rings_agree(message, now) else []
        )
        if wrong or gone:
            first = (wrong or gone)[0]
            fields = {"source": source, "pull": len(wrong), "drop": len(gone), "first": first}
            self._out.log("info", "verify_difference", **fields)
        for key in gone:
            self._replica.remove(key)
            self._writers.wrote(key, source, now)
        if wrong and source not in self._to_pull:
            self._to_pull[source] = wrong
            self._pull_next(source)

    def pulled(self, call: Pulling, outcome: Outcome, now: float) -> None:
        """Store what was pulled, if it may still be touched; then ask for the rest."""
        if not isinstance(outcome, DataAnswer):
            self._to_pull.pop(call.member, None)
            self._out.log("warning", "pull_failed", member=call.member, keys=len(call.keys), why=outcome)
            return
        for datum in outcome.data:
            if datum.key in call.keys and self._may_touch(call.member, datum.key):
                self._replica.put(datum.key, datum.value, now)
                self._writers.wrote(datum.key, call.member, now)
        self._pull_next(call.member)

    def _digest_of(self, member: str) -> str:
        addresses = self._members.ring.addresses
        return self._store.digest(addresses.index(member), len(addresses))

    def _checksums(self) -> Verify:
        owned = self._store.owned_keys(self._members.owns)
        checksums = tuple((key, self._store.checksum(key) or "") for key in owned)
        return Verify(checksums=checksums, ring=self._members.ring.addresses)

    def _tell(self, member: str, message: Verify | VerifyDigest) -> None:
        self._verifying[member] = True
        timeout_s = self._timings.verify_timeout_s
        self._out.call(message, Verifying(member), lane=Lane.CONTROL, timeout_s=timeout_s)

    def forget_all(self) -> None:
        """Ask nobody for anything; what was sent may be answered."""
        self._to_pull.clear()

    def _pull_next(self, source: str) -> None:
        rest = self._to_pull.get(source, [])
        batch, rest = rest[: self._limits.sync_batch_keys_max], rest[self._limits.sync_batch_keys_max :]
        resource = self._store.resource_of(batch[0]) if batch else None
        if resource is None:
            self._to_pull.pop(source, None)
            return
        keys = tuple(key for key in batch if key.startswith(resource.prefix))
        self._to_pull[source] = [key for key in batch if not key.startswith(resource.prefix)] + rest
        timeout_s = self._timings.pull_timeout_s
        self._out.call(resource.pull(keys), Pulling(source, keys), lane=Lane.DATA, timeout_s=timeout_s)

    def _may_speak(self, source: str, key: str, message: Verify, now: float) -> bool:
        """Say whether the sender can have heard of the last change of a key that is known here.

        A write takes a moment to reach all, and a sender that has just come back a moment to be told.
        """
        last = self._writers.last(key, self._members.ring, now)
        if last is None or last[0] == source or message.ring is None:
            return True
        writer, at = last
        period_s = self._timings.verify_s
        in_time = now - at >= period_s and now - self._up_since.get(source, now) >= period_s
        return writer in message.ring and in_time

    def _may_touch(self, source: str, key: str) -> bool:
        resource = self._store.resource_of(key)
        if resource is None or self._members.ring.owner(resource.service_of(key)) != source:
            return False
        return not self._sync.waits(source, key)

    def _keys_owned_by(self, member: str) -> list[str]:
        return self._store.owned_keys(lambda service: self._members.ring.owner(service) == member)

    def _rings_agree(self, message: Verify, now: float) -> bool:
        if message.ring is None:
            return self._ring_is_old(now)
        return tuple(sorted(message.ring)) == self._members.ring.addresses

    def _ring_is_old(self, now: float) -> bool:
        return now - self._ring_since >= 2 * self._timings.verify_s


def _wants_checksums(outcome: Outcome) -> bool:
    """A peer that knows no digest any more is a foreign one: another program has taken that address."""
    match outcome:
        case DigestAnswer(wants_checksums=wanted):
            return wanted
        case Refused(status=status):
            return status in STATUSES_OF_A_FOREIGN_PEER
        case _:
            return False
