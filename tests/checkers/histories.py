"""Short histories as tests write them, random ones, and every order there is, tried one by one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, permutations

from harness.checkers.models import Model
from harness.checkers.operation import Operation, Outcome, Value

Row = tuple[str, str, Value, Value, int, int | None]
"""process, f, value, result, invoked, returned; None: nobody knows the outcome."""


def operations(*rows: Row, key: Value = "k") -> list[Operation]:
    """Make operations of rows."""
    return [
        Operation(
            process=process,
            f=f,
            key=key,
            value=value,
            result=result,
            outcome=Outcome.INFO if returned is None else Outcome.OK,
            invoked=invoked,
            returned=returned,
        )
        for process, f, value, result, invoked, returned in rows
    ]


def is_linearizable_by_brute_force(part: Sequence[Operation], model: Model) -> bool:
    """Try every order of the operations, with each choice of those of unknown outcome; for one key."""
    known = [one for one in part if one.outcome is Outcome.OK]
    unknown = [one for one in part if one.outcome is Outcome.INFO]
    return any(
        any(_fits(order, model) for order in permutations([*known, *chosen]))
        for size in range(len(unknown) + 1)
        for chosen in combinations(unknown, size)
    )


def _fits(order: Iterable[Operation], model: Model) -> bool:
    state = model.begin
    taken: list[Operation] = []
    for one in order:
        if any(one.ended_before(earlier) for earlier in taken):
            return False
        fits, state = model.step(state, one)
        if not fits:
            return False
        taken.append(one)
    return True


def lines_of(done: Iterable[Operation]) -> Iterator[str]:
    """Yield the lines of a history file that say the same."""
    import json  # noqa: PLC0415

    events = []
    for one in done:
        call = {"process": one.process, "f": one.f, "key": one.key}
        events.append((one.invoked, {**call, "type": "invoke", "value": one.value}))
        if one.returned is not None:
            events.append((one.returned, {**call, "type": "ok", "value": one.result}))
    for index, event in sorted(events, key=lambda pair: pair[0]):
        yield json.dumps({"index": index, "time_ns": index, **event})
