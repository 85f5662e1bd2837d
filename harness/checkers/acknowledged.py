"""Is everything that was acknowledged still there at the end, unless something newer took its place?

Weaker than linearizability and simpler to believe: it asks only the last read of each key. (A set is judged
with a key for each element.) Invariant: a write is called lost only if the value at the end is certainly
older: whatever wrote it had ended before the lost one began, or nobody wrote it at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.checkers.models import cas_objection, cas_values
from harness.checkers.operation import Operation, Outcome, Value
from harness.checkers.verdict import Verdict, merged

WRITES = ("write", "cas", "delete")
KNOWN = (*WRITES, "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A write that was acknowledged and is not there.

    Args:
        write: the newest of its key that must have been seen; a delete is one too.
        read: the read at the end.
        found: what it returned.
        instead: the older operation that wrote it; None: none did.

    """

    write: Operation
    read: Operation
    found: Value
    instead: Operation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostJudgement:
    """What was found.

    Args:
        verdict: whether nothing is lost; unknown where a key was not read at the end.
        acknowledged: how many writes were.
        lost: those that are.
        unread: keys with acknowledged writes and no read after the last of them.

    """

    verdict: Verdict
    acknowledged: int
    lost: tuple[Lost, ...] = ()
    unread: tuple[Value, ...] = ()


def check_acknowledged(operations: Iterable[Operation]) -> LostJudgement:
    """Judge the history of a register or a map: `read`, `write`, `cas` and `delete`.

    Args:
        operations: in any order.

    Raises:
        ValueError: an operation is none of these.

    """
    parts = _by_key(operations)
    lost, unread = [], []
    for key, part in parts.items():
        read = _last_read(part)
        if read is None:
            unread.append(key)
            continue
        found = _lost(part, read)
        if found is not None:
            lost.append(found)
    verdicts = [Verdict.NO] * len(lost) + [Verdict.UNKNOWN] * len(unread)
    return LostJudgement(
        verdict=merged(verdicts),
        acknowledged=sum(_is_acknowledged(one) for part in parts.values() for one in part),
        lost=tuple(lost),
        unread=tuple(unread),
    )


def _by_key(operations: Iterable[Operation]) -> Mapping[Value, Sequence[Operation]]:
    """Operations that may have had an effect, of every key that somebody wrote to with success."""
    parts: dict[Value, list[Operation]] = defaultdict(list)
    for operation in operations:
        objection = _objection(operation)
        if objection:
            raise ValueError(f"process {operation.process}: {objection}")
        if operation.outcome is not Outcome.FAIL:
            parts[operation.key].append(operation)
    return {key: part for key, part in parts.items() if any(map(_is_acknowledged, part))}


def _objection(operation: Operation) -> str:
    if operation.f not in KNOWN:
        return f"{operation.f!r} is neither read nor written; known are {', '.join(KNOWN)}"
    return cas_objection(operation)


def _is_acknowledged(operation: Operation) -> bool:
    return operation.f in WRITES and operation.outcome is Outcome.OK


def _last_read(part: Sequence[Operation]) -> Operation | None:
    """Return the last read, if it began after everything acknowledged had ended."""
    reads = [one for one in part if one.f == "read" and one.outcome is Outcome.OK]
    last = max(reads, key=lambda one: one.invoked, default=None)
    if last is None or not all(one.ended_before(last) for one in part if _is_acknowledged(one)):
        return None
    return last


def _lost(part: Sequence[Operation], read: Operation) -> Lost | None:
    """Return what is lost, if the value read is older than something acknowledged."""
    found = read.result
    writers = [one for one in part if one.f in WRITES and _written(one) == found]
    acknowledged = [one for one in part if _is_acknowledged(one)]
    newer = {one.invoked: [other for other in acknowledged if one.ended_before(other)] for one in writers}
    if any(not others for others in newer.values()):
        return None
    instead = max(writers, key=lambda one: one.invoked, default=None)
    candidates = acknowledged if instead is None else newer[instead.invoked]
    write = max(candidates, key=lambda one: one.returned or 0)
    return Lost(write=write, read=read, found=found, instead=instead)


def _written(operation: Operation) -> Value:
    """What the key holds after a write."""
    if operation.f == "cas":
        _, new = cas_values(operation)
        return new
    return None if operation.f == "delete" else operation.value
