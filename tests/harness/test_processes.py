"""One process and its launcher: how it starts, what it is given, how it ends, and how that is told."""

import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.processes import Launch, Launcher, LaunchRefused, ProcessDied, kernel
from harness.waiting import WaitTimeout, wait_for

SOON_REAL_S = 20.0


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    """A launcher that has imported `node_programs`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        folder = tmp_path_factory.mktemp("run") / "worker"
        with Launcher.start(folder, preload=["node_programs"]) as launcher:
            yield launcher


@pytest.fixture
def spawn(launcher, tmp_path):
    """Spawn a program of `node_programs`; whatever still runs is killed at the end of the test."""
    spawned = []

    def start(program, *argv, name="s1", **more):
        launch = Launch(
            name=name,
            log_path=tmp_path / f"{name}.log",
            argv=argv,
            entry=f"node_programs:{program}" if program else None,
            **more,
        )
        spawned.append(launcher.spawn(launch))
        return spawned[-1]

    yield start
    for process in spawned:
        process.kill()
        process.wait(SOON_REAL_S)


def test_a_node_is_forked_and_writes_to_its_log(spawn, launcher):
    """It is alive and known by its name, to us and to `ps`."""
    node = spawn("idle", "a", "b")
    assert node.log.wait_for("idle", within_real_s=SOON_REAL_S) == "idle a b"
    assert node.is_alive
    assert node in launcher.processes
    assert Path(f"/proc/{node.pid}/comm").read_text() == "s1\n"


def test_a_forked_node_holds_nothing_of_the_launcher(spawn, launcher):
    """No descriptor but the standard three, no handler, no thread, nothing to read: a program of its own."""
    node = spawn("report", "--port", "1", env=(("COLOUR", "green"),))
    assert node.wait(SOON_REAL_S).status == 0
    assert json.loads(node.log.lines()[0]) == {
        "argv": ["s1", "--port", "1"],
        "descriptors": [0, 1, 2],
        "default_signals": True,
        "interrupt": True,
        "stdin": "",
        "parent": launcher.pid,
        "threads": 1,
        "colour": "green",
    }
    assert "COLOUR" not in os.environ


def test_any_command_can_be_executed(spawn):
    """Without an entry argv is a command, found on PATH; it too holds only the standard descriptors."""
    code = "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1], os.environ['COLOUR'])"
    command = spawn(None, sys.executable, "-c", code, name="tool", env=(("COLOUR", "red"),))
    assert command.wait(SOON_REAL_S).status == 0
    assert command.log.lines() == ["['0', '1', '2'] red"]


def test_a_node_that_dies_while_starting_is_reported_at_once_with_its_last_lines(spawn):
    """Who waits for its ready line gets the death, the status and the reason, not a time-out."""
    node = spawn("crash", "127.0.0.1:4711")
    with pytest.raises(ProcessDied) as caught:
        node.log.wait_for("ready", within_real_s=3600)
    message = str(caught.value).splitlines()
    assert message[0] == f"s1 (pid {node.pid}) exited with status 1; its log ends with:"
    assert message[1] == "    about to listen on 127.0.0.1:4711"
    assert message[-1] == "    RuntimeError: port taken"
    assert caught.value.exit is node.exit
    assert not node.is_alive


@pytest.mark.parametrize(
    ("program", "argv", "status", "last_line"),
    [
        ("answer", ("3",), 3, None),
        ("answer", ("0",), 0, None),
        ("leave", ("no such member",), 1, "no such member"),
        ("nonsense", (), 1, "AttributeError: module 'node_programs' has no attribute 'nonsense'"),
        (None, ("/no/such/toxiproxy",), 127, "cannot execute /no/such/toxiproxy: No such file or directory"),
    ],
)
def test_an_exit_status_means_what_it_means_in_a_shell(spawn, program, argv, status, last_line):
    """Return values, sys.exit and what cannot be run at all: status and last line say it."""
    how = spawn(program, *argv).wait(SOON_REAL_S)
    assert (how.status, how.signal) == (status, None)
    assert how.last_lines[-1:] == ((last_line,) if last_line else ())


def test_an_entry_that_is_none_says_what_would_be_right(launcher, tmp_path):
    """An entry without a function is the test author's slip: the log names the form."""
    node = launcher.spawn(Launch(name="s1", log_path=tmp_path / "s1.log", argv=(), entry="node_programs"))
    how = node.wait(SOON_REAL_S)
    assert how.last_lines[-1] == "ValueError: entry 'node_programs' of s1 is not of the form module:function"


def test_signals_that_kill_are_told_by_name(spawn):
    """SIGTERM without a handler and SIGKILL are deaths by signal, not statuses."""
    terminated, killed = spawn("idle", name="s1"), spawn("idle", name="s2")
    terminated.terminate()
    killed.kill()
    assert terminated.wait(SOON_REAL_S).signal == signal.SIGTERM
    assert killed.wait(SOON_REAL_S).signal == signal.SIGKILL
    assert str(killed.exit) == f"s2 (pid {killed.pid}) was killed by SIGKILL"


def test_a_polite_node_drains_on_sigterm(spawn):
    """SIGTERM runs its handler, its last words are in the log, its status is its own."""
    node = spawn("polite")
    node.log.wait_for("serving", within_real_s=SOON_REAL_S)
    node.terminate()
    assert node.wait(SOON_REAL_S).status == 0
    assert node.log.last_lines(1) == ("drained",)


def test_a_paused_node_is_stopped_in_every_thread_until_it_is_resumed(spawn):
    """`pause` returns when the kernel shows all four threads stopped."""
    node = spawn("threaded")
    node.log.wait_for("threads 4", within_real_s=SOON_REAL_S)
    node.pause()
    assert kernel.thread_states(node.pid) == ("T",) * 4
    node.resume()
    assert "T" not in kernel.thread_states(node.pid)
    assert node.is_alive


def test_a_paused_node_can_be_killed(spawn):
    """SIGKILL does not wait for a resume."""
    node = spawn("idle")
    node.pause()
    node.kill()
    assert node.wait(SOON_REAL_S).signal == signal.SIGKILL


def test_signals_to_a_dead_node(spawn):
    """Ending it again is no error; anything else says how it died."""
    node = spawn("answer", "7")
    node.wait(SOON_REAL_S)
    node.kill()
    node.terminate()
    for call in (node.pause, node.resume, lambda: node.signal(signal.SIGUSR1)):
        with pytest.raises(ProcessDied, match="exited with status 7"):
            call()


def test_waiting_for_the_end_of_a_living_node_times_out(spawn):
    """The message says that it is alive and what its threads do."""
    node = spawn("idle")
    with pytest.raises(WaitTimeout, match=rf"end of s1 \(pid {node.pid}\); last seen: alive, thread states"):
        node.wait(0.01)


def test_last_lines_are_those_of_this_process_not_of_its_predecessor(spawn):
    """A restarted node appends to the log of the one before; its death quotes only its own words."""
    spawn("crash", "first").wait(SOON_REAL_S)
    assert spawn("answer", "1").wait(SOON_REAL_S).last_lines == ()
    assert spawn("leave", "second").wait(SOON_REAL_S).last_lines == ("second",)


def test_sigusr1_writes_all_stacks_into_the_log(spawn):
    """A node that hangs can be asked where."""
    node = spawn("threaded")
    node.log.wait_for("threads", within_real_s=SOON_REAL_S)
    mark = node.log.mark()
    node.signal(signal.SIGUSR1)
    node.log.wait_for(r"in threaded$", mark, within_real_s=SOON_REAL_S)
    assert node.is_alive


def test_dumps_do_not_end_a_busy_process(spawn):
    """`faulthandler` reads the frames of threads that run meanwhile: such a dump can be the last."""
    node = spawn("busy")
    node.log.wait_for("busy", within_real_s=SOON_REAL_S)
    for _ in range(30):
        mark = node.log.mark()
        node.signal(signal.SIGUSR1)
        node.log.wait_for(r"in busy$", mark, within_real_s=SOON_REAL_S)
    assert node.is_alive


def test_several_are_spawned_at_once_in_order(launcher, tmp_path):
    """One round trip for a whole cluster; each gets the pid of its own launch."""
    launches = [
        Launch(name=f"s{i}", log_path=tmp_path / f"s{i}.log", argv=(str(i),), entry="node_programs:idle")
        for i in range(1, 4)
    ]
    nodes = launcher.spawn_all(launches)
    for index, node in enumerate(nodes, start=1):
        assert node.log.wait_for("idle", within_real_s=SOON_REAL_S) == f"idle {index}"
        assert Path(f"/proc/{node.pid}/comm").read_text() == f"s{index}\n"
        node.kill()
        node.wait(SOON_REAL_S)


def test_a_launch_without_a_place_for_its_log_is_refused(launcher, tmp_path):
    """The reason comes back to the caller; nothing is left running unseen."""
    launch = Launch(name="s1", log_path=tmp_path / "missing" / "s1.log", argv=(), entry="node_programs:idle")
    with pytest.raises(LaunchRefused, match=r"cannot start s1: .*No such file or directory: .*s1\.log"):
        launcher.spawn(launch)


def test_every_spawn_is_on_the_list(spawn, launcher):
    """The list that a kill storm works from has the launcher first and then each process."""
    node = spawn("idle", name="listed")
    lines = (launcher.folder / "spawned.txt").read_text().splitlines()
    assert lines[0] == f"launcher {launcher.pid}"
    assert f"listed {node.pid}" in lines


def test_hundreds_of_processes_leave_no_descriptor_and_no_zombie(launcher, tmp_path):
    """After 300 lives the launcher holds what it held before, and so do we."""

    def held():
        return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (launcher.pid, os.getpid())]

    def children():
        return Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()

    before = held(), children(), threading.active_count()
    for _ in range(30):
        launches = [
            Launch(name=f"n{i}", log_path=tmp_path / "n.log", argv=(str(i),), entry="node_programs:answer")
            for i in range(10)
        ]
        nodes = launcher.spawn_all(launches)
        assert [node.wait(SOON_REAL_S).status for node in nodes] == list(range(10))
    assert (held(), children(), threading.active_count()) == before
    assert launcher.processes == []


def test_threads_may_spawn_and_kill_at_once(launcher, tmp_path):
    """Agents of several tests' threads share one launcher: every answer finds its asker."""

    def live_and_die(index):
        name = f"n{index}"
        launch = Launch(name=name, log_path=tmp_path / name, argv=(name,), entry="node_programs:idle")
        node = launcher.spawn(launch)
        line = node.log.wait_for("idle", within_real_s=SOON_REAL_S)
        node.kill()
        return line, node.wait(SOON_REAL_S).name

    with ThreadPoolExecutor(8) as pool:
        for index, told in enumerate(pool.map(live_and_die, range(40))):
            assert told == (f"idle n{index}", f"n{index}")


def test_deaths_are_told_unasked(spawn):
    """A crash shows without anybody asking the launcher."""
    node = spawn("idle")
    node.log.wait_for("idle", within_real_s=SOON_REAL_S)
    os.kill(node.pid, signal.SIGSEGV)
    how = wait_for("the news of its death", lambda: node.exit, lambda how: how is not None, SOON_REAL_S)
    assert how.signal == signal.SIGSEGV
    assert any("Fatal Python error: Segmentation fault" in line for line in how.last_lines)
