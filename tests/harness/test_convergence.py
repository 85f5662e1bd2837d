"""Whether nodes agree, judged on hand-written views: empty, sane and pathological."""

from harness.convergence import Since, disagreements
from harness.program import View

MEMBERS = {"s1": "a:1", "s2": "a:2"}


def view(**different: object) -> View:
    """A view of a converged node of two, but for what is said."""
    usual: dict[str, object] = {
        "ready": True,
        "sees": ("a:1", "a:2"),
        "digest": "d",
        "pending": 0,
        "data": {"orders": ["10.0.0.1:80"]},
        "lines": (),
    }
    return View(**(usual | different))  # type: ignore[arg-type]


def test_two_equal_views_are_converged() -> None:
    """The sane case."""
    assert disagreements({"s1": view(), "s2": view()}, MEMBERS) == []


def test_a_node_that_does_not_answer_is_named_with_its_reason() -> None:
    """The reason is the one the observer got."""
    assert disagreements({"s1": view(), "s2": "connection refused"}, MEMBERS) == ["s2: connection refused"]


def test_each_way_not_to_be_converged_is_said() -> None:
    """Not loaded, a member missing, a change that waits."""
    odd = view(ready=False, sees=("a:2",), pending=3)
    assert disagreements({"s1": view(), "s2": odd}, MEMBERS) == [
        "s2: not loaded",
        "s2: does not hold s1 for healthy",
        "s2: 3 changes wait to be sent",
    ]


def test_a_difference_names_the_key_and_what_each_node_has() -> None:
    """Also a key that only one node knows, and an empty list."""
    data = {"orders": [], "users": ["10.0.0.2:80"]}
    assert disagreements({"s1": view(), "s2": view(digest="e", data=data)}, MEMBERS) == [
        "orders: s1 has 10.0.0.1:80; s2 has an empty list",
        "users: s1 has no such key; s2 has 10.0.0.2:80",
    ]


def test_digests_that_differ_over_equal_keys_are_not_overlooked() -> None:
    """Something the text does not show, such as a weight."""
    lines = disagreements({"s1": view(), "s2": view(digest="e")}, MEMBERS)
    assert lines == ["digests differ though all keys look the same"]


def test_since_when_is_counted_from_the_first_time_in_a_row() -> None:
    """A disagreement that was settled meanwhile begins anew; the oldest stands first."""
    since = Since()
    since.update(["old", "gone"], 10.0)
    since.update(["old"], 12.0)
    since.update(["old", "gone"], 15.0)
    assert since.describe(20.0) == ("  old (for 10.0 document seconds)\n  gone (for 5.0 document seconds)")
