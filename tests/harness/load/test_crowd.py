"""Clients keep their schedule whatever the answers do, count errors, and give mistakes back."""

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.load.crowd import Client, Crowd, Operation
from harness.load.latencies import Latencies
from harness.load.plan import LoadPlan
from harness.load.samples import SampleWriter, read_samples
from harness.waiting import wait_for
from tests.harness.load.doubles import Imagined, Refused, node_plans

PLENTY_REAL_S = 30.0


class Loaded:
    """A crowd of all clients of a plan, in this process."""

    def __init__(self, folder: Path, operation: Operation, **plan: Any) -> None:
        load_plan = LoadPlan(**plan)
        self.begin = time.monotonic()
        self.path = folder / "main.jsonl"
        self.writer = SampleWriter(self.path, self.begin)
        self.program = Imagined()
        self.crowd = Crowd(
            load_plan,
            range(load_plan.clients),
            operation,
            nodes=node_plans(2),
            program=self.program,  # type: ignore[arg-type]
            writer=self.writer,
            begin=self.begin,
        )
        self.crowd.start()

    def wait_done(self, count: int) -> None:
        wait_for(f"{count} calls", lambda: self.writer.done, lambda done: done >= count, PLENTY_REAL_S)

    def stop(self) -> list[dict[str, Any]]:
        assert self.crowd.stop() == []
        return read_samples(self.path)


def test_latency_counts_from_the_intended_send(tmp_path: Path) -> None:
    """One answer takes 0.3 s; the sends that were due meanwhile come late, and that is their latency."""
    calls = []

    def first_is_slow(_: Client) -> None:
        calls.append(time.monotonic())
        if len(calls) == 1:
            until = calls[0] + 0.3
            wait_for("0.3 s to pass", time.monotonic, lambda now: now >= until, PLENTY_REAL_S)

    loaded = Loaded(tmp_path, first_is_slow, clients=1, rate_per_real_s=100)
    loaded.wait_done(40)
    lines = loaded.stop()
    late = Latencies.merged(bucket["ok"] for line in lines[:-1] for bucket in line["buckets"].values())
    served = Latencies.merged(line["service"] for line in lines[:-1])
    assert late.count == served.count >= 40
    assert late.ms(100 * (1 - 15 / late.count)) >= 100  # those due in the first 0.2 s: 20 at least
    assert served.ms(50) < late.max_ms


def test_sends_that_were_due_and_never_made_are_counted(tmp_path: Path) -> None:
    """The only client waits for an answer until the end."""
    answer = threading.Event()
    loaded = Loaded(tmp_path, lambda _: answer.wait(PLENTY_REAL_S), clients=1, rate_per_real_s=1000)
    until = loaded.begin + 0.1
    wait_for("0.1 s to pass", time.monotonic, lambda now: now >= until, PLENTY_REAL_S)
    loaded.crowd.stop_sending()
    answer.set()
    assert loaded.stop()[-1]["unsent"] >= 99


def test_a_closed_loop_goes_on_and_counts_errors(tmp_path: Path) -> None:
    """Clients are dealt to nodes in turn, each over a connection of its own, closed at the end."""
    asked = Counter[tuple[int, str]]()

    def second_node_refuses(client: Client) -> None:
        asked[client.number, client.api.node] += 1
        if client.node == "s2":
            raise Refused("nobody is at home")

    loaded = Loaded(tmp_path, second_node_refuses, clients=4)
    loaded.wait_done(20)
    wait_for("all clients", lambda: len(asked), lambda count: count == 4, PLENTY_REAL_S)
    lines = loaded.stop()
    assert set(asked) == {(0, "s1"), (1, "s2"), (2, "s1"), (3, "s2")}
    assert sum(asked.values()) == loaded.writer.done + loaded.writer.failed
    assert len(loaded.program.apis) == 4
    assert not any(api.is_open for api in loaded.program.apis)
    examples = {kind: text for line in lines[:-1] for kind, text in line["examples"].items()}
    assert examples == {"Refused": "Refused: nobody is at home"}


def test_a_mistake_in_the_operation_ends_the_load(tmp_path: Path) -> None:
    """It is no answer of the system under test, so nobody should wait for the end to hear of it."""

    def mistaken(client: Client) -> None:
        client.number.no_such_thing  # type: ignore[attr-defined]  # noqa: B018 - that is the mistake

    loaded = Loaded(tmp_path, mistaken, clients=2)
    wait_for("the mistake", lambda: loaded.crowd.mistake, bool, PLENTY_REAL_S)
    lines = loaded.stop()
    assert isinstance(loaded.crowd.mistake, AttributeError)
    assert "no_such_thing" in lines[-1]["mistake"]
    assert (loaded.writer.done, loaded.writer.failed) == (0, 0)


def test_random_is_the_clients_own_and_the_same_again() -> None:
    """Drawn from the load's seed and the client's number."""
    program: Any = Imagined()
    first, same, other = (Client(number, node_plans(1), program, seed=3) for number in (1, 1, 2))
    assert first.random.random() == same.random.random() != other.random.random()
    assert first.nodes == ("s1",)


@pytest.mark.parametrize("wrong_answer", [AssertionError("an empty list"), OSError("no route")])
def test_what_an_operation_finds_wrong_is_counted(tmp_path: Path, wrong_answer: Exception) -> None:
    """An assertion on the answer, or a client of the operation's own."""

    def raising(_: Client) -> None:
        raise wrong_answer

    loaded = Loaded(tmp_path, raising, clients=1)
    wait_for("an error", lambda: loaded.writer.failed, bool, PLENTY_REAL_S)
    loaded.stop()
    assert loaded.crowd.mistake is None
