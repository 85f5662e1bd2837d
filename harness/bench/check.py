"""`cutheal bench check`: judging a history, against doing its operations one after another in the model.

Needs no cluster: the history is that of a register in memory, of many clients at once, drawn from a seed.
"""

import time
from collections.abc import Iterator
from itertools import count
from random import Random

from harness.bench.case import Case
from harness.bench.run import Run
from harness.checkers import MODELS, Operation, Verdict, check_linearizable

OPERATIONS, KEYS, CLIENTS = 10_000, 100, 20
GOAL_S = 2.0
SEED = 1


def cases(run: Run) -> list[Case]:
    """Measure one history over many keys."""
    operations = list(drawn_history(Random(SEED), OPERATIONS, KEYS, CLIENTS))
    pairs = run.interleaved(
        f"check: {OPERATIONS} operations", lambda: _judged_s(operations), lambda: _replayed_s(operations)
    )
    return [
        Case.of(
            pairs,
            case=f"{OPERATIONS} operations, {KEYS} keys, {CLIENTS} clients",
            unit="s",
            goal=f"under {GOAL_S:g} s",
            is_met=lambda case: case.median < GOAL_S,
        )
    ]


def drawn_history(random: Random, total: int, keys: int, clients: int) -> Iterator[Operation]:
    """Yield the operations of clients of registers in memory; each takes effect when it returns.

    Args:
        random: decides who does what, and when it returns.
        total: how many.
        keys: registers.
        clients: each with one operation at a time.

    """
    places, values = count(), count()
    state: dict[str, int | None] = {}
    running: dict[int, tuple[str, str, int | None, int]] = {}
    done = 0
    while done < total:
        client = random.randrange(clients)
        if client not in running:
            f, key = random.choice(("read", "write")), f"k{random.randrange(keys)}"
            running[client] = (f, key, next(values) if f == "write" else None, next(places))
            continue
        f, key, value, invoked = running.pop(client)
        if f == "write":
            state[key] = value
        yield Operation(
            process=str(client),
            f=f,
            key=key,
            value=value,
            result=state.get(key),
            invoked=invoked,
            returned=next(places),
        )
        done += 1


def _judged_s(operations: list[Operation]) -> float:
    begun = time.monotonic()
    verdict = check_linearizable(operations, MODELS["register"]).verdict
    took = time.monotonic() - begun
    assert verdict is Verdict.YES, "it was made so"
    return took


def _replayed_s(operations: list[Operation]) -> float:
    model = MODELS["register"]
    states = {operation.key: model.begin for operation in operations}
    begun = time.monotonic()
    for operation in operations:
        _, states[operation.key] = model.step(states[operation.key], operation)
    return time.monotonic() - begun
