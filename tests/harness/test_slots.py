"""Slots: workers share a machine fairly, block nobody for ever, and lose nothing to a kill."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from harness.slots import Slots, capacity_for
from harness.waiting import WaitTimeout, wait_for

HOLD = """
import sys
from pathlib import Path
from harness.slots import Slots
folder, capacity, weight, who = sys.argv[1:]
with Slots(Path(folder), int(capacity)).take(int(weight), who=who) as got:
    print("holds", got, flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


def _start(folder, capacity, weight, who) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(capacity), str(weight), who],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _holders(folder) -> str:
    return " ".join(file.read_text() for file in folder.glob("slot-*"))


@contextmanager
def _holder(folder, capacity, weight, who):
    """Another process that holds slots."""
    with _start(folder, capacity, weight, who) as process:
        assert process.stdout.readline() == f"holds {min(weight, capacity)}\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_pool_is_shared_between_processes(tmp_path):
    """What one process holds the other waits for, and the sentence names who has it."""
    with _holder(tmp_path, 6, 4, "gw1") as other:
        here = Slots(tmp_path, 6)
        with here.take(2, who="gw0") as got:
            assert got == 2
        with (
            pytest.raises(
                WaitTimeout, match=r"3 of 6 slots for gw0; last seen: 2 of 3; .*gw1 \(pid \d+\): 4"
            ),
            here.take(3, who="gw0", within_real_s=0.05),
        ):
            pytest.fail("got slots that are taken")
        other.communicate("\n")
        with here.take(6, who="gw0", within_real_s=10) as got:
            assert got == 6


def test_slots_of_a_killed_process_are_free_at_once(tmp_path):
    """SIGKILL runs no clean-up, and none is needed."""
    with _holder(tmp_path, 3, 3, "gw1") as other:
        other.kill()
        other.wait()
        with Slots(tmp_path, 3).take(3, who="gw0", within_real_s=5) as got:
            assert got == 3


def test_a_cluster_larger_than_the_machine_takes_all_of_it(tmp_path):
    """More than the pool is the pool: a big cluster runs alone, it does not wait for ever."""
    with Slots(tmp_path, 4).take(20, who="gw0", within_real_s=0) as got:
        assert got == 4


def test_who_holds_some_is_never_made_to_wait_for_more(tmp_path):
    """Two workers that each held one cluster and waited for a second would block each other."""
    with _holder(tmp_path, 4, 2, "gw1"):
        here = Slots(tmp_path, 4)
        with here.take(1, who="gw0"), here.take(3, who="gw0, second cluster", within_real_s=0) as got:
            assert got == 1, "what is free, at once"


def test_who_waits_says_so_after_a_second_and_then_more_and_more_rarely(tmp_path):
    """A waiting worker looks hung unless it says what it waits for; it does not repeat itself each second."""
    said: list[str] = []
    with _holder(tmp_path, 2, 2, "gw1") as other:

        def waiting():
            with Slots(tmp_path, 2).take(2, who="gw0", on_wait=said.append, within_real_s=60):
                pass

        thread = threading.Thread(target=waiting)
        thread.start()
        wait_for("the second sentence", lambda: len(said), lambda count: count >= 2, 30)
        other.communicate("\n")
        thread.join()
    assert said[0].startswith("gw0 waits for slots since 1 s, has 0 of 2; ")
    assert f"gw1 (pid {other.pid}): 2" in said[0]
    assert "gw0 waits for slots since 2 s" in said[1]


def test_a_large_claim_is_not_starved_by_small_ones(tmp_path):
    """Who came first stands at the turnstile: later small claims do not overtake it."""
    with ExitStack() as ends:
        holder = ends.enter_context(_holder(tmp_path, 3, 1, "gw1"))
        large = ends.enter_context(_start(tmp_path, 3, 3, "large"))
        ends.callback(large.kill)
        wait_for("the large claim to collect", lambda: _holders(tmp_path), lambda seen: "large" in seen, 10)
        with (
            pytest.raises(WaitTimeout),
            Slots(tmp_path, 3).take(1, who="small", within_real_s=0.1),
        ):
            pytest.fail("a small claim overtook the large one")
        holder.communicate("\n")
        assert large.stdout.readline() == "holds 3\n"
        large.communicate("\n")


def test_many_workers_never_hold_more_than_the_pool(tmp_path):
    """Eight processes want two of five slots each: two run at a time, and all get their turn."""
    workers = [_start(tmp_path, 5, 2, f"gw{index}") for index in range(8)]
    running: list[subprocess.Popen[str]] = []

    def note_start(worker):
        assert worker.stdout.readline() == "holds 2\n"
        running.append(worker)

    with ThreadPoolExecutor(len(workers)) as pool, ExitStack() as ends:
        starts = [pool.submit(note_start, worker) for worker in workers]
        for worker in workers:
            ends.callback(worker.kill)
        for ended in range(len(workers)):
            expected = min(2, len(workers) - ended)
            wait_for("the next ones to run", lambda: len(running), lambda n, e=expected: n >= e, 60)
            assert len(running) <= 2
            assert running.pop(0).communicate("\n")[0] == "released\n"
    assert [start.exception() for start in starts] == [None] * len(workers)


def test_an_error_in_the_block_frees_the_slots(tmp_path):
    """A cluster that fails to boot keeps no slots."""
    slots = Slots(tmp_path, 2)
    with pytest.raises(RuntimeError, match="boot failed"), slots.take(2, who="gw0"):
        raise RuntimeError("boot failed")
    with slots.take(2, who="gw0", within_real_s=0) as got:
        assert got == 2


def test_the_capacity_follows_the_measurements():
    """One cluster of six processes on two cores at 0.02, four at 0.05; at least one, never past the load."""
    assert capacity_for(2, 0.02) == 6
    assert capacity_for(2, 0.05) == 24
    assert capacity_for(1, 0.02) == 6
    assert capacity_for(4, 0.05) == 48
    assert capacity_for(2, 1.0) * (0.07 + 0.01) / 6 <= 0.75 * 2


def test_a_pool_without_slots_is_an_error(tmp_path):
    """Nobody could ever take anything."""
    with pytest.raises(ValueError, match="at least one slot, not 0"):
        Slots(tmp_path, 0)
