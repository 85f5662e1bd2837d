"""The linearizability checker against every order there is, and against histories made by hand."""

from dataclasses import replace
from itertools import count
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.bench.check import drawn_history
from harness.checkers import MODELS, Operation, Outcome, Value, Verdict, check_linearizable
from tests.checkers.histories import Row, is_linearizable_by_brute_force, operations

KINDS = {
    "register": {"read": [None, 0, 1], "write": [0, 1], "cas": [(0, 1), (1, 0), (None, 1)]},
    "map": {"read": [None, 0, 1], "write": [0, 1], "delete": [None]},
    "queue": {"enqueue": [0, 1], "dequeue": [None, 0, 1]},
}
WITH_RESULT = ("read", "dequeue")


@st.composite
def histories(draw: st.DrawFn, model: str) -> list[Operation]:
    """Draw up to six operations of any values, at any times, each of known or unknown outcome."""
    number = draw(st.integers(1, 6))
    places = draw(st.permutations(range(2 * number)))
    drawn = []
    for invoked, returned in zip(places[::2], places[1::2], strict=True):
        f = draw(st.sampled_from(sorted(KINDS[model])))
        value = draw(st.sampled_from(KINDS[model][f]))
        is_known = draw(st.integers(0, 4)) > 0
        has_result = f in WITH_RESULT
        drawn.append(
            Operation(
                process=f"p{invoked}",
                f=f,
                value=None if has_result else value,
                result=value if has_result else None,
                outcome=Outcome.OK if is_known else Outcome.INFO,
                invoked=min(invoked, returned),
                returned=max(invoked, returned) if is_known else None,
            )
        )
    return drawn


@pytest.mark.parametrize("model", sorted(MODELS))
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_it_says_what_trying_every_order_says(model: str, data: st.DataObject) -> None:
    """On small random histories of each model, unknown outcomes among them; a no comes with its reason."""
    drawn = data.draw(histories(model))
    judged = check_linearizable(drawn, MODELS[model])
    assert (judged.verdict is Verdict.YES) == is_linearizable_by_brute_force(drawn, MODELS[model])
    assert bool(judged.counterexamples) == (judged.verdict is Verdict.NO)
    for found in judged.counterexamples:
        order = [step.operation for step in found.longest]
        assert found.stuck.outcome is Outcome.OK
        assert found.stuck not in order
        assert is_linearizable_by_brute_force([one for one in order if one.returned], MODELS[model]) or any(
            one.outcome is Outcome.INFO for one in order
        )


GOOD: dict[str, tuple[str, list[Row]]] = {
    "H1 of Herlihy and Wing: concurrent enqueues may come in either order": (
        "queue",
        [
            ("A", "enqueue", "x", None, 0, 3),
            ("B", "enqueue", "y", None, 1, 2),
            ("B", "dequeue", None, "x", 4, 5),
            ("A", "dequeue", None, "y", 6, 7),
        ],
    ),
    "a read sees a write that has not returned": (
        "register",
        [("A", "write", 1, None, 0, 3), ("B", "read", None, 1, 1, 2)],
    ),
    "a read beside a write may see the old value": (
        "register",
        [("A", "write", 1, None, 0, 3), ("B", "read", None, None, 1, 2)],
    ),
    "a write of unknown outcome takes effect long afterwards": (
        "register",
        [("A", "write", 1, None, 0, None), ("B", "read", None, None, 1, 2), ("B", "read", None, 1, 3, 4)],
    ),
    "or never": ("register", [("A", "write", 1, None, 0, None), ("B", "read", None, None, 1, 2)]),
    "a read of unknown outcome says nothing": ("register", [("A", "read", None, None, 0, None)]),
    "of two compare-and-sets on one value one may have lost its answer": (
        "register",
        [
            ("A", "cas", (None, 1), None, 0, 3),
            ("B", "cas", (1, 2), None, 1, None),
            ("C", "read", None, 2, 4, 5),
        ],
    ),
    "a delete beside a write may come after it": (
        "map",
        [("A", "write", 1, None, 0, 3), ("B", "delete", None, None, 1, 2), ("A", "read", None, None, 4, 5)],
    ),
    "nothing happened": ("map", []),
}

BAD: dict[str, tuple[str, list[Row], int]] = {
    "H2 of Herlihy and Wing: the second enqueued is dequeued first": (
        "queue",
        [
            ("A", "enqueue", "x", None, 0, 1),
            ("B", "enqueue", "y", None, 2, 3),
            ("A", "dequeue", None, "y", 4, 5),
        ],
        2,
    ),
    "H3 of Herlihy and Wing: one value is dequeued twice": (
        "queue",
        [
            ("A", "enqueue", "x", None, 0, 1),
            ("A", "dequeue", None, "x", 2, 5),
            ("B", "dequeue", None, "x", 3, 4),
        ],
        2,
    ),
    "a stale read": (
        "register",
        [("A", "write", 1, None, 0, 1), ("A", "write", 2, None, 2, 3), ("B", "read", None, 1, 4, 5)],
        2,
    ),
    "two reads beside a write see it come and go": (
        "register",
        [("A", "write", 1, None, 0, 5), ("B", "read", None, 1, 1, 2), ("B", "read", None, None, 3, 4)],
        2,
    ),
    "an acknowledged write is gone": (
        "register",
        [("A", "write", 1, None, 0, 1), ("B", "read", None, None, 2, 3)],
        1,
    ),
    "two compare-and-sets both won": (
        "register",
        [("A", "cas", (None, 1), None, 0, 2), ("B", "cas", (None, 2), None, 1, 3)],
        1,
    ),
    "a value that nobody wrote": ("map", [("A", "read", None, 7, 0, 1)], 0),
    "what was deleted comes back": (
        "map",
        [("A", "write", 1, None, 0, 1), ("A", "delete", None, None, 2, 3), ("B", "read", None, 1, 4, 5)],
        2,
    ),
    "a write is seen before it was even begun": (
        "register",
        [("B", "read", None, 1, 0, 1), ("A", "write", 1, None, 2, None)],
        0,
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_known_good(name: str) -> None:
    """Histories that look odd and have an order."""
    model, rows = GOOD[name]
    assert check_linearizable(operations(*rows), MODELS[model]).verdict is Verdict.YES


@pytest.mark.parametrize("name", BAD)
def test_known_bad(name: str) -> None:
    """Histories without any order; the counter-example orders as many as can be."""
    model, rows, ordered = BAD[name]
    judged = check_linearizable(operations(*rows), MODELS[model])
    assert judged.verdict is Verdict.NO
    (found,) = judged.counterexamples
    assert len(found.longest) == ordered


def test_what_certainly_failed_may_not_be_seen() -> None:
    """A `fail` took no effect, so whoever reads it read what nobody wrote."""
    write, read = operations(("A", "write", 1, None, 0, None), ("B", "read", None, 1, 1, 2))
    failed = replace(write, outcome=Outcome.FAIL)
    assert check_linearizable([write, read], MODELS["map"]).verdict is Verdict.YES
    assert check_linearizable([failed, read], MODELS["map"]).verdict is Verdict.NO


def test_each_key_is_judged_by_itself() -> None:
    """The good ones do not hide the bad one, which is named."""
    good = operations(*GOOD["a read sees a write that has not returned"][1], key="good")
    bad = operations(*BAD["a stale read"][1], key="bad")
    judged = check_linearizable([*good, *bad], MODELS["register"])
    assert (judged.verdict, judged.keys, judged.operations) == (Verdict.NO, 2, 5)
    assert [found.key for found in judged.counterexamples] == ["bad"]


def test_a_spent_budget_is_unknown_and_never_a_no() -> None:
    """Ten writes at once and a read that fits none: every order of them would have to be tried."""
    writes: list[Row] = [(f"p{value}", "write", value, None, value, 100 + value) for value in range(10)]
    part = operations(*writes, ("r", "read", None, "nobody's", 50, 99))
    for budget in ({"states_max": 100}, {"is_out_of_time": lambda: True}):
        judged = check_linearizable(part, MODELS["register"], **budget)  # type: ignore[arg-type]
        assert (judged.verdict, judged.undecided) == (Verdict.UNKNOWN, ("k",))
    assert check_linearizable(part, MODELS["register"]).verdict is Verdict.NO


def test_a_known_no_outweighs_an_unknown() -> None:
    """What is certain is said, though another key could not be decided."""
    writes: list[Row] = [(f"p{value}", "write", value, None, value, 100 + value) for value in range(10)]
    hard = operations(*writes, ("r", "read", None, "nobody's", 50, 99), key="hard")
    bad = operations(*BAD["a stale read"][1], key="bad")
    judged = check_linearizable([*hard, *bad], MODELS["register"], states_max=100)
    assert (judged.verdict, judged.undecided) == (Verdict.NO, ("hard",))


def test_many_operations_of_unknown_outcome_are_no_trouble() -> None:
    """Forty writes that never returned cost no more than their number squared."""
    unknown: list[Row] = [(f"p{value}", "write", value, None, value, None) for value in range(40)]
    reads: list[Row] = [
        ("r", "read", None, value, 200 + 2 * value, 201 + 2 * value) for value in range(0, 40, 5)
    ]
    back: Row = ("r", "read", None, 0, 500, 501)
    model = MODELS["register"]
    assert check_linearizable(operations(*unknown, *reads), model).verdict is Verdict.YES
    judged = check_linearizable(operations(*unknown, *reads, back), model, states_max=5_000)
    assert judged.verdict is Verdict.NO


def test_thousands_of_operations_and_the_one_that_is_wrong() -> None:
    """A register in memory, read and written by 20 clients at once: right, until one read lies."""
    done = list(drawn_history(Random(5), 2_000, keys=20, clients=20))
    assert check_linearizable(done, MODELS["register"]).verdict is Verdict.YES
    last = max((one for one in done if one.f == "read"), key=lambda one: one.invoked)
    wrong = [replace(one, result=-1) if one is last else one for one in done]
    judged = check_linearizable(wrong, MODELS["register"])
    assert [found.stuck.result for found in judged.counterexamples] == [-1]


def test_an_operation_that_the_model_has_not_is_refused() -> None:
    """With what the model has."""
    stranger = operations(("A", "increment", 1, None, 0, 1))
    with pytest.raises(
        ValueError, match=r"process A: a map has no operation 'increment'; it has read, write, delete"
    ):
        check_linearizable(stranger, MODELS["map"])
    broken = operations(("A", "cas", 5, None, 0, 1))
    with pytest.raises(ValueError, match=r"a cas has the value \[old, new\], not 5"):
        check_linearizable(broken, MODELS["register"])


class Counter:
    """An own model: a counter that only goes up; `add` returns the sum."""

    begin = 0

    def step(self, state: Value, operation: Operation) -> tuple[bool, Value]:
        assert isinstance(state, int)
        assert isinstance(operation.value, int)
        after = state + operation.value
        return operation.outcome is Outcome.INFO or operation.result == after, after

    def is_read(self, operation: Operation) -> bool:
        return operation.value == 0

    def objection(self, operation: Operation) -> str:
        return "" if operation.f == "add" else f"a counter cannot {operation.f}"


def test_an_own_model_needs_no_registration() -> None:
    """Anything that fulfils `Model` is one; operations without a key are one object."""
    places = count()
    adds = [
        ("A", "add", 1, sum_so_far, next(places), next(places)) for sum_so_far in (1, 2, 3)
    ]  # one after another
    assert check_linearizable(operations(*adds, key=None), Counter()).verdict is Verdict.YES
    twice = [*adds, ("B", "add", 1, 3, next(places), next(places))]
    assert check_linearizable(operations(*twice, key=None), Counter()).verdict is Verdict.NO
