"""A counter-example in words: which operation cannot be ordered, and the longest order that there is."""

from collections.abc import Iterable

from harness.checkers.acknowledged import Lost
from harness.checkers.linearizable import Counterexample
from harness.checkers.operation import Operation, Outcome, Value

SHOWN_MAX = 12
"""Operations of an order that are shown: its last ones."""


RETURNING = ("read", "dequeue")
"""What returns something even when that is null."""


def explained(counterexample: Counterexample) -> str:
    """Return lines for people: the end of the longest order, what was open, and what does not fit."""
    longest, stuck = counterexample.longest, counterexample.stuck
    hidden = len(longest) - SHOWN_MAX
    done = sum(step.operation.outcome is Outcome.OK for step in longest)
    lines = [
        f"key {in_words(counterexample.key)}: not linearizable; "
        f"{done} of {counterexample.total} operations can be ordered, these last:",
        *([f"    ... {hidden} before"] if hidden > 0 else [f"    at first {in_words(counterexample.begin)}"]),
        *(
            f"    {operation_text(step.operation)}; then {in_words(step.state)}"
            for step in longest[-SHOWN_MAX:]
        ),
        f"  cannot come next, where it is {in_words(counterexample.state)}:",
        f"    {operation_text(stuck)}",
    ]
    if counterexample.tried:
        lines.append("  and no order of these before it helps:")
        lines += [f"    {operation_text(other)}" for other in counterexample.tried[:SHOWN_MAX]]
    return "\n".join(lines)


def explained_loss(lost: Lost) -> str:
    """Return a sentence for people: what was acknowledged, and what is there instead."""
    if lost.instead is None:
        found = (
            "null, as before any write"
            if lost.found is None
            else f"{in_words(lost.found)}, which nobody wrote"
        )
    else:
        found = f"{in_words(lost.found)}, of before: {operation_text(lost.instead)}"
    return (
        f"key {in_words(lost.write.key)}: lost: {operation_text(lost.write)}; "
        f"at the end it is {found}; read by {operation_text(lost.read)}"
    )


def operation_text(operation: Operation) -> str:
    """Return one operation with its process and its events: `write 5 by 3 at s1, events 10-14`."""
    end = "?" if operation.returned is None else operation.returned
    what = operation.f if operation.value is None else f"{operation.f} {in_words(operation.value)}"
    known = operation.outcome is Outcome.OK
    returns = known and (operation.f in RETURNING or operation.result not in (None, operation.value))
    result = f" -> {in_words(operation.result)}" if returns else ""
    outcome = "" if known else ", outcome unknown"
    node = f" at {operation.node}" if operation.node else ""
    return f"{what}{result} by {operation.process}{node}, events {operation.invoked}-{end}{outcome}"


def in_words(value: Value) -> str:
    """Return a value as it stands in the history."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{_listed(value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _listed(values: Iterable[Value]) -> str:
    return ", ".join(in_words(value) for value in values)
