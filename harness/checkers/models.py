"""What an object is expected to do, one operation after another: the sequential specification of each.

A model says which state follows an operation, and whether its result is possible there (Herlihy and Wing,
"Linearizability: a correctness condition for concurrent objects", 1990). The three here are for one object
each: by locality a history is linearizable exactly when each object's part of it is, so operations are
checked key by key. An own model is any object that fulfils `Model`; operations without a key are one object.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.checkers.operation import Operation, Outcome, Value

State = Hashable


class Model(Protocol):
    """One object's behaviour."""

    @property
    def begin(self) -> State:
        """How the object is before any operation."""
        ...

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """Return whether the operation may happen in this state with its result, and the state after it.

        The result of an `info` operation is not known: any is possible.
        """
        ...

    def is_read(self, operation: Operation) -> bool:
        """Tell whether it never changes the state, whatever that is; False is always right, and slower."""
        ...

    def objection(self, operation: Operation) -> str:
        """Return why the object has no such operation; "" where it has."""
        ...


@dataclass(frozen=True, slots=True)
class RegisterModel:
    """A register with compare-and-set; null until it is written.

    `read` returns the value, `write` sets it, `cas` with `[old, new]` sets it where it was old. A `cas` that
    found something else is a `fail`: it took no effect.
    """

    begin: State = None

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """See `Model.step`."""
        match operation.f:
            case "read":
                return operation.outcome is Outcome.INFO or operation.result == state, state
            case "write":
                return True, operation.value
            case _:
                old, new = cas_values(operation)
                return state == old, new

    def is_read(self, operation: Operation) -> bool:
        """See `Model.is_read`."""
        return operation.f == "read"

    def objection(self, operation: Operation) -> str:
        """See `Model.objection`."""
        return cas_objection(operation) or _unknown("a register", operation, ("read", "write", "cas"))


@dataclass(frozen=True, slots=True)
class MapModel:
    """A map with delete: `read` returns the value of a key or null, `write` sets it, `delete` removes it.

    To delete what is not there changes nothing and is no error.
    """

    begin: State = None

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """See `Model.step`."""
        match operation.f:
            case "read":
                return operation.outcome is Outcome.INFO or operation.result == state, state
            case "write":
                return True, operation.value
            case _:
                return True, None

    def is_read(self, operation: Operation) -> bool:
        """See `Model.is_read`."""
        return operation.f == "read"

    def objection(self, operation: Operation) -> str:
        """See `Model.objection`."""
        return _unknown("a map", operation, ("read", "write", "delete"))


@dataclass(frozen=True, slots=True)
class QueueModel:
    """A first-in-first-out queue: `enqueue` a value, `dequeue` returns the oldest, or null when it is empty.

    It stands as the example of an own model: a state, what follows, and what it has no operation for.
    """

    begin: State = ()

    def step(self, state: State, operation: Operation) -> tuple[bool, State]:
        """See `Model.step`."""
        assert isinstance(state, tuple), "begin is one"
        if operation.f == "enqueue":
            return True, (*state, operation.value)
        oldest = state[0] if state else None
        return operation.outcome is Outcome.INFO or operation.result == oldest, state[1:]

    def is_read(self, operation: Operation) -> bool:  # noqa: ARG002 - both change the state
        """See `Model.is_read`."""
        return False

    def objection(self, operation: Operation) -> str:
        """See `Model.objection`."""
        return _unknown("a queue", operation, ("enqueue", "dequeue"))


MODELS: Mapping[str, Model] = {"register": RegisterModel(), "map": MapModel(), "queue": QueueModel()}
"""By the names that `cutheal check --model` knows."""


def cas_objection(operation: Operation) -> str:
    """Return why a compare-and-set is none; "" where it is, or the operation is another."""
    if operation.f != "cas" or (isinstance(operation.value, tuple) and len(operation.value) == 2):
        return ""
    return f"a cas has the value [old, new], not {operation.value!r}"


def cas_values(operation: Operation) -> tuple[Value, Value]:
    """Return what a compare-and-set expects and what it sets; `cas_objection` has refused any other value."""
    assert isinstance(operation.value, tuple), f"{operation.value!r} is no [old, new]"
    old, new = operation.value
    return old, new


def _unknown(what: str, operation: Operation, known: tuple[str, ...]) -> str:
    if operation.f in known:
        return ""
    return f"{what} has no operation {operation.f!r}; it has {', '.join(known)}"
