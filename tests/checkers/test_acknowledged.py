"""What was acknowledged is there at the end, unless something newer took its place."""

from dataclasses import replace

import pytest

from harness.checkers import Outcome, Verdict, check_acknowledged
from harness.checkers.explain import explained_loss
from tests.checkers.histories import Row, operations

WRITE_1: Row = ("A", "write", 1, None, 0, 1)
WRITE_2: Row = ("A", "write", 2, None, 2, 3)
DELETE: Row = ("A", "delete", None, None, 2, 3)
UNKNOWN_2: Row = ("B", "write", 2, None, 2, None)
BESIDE_2: Row = ("B", "write", 2, None, 0, 3)


def read(value: int | None) -> Row:
    """A read at the end."""
    return ("C", "read", None, value, 8, 9)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([WRITE_1, read(1)], Verdict.YES),
        ([WRITE_1, read(None)], Verdict.NO),
        ([WRITE_1, read(7)], Verdict.NO),
        ([WRITE_1, WRITE_2, read(2)], Verdict.YES),
        ([WRITE_1, WRITE_2, read(1)], Verdict.NO),
        ([WRITE_1, BESIDE_2, read(1)], Verdict.YES),
        ([WRITE_1, BESIDE_2, read(2)], Verdict.YES),
        ([WRITE_1, UNKNOWN_2, read(1)], Verdict.YES),
        ([WRITE_1, UNKNOWN_2, read(2)], Verdict.YES),
        ([WRITE_1, DELETE, read(None)], Verdict.YES),
        ([WRITE_1, DELETE, read(1)], Verdict.NO),
        ([WRITE_1, ("B", "delete", None, None, 2, None), read(None)], Verdict.YES),
        ([WRITE_1, ("B", "cas", (1, 5), None, 2, 3), read(5)], Verdict.YES),
        ([WRITE_1], Verdict.UNKNOWN),
        ([WRITE_1, ("C", "read", None, None, 8, None)], Verdict.UNKNOWN),
        ([read(None)], Verdict.YES),
        ([], Verdict.YES),
    ],
)
def test_the_last_read_of_each_key_decides(rows: list[Row], verdict: Verdict) -> None:
    """Writes beside each other may come in either order; without a read at the end nobody knows."""
    judged = check_acknowledged(operations(*rows))
    assert judged.verdict is verdict
    assert bool(judged.lost) == (verdict is Verdict.NO)
    assert bool(judged.unread) == (verdict is Verdict.UNKNOWN)


def test_what_failed_may_not_take_the_place_of_anything() -> None:
    """A `fail` had no effect."""
    write, failed, last = operations(WRITE_1, UNKNOWN_2, read(2))
    judged = check_acknowledged([write, replace(failed, outcome=Outcome.FAIL), last])
    assert judged.verdict is Verdict.NO


def test_a_loss_is_told_with_what_is_there_instead() -> None:
    """The newest that is gone, the older one that is there, and who read it."""
    judged = check_acknowledged(operations(WRITE_1, WRITE_2, read(1)))
    assert judged.acknowledged == 2
    assert [explained_loss(lost) for lost in judged.lost] == [
        'key "k": lost: write 2 by A, events 2-3; at the end it is 1, of before: write 1 by A, events 0-1; '
        "read by read -> 1 by C, events 8-9"
    ]
    judged = check_acknowledged(operations(WRITE_1, read(7)))
    assert "at the end it is 7, which nobody wrote" in explained_loss(judged.lost[0])
    judged = check_acknowledged(operations(WRITE_1, read(None)))
    assert "at the end it is null, as before any write" in explained_loss(judged.lost[0])


def test_other_operations_are_refused() -> None:
    """Only what is written and read can be judged so."""
    with pytest.raises(ValueError, match="'enqueue' is neither read nor written"):
        check_acknowledged(operations(("A", "enqueue", 1, None, 0, 1)))
    with pytest.raises(ValueError, match=r"a cas has the value \[old, new\]"):
        check_acknowledged(operations(("A", "cas", 1, None, 0, 1)))
