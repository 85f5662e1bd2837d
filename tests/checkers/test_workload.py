"""The workload: clients at once against a store that is right, and against ones that are not."""

from pathlib import Path

import pytest

from harness.checkers import MODELS, Outcome, Verdict, check_acknowledged, check_linearizable
from harness.history import Call, History, HistoryWriter
from harness.history_reader import read_history
from harness.waiting import WaitTimeout, wait_for
from harness.workload import Calls, Refused, Workload, WorkloadPlan, read_each
from tests.checkers.stores import Store, StoreClient

ENOUGH_REAL_S = 30.0


def run(path: Path, plan: WorkloadPlan, *, acknowledged: int = 200, **client: object) -> History:
    """Let clients work until so much was acknowledged, then read everything, and return the history."""
    store = Store()
    with HistoryWriter(path / "history.jsonl") as writer:
        with Workload(plan, writer, lambda _: StoreClient(store, **client)) as workload:  # type: ignore[arg-type]
            wait_for(
                "writes", lambda: workload.acknowledged, lambda done: done >= acknowledged, ENOUGH_REAL_S
            )
        read_each(writer, StoreClient(store), plan.keys, within_real_s=ENOUGH_REAL_S)
    return read_history(path / "history.jsonl")


@pytest.mark.parametrize(
    ("model", "mix"),
    [("map", {"read": 4, "write": 5, "delete": 1}), ("register", {"read": 1, "write": 1, "cas": 2})],
)
def test_what_a_store_in_memory_does_is_linearizable(
    tmp_path: Path, model: str, mix: dict[str, float]
) -> None:
    """Answers that are lost on the way and compare-and-sets that do not fit among it."""
    plan = WorkloadPlan(clients=20, keys=["a", "b", "c"], mix=mix)
    history = run(tmp_path, plan, unsure_every=7)
    assert history.count(Outcome.INFO) > 0
    assert {one.f for one in history.operations} == set(mix)
    assert check_linearizable(history.operations, MODELS[model]).verdict is Verdict.YES
    assert check_acknowledged(history.operations).verdict is Verdict.YES


def test_a_store_that_forgets_what_it_acknowledged_is_caught(tmp_path: Path) -> None:
    """By both judges: at the end it is as it was after the first write."""
    plan = WorkloadPlan(clients=1, keys=["a"], mix={"write": 1})
    store = Store()
    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        with Workload(plan, writer, lambda _: StoreClient(store)) as workload:
            wait_for("three writes", lambda: workload.acknowledged, lambda done: done >= 3, ENOUGH_REAL_S)
        store.values = {"a": "0.1"}
        read_each(writer, StoreClient(store), plan.keys, within_real_s=ENOUGH_REAL_S)
    history = read_history(tmp_path / "history.jsonl")
    assert check_linearizable(history.operations, MODELS["map"]).verdict is Verdict.NO
    assert check_acknowledged(history.operations).verdict is Verdict.NO


def test_the_seed_decides_what_is_asked() -> None:
    """The same client asks the same again; another seed or another client does not."""

    def drawn(seed: int, number: int) -> list[Call]:
        calls = Calls(WorkloadPlan(seed=seed), number)
        return [calls.draw() for _ in range(50)]

    assert drawn(1, 0) == drawn(1, 0)
    assert drawn(1, 0) != drawn(2, 0)
    assert drawn(1, 0) != drawn(1, 1)
    values = [call.value for number in range(20) for call in drawn(1, number) if call.f == "write"]
    assert len(set(values)) == len(values)


def test_a_compare_and_set_expects_what_the_client_knows() -> None:
    """What it read or wrote there last."""
    calls = Calls(WorkloadPlan(keys=["a"], mix={"cas": 1}), 7)
    assert calls.draw().value == [None, "7.1"]
    calls.learn(Call(f="read", key="a"), "3.3")
    assert calls.draw().value == ["3.3", "7.2"]
    calls.learn(Call(f="write", key="a", value="7.9"), None)
    assert calls.draw().value == ["7.9", "7.3"]
    calls.learn(Call(f="cas", key="a", value=["7.9", "7.3"]), None)
    assert calls.draw().value == ["7.3", "7.4"]


def test_a_mistake_in_a_client_is_no_outcome(tmp_path: Path) -> None:
    """What is neither Refused nor Unsure ends the workload and is raised."""

    class Broken(StoreClient):
        def do(self, call: Call) -> None:
            raise KeyError(f"a mistake at {call.key}")

    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        workload = Workload(WorkloadPlan(clients=2), writer, lambda _: Broken(Store()))
        with pytest.raises(KeyError, match="a mistake at"), workload:
            wait_for("never", lambda: workload.acknowledged, lambda done: done > 0, ENOUGH_REAL_S)


def test_the_last_reads_are_tried_until_they_succeed(tmp_path: Path) -> None:
    """Every try stands in the history; who never succeeds is told by name."""

    class Slow(StoreClient):
        def do(self, call: Call) -> object:
            self.count += 1
            if self.count % 3:
                raise Refused("no leader")
            return self.store.do(call)

    class Never(StoreClient):
        def do(self, call: Call) -> object:
            raise Refused(f"no leader for {call.key}")

    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        read_each(writer, Slow(Store({"a": 1})), ["a", "b"], within_real_s=ENOUGH_REAL_S)
        with pytest.raises(WaitTimeout, match="a read of c"):
            read_each(writer, Never(Store()), ["c"], within_real_s=0.01)
    history = read_history(tmp_path / "history.jsonl")
    assert [one.result for one in history.operations if one.outcome is Outcome.OK] == [1, None]
    assert history.count(Outcome.FAIL) >= 6
