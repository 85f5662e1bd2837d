"""Is a history linearizable? Each operation must seem to take effect at one moment between its invocation and
its end (Herlihy and Wing, "Linearizability: a correctness condition for concurrent objects", 1990).

The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993): take any operation
that no other ended before, and go on; where nothing fits, go on from another place. What was reached before
(the same operations taken, the same state) is not searched again (Lowe, "Testing for linearizability", 2017;
Porcupine does the same), and keys are searched one by one. A read that fits is taken at once: later it could
only be in the way. An operation of unknown outcome (`info`) may be taken at any time after its invocation and
need not be: places with fewer of them are searched first, and one with more is not if the same was reached
with a part of them. Invariant: the answer is no only if every order was tried, and unknown only if the budget
ended before.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from harness.checkers.models import Model, State
from harness.checkers.operation import Operation, Outcome, Value
from harness.checkers.verdict import Verdict, merged

STATES_MAX = 1_000_000
"""For each key; every one costs some 300 bytes."""

_LOOKS = 1024
"""States between two questions whether time is up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation in its place in an order that was tried, and the state after it."""

    operation: Operation
    state: State
    before: "Step | None"
    done: int
    """How many operations of known outcome were taken, this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample:
    """Why one key's part of a history has no order.

    Args:
        key: of the object.
        longest: the longest part that has an order, in this order.
        begin: the object's state before them.
        stuck: the operation that cannot come next, though no other may end before it.
        tried: operations open at that moment, which cannot come before it either.
        total: how many operations of known outcome the key has.

    """

    key: Value
    longest: tuple[Step, ...]
    begin: State
    stuck: Operation
    tried: tuple[Operation, ...]
    total: int

    @property
    def state(self) -> State:
        """The object's state when nothing fits any more."""
        return self.longest[-1].state if self.longest else self.begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found.

    Args:
        verdict: on the whole history.
        operations: how many were judged; those that certainly had no effect are not.
        keys: how many objects they were done to.
        states: how many the search reached.
        counterexamples: one for each key without an order.
        undecided: keys for which the budget did not suffice.

    """

    verdict: Verdict
    operations: int
    keys: int
    states: int
    counterexamples: tuple[Counterexample, ...] = ()
    undecided: tuple[Value, ...] = ()


def check_linearizable(
    operations: Iterable[Operation],
    model: Model,
    *,
    states_max: int = STATES_MAX,
    is_out_of_time: Callable[[], bool] = lambda: False,
) -> Judgement:
    """Judge a history against a model, key by key.

    Args:
        operations: in any order; those with the outcome `fail` are left out.
        model: of each object.
        states_max: how many states may be reached for a key before it is undecided.
        is_out_of_time: asked now and then; True ends the search, and what is not decided stays so.

    Raises:
        ValueError: the model has no such operation; one line says which and what it has.

    """
    parts = _by_key(operations, model)
    found = {key: _Search(key, part, model, states_max, is_out_of_time).run() for key, part in parts.items()}
    return Judgement(
        verdict=merged(one.verdict for one in found.values()),
        operations=sum(len(part) for part in parts.values()),
        keys=len(parts),
        states=sum(one.states for one in found.values()),
        counterexamples=tuple(one.counterexample for one in found.values() if one.counterexample),
        undecided=tuple(key for key, one in found.items() if one.verdict is Verdict.UNKNOWN),
    )


def _by_key(operations: Iterable[Operation], model: Model) -> Mapping[Value, Sequence[Operation]]:
    parts: dict[Value, list[Operation]] = defaultdict(list)
    for operation in sorted(operations, key=lambda one: one.invoked):
        objection = model.objection(operation)
        if objection:
            raise ValueError(f"process {operation.process}: {objection}")
        if operation.outcome is not Outcome.FAIL:
            parts[operation.key].append(operation)
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    verdict: Verdict
    states: int
    counterexample: Counterexample | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A place in the search: what was taken on the way here."""

    state: State
    known: int
    """Bit set of the operations of known outcome that were taken."""
    low: int
    """The first of known outcome that was not."""
    unknown: int
    """Bit set of those of unknown outcome that were taken."""
    step: Step | None

    @property
    def done(self) -> int:
        """How many operations of known outcome were taken."""
        return self.step.done if self.step else 0


class _Search:
    """Looks for an order of one key's operations."""

    def __init__(
        self,
        key: Value,
        operations: Sequence[Operation],
        model: Model,
        states_max: int,
        is_out_of_time: Callable[[], bool],
    ) -> None:
        self._key = key
        self._model = model
        self._states_max = states_max
        self._is_out_of_time = is_out_of_time
        self._known = [one for one in operations if one.outcome is Outcome.OK]
        self._unknown = [one for one in operations if one.outcome is Outcome.INFO]
        self._waiting: list[tuple[int, int, int, _Place]] = []
        self._reached = _Reached()
        self._best = _Place(state=model.begin, known=0, low=0, unknown=0, step=None)

    def run(self) -> _Found:
        """Search until there is an order, all were tried, or the budget is spent."""
        self._add(self._best)
        while self._waiting:
            if self._is_spent():
                return self._found(Verdict.UNKNOWN)
            place = heappop(self._waiting)[-1]
            if place.done == len(self._known):
                return self._found(Verdict.YES)
            if not self._reached.has_better(place):
                self._go_on_from(place)
        return self._found(Verdict.NO)

    def _go_on_from(self, place: _Place) -> None:
        """Take each operation that may come next, the most promising to be gone on from first."""
        if place.done > self._best.done:
            self._best = place
        for number, operation in reversed(self._candidates(place)):
            fits, state = self._model.step(place.state, operation)
            if fits and operation.outcome is Outcome.OK:
                self._take_known(place, number, operation, state)
            elif fits and state != place.state:
                self._take_unknown(place, number, operation, state)

    def _take_known(self, place: _Place, number: int, operation: Operation, state: State) -> None:
        known, low = place.known | 1 << number, place.low
        while known >> low & 1:
            low += 1
        step = Step(operation=operation, state=state, before=place.step, done=place.done + 1)
        self._add(_Place(state=state, known=known, low=low, unknown=place.unknown, step=step))

    def _take_unknown(self, place: _Place, number: int, operation: Operation, state: State) -> None:
        step = Step(operation=operation, state=state, before=place.step, done=place.done)
        taken = place.unknown | 1 << number
        self._add(_Place(state=state, known=place.known, low=place.low, unknown=taken, step=step))

    def _add(self, place: _Place) -> None:
        """Have it gone on from in its turn: fewest unknown first, then the furthest, then the newest."""
        if self._reached.note(place):
            order = (place.unknown.bit_count(), -place.done, -self._reached.count)
            heappush(self._waiting, (*order, place))

    def _open(self, place: _Place) -> tuple[list[tuple[int, Operation]], int]:
        """Return what was not taken and invoked before anything such returned, and when that returned."""
        found, bound = [], -1
        for number in range(place.low, len(self._known)):
            operation = self._known[number]
            if 0 <= bound < operation.invoked:
                break
            if not place.known >> number & 1:
                found.append((number, operation))
                bound = _returned(operation) if bound < 0 else min(bound, _returned(operation))
        return found, bound

    def _candidates(self, place: _Place) -> list[tuple[int, Operation]]:
        """Return what may come next, the most promising first; what need not be taken last."""
        known, bound = self._open(place)
        for candidate in known:
            if self._model.is_read(candidate[1]) and self._model.step(place.state, candidate[1])[0]:
                return [candidate]
        unknown = [
            (number, operation)
            for number, operation in enumerate(self._unknown)
            if operation.invoked < bound and not place.unknown >> number & 1
        ]
        return [*self._by_promise(place.state, known), *unknown]

    def _by_promise(self, state: State, known: list[tuple[int, Operation]]) -> list[tuple[int, Operation]]:
        """Sort: who makes the one fit that has to return first, then by return."""
        first = min((operation for _, operation in known), key=_returned)
        if self._model.step(state, first)[0]:
            return sorted(known, key=lambda one: _returned(one[1]))
        return sorted(known, key=lambda one: (not self._helps(state, one[1], first), _returned(one[1])))

    def _helps(self, state: State, operation: Operation, first: Operation) -> bool:
        fits, after = self._model.step(state, operation)
        return fits and self._model.step(after, first)[0]

    def _is_spent(self) -> bool:
        count = self._reached.count
        return count > self._states_max or (len(self._waiting) % _LOOKS == 1 and self._is_out_of_time())

    def _found(self, verdict: Verdict) -> _Found:
        counterexample = self._counterexample() if verdict is Verdict.NO else None
        return _Found(verdict=verdict, states=self._reached.count, counterexample=counterexample)

    def _counterexample(self) -> Counterexample:
        left = [operation for _, operation in self._open(self._best)[0]]
        stuck = min(left, key=_returned)
        return Counterexample(
            key=self._key,
            longest=_path(self._best.step),
            begin=self._model.begin,
            stuck=stuck,
            tried=tuple(one for one in left if one is not stuck),
            total=len(self._known),
        )


@dataclass(slots=True)
class _Reached:
    """What was reached: operations of known outcome and state -> the sets of unknown ones it took."""

    count: int = 0
    sets: dict[tuple[int, State], list[int]] = field(default_factory=dict)

    def note(self, place: _Place) -> bool:
        """Note a place, unless it was reached with the same of unknown outcome, or some of them."""
        sets = self.sets.setdefault((place.known, place.state), [])
        if any(fewer & place.unknown == fewer for fewer in sets):
            return False
        sets.append(place.unknown)
        self.count += 1
        return True

    def has_better(self, place: _Place) -> bool:
        """Tell whether the same was reached since with only some of those of unknown outcome."""
        sets = self.sets[place.known, place.state]
        return any(fewer & place.unknown == fewer != place.unknown for fewer in sets)


def _returned(operation: Operation) -> int:
    assert operation.returned is not None, "only operations of known outcome have to return"
    return operation.returned


def _path(step: Step | None) -> tuple[Step, ...]:
    steps = []
    while step is not None:
        steps.append(step)
        step = step.before
    return tuple(reversed(steps))
