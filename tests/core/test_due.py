"""Keys that are looked at when their moment has come: each once, none before, none forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from nodecore.core.due import DueKeys

steps = st.lists(
    st.tuples(st.sampled_from(["set", "set", "forget", "take"]), st.sampled_from("abcd"), st.integers(0, 20)),
    max_size=40,
)


@given(steps)
def test_it_is_a_plain_table_that_is_asked_cheaply(history: list[tuple[str, str, int]]) -> None:
    """After any history it gives what a walk over all keys would have found."""
    due, model = DueKeys(), dict[str, float]()
    for what, key, moment in history:
        if what == "set":
            due.set(key, moment)
            model[key] = moment
        elif what == "forget":
            due.forget(key)
            model.pop(key, None)
            assert due.earliest() == min(model.values(), default=None)
        else:
            found = sorted(known for known, at in model.items() if at <= moment)
            assert due.take(moment) == found
            model = {known: at for known, at in model.items() if known not in found}


def test_a_key_that_is_set_again_and_again_takes_no_more_room() -> None:
    """A list that changes all day leaves nothing behind in the heap."""
    due = DueKeys()
    for moment in range(5000):
        due.set("a", 10_000.0 + moment)
    assert due.take(0.0) == []
    assert len(due._heap) == 1
    assert due.take(15_000.0) == ["a"]
