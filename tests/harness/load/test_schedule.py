"""When clients mean to send, and which loads are refused."""

from itertools import islice, pairwise

import pytest

from harness.load.plan import BadLoad, LoadPlan
from harness.load.schedule import intended_real_s


def test_all_clients_together_send_evenly() -> None:
    """Each has its own turns; together they keep the rate."""
    plan = LoadPlan(clients=3, rate_per_real_s=30)
    turns = [list(islice(intended_real_s(plan, client), 4)) for client in range(3)]
    assert turns[0] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    together = sorted(moment for client in turns for moment in client)
    assert together == pytest.approx([number / 30 for number in range(12)])


def test_poisson_arrivals_have_the_rate_and_no_rhythm() -> None:
    """Exponential gaps, drawn from the seed: the same again, another for another client."""
    plan = LoadPlan(clients=2, rate_per_real_s=200, arrivals="poisson", seed=7)
    first, again = (list(islice(intended_real_s(plan, 0), 2000)) for _ in range(2))
    assert first == again
    assert list(islice(intended_real_s(plan, 1), 10)) != first[:10]
    assert first[-1] / 2000 == pytest.approx(2 / 200, rel=0.1)
    gaps = [late - early for early, late in pairwise(first)]
    assert min(gaps) < 0.001
    assert max(gaps) > 0.03


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"clients": 0}, "clients=0: a whole number from 1 to 512 is needed"),
        ({"clients": True}, "clients=True: a whole number"),
        ({"rate_per_real_s": 0}, "rate_per_real_s=0: a number above 0"),
        ({"rate_per_real_s": float("nan")}, "rate_per_real_s=nan"),
        ({"arrivals": "bursts"}, "arrivals='bursts': one of constant, poisson is needed"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(wrong: dict[str, object], sentence: str) -> None:
    """In one line, when it is made."""
    with pytest.raises(BadLoad) as refused:
        LoadPlan(**wrong)  # type: ignore[arg-type]
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)
