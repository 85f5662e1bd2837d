"""The launcher's own life: what it refuses, what its loss means, how it ends, and how little it needs."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.processes import (
    Launch,
    Launcher,
    LauncherDied,
    LaunchRefused,
    ProcessDied,
    ProcessesSurvived,
    kernel,
)
from harness.processes.protocol import Decoder, Ready, Spawn, Start, encode
from harness.waiting import wait_for

SOON_REAL_S = 20.0


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def start(tmp_path):
    """Start launchers; each is closed at the end of the test."""
    launchers = []

    def begin(**options):
        folder = tmp_path / f"worker-{len(launchers)}"
        launchers.append(Launcher.start(folder, **{"preload": ["node_programs"], **options}))
        return launchers[-1]

    yield begin
    for launcher in launchers:
        launcher.close()


@pytest.fixture(params=[False, True], ids=["linux", "portable"])
def launcher(request, start):
    """One launcher with, and one without what only Linux has."""
    return start(portable=request.param)


def _spawn(launcher, program, *argv, name="s1"):
    log_path = launcher.folder / f"{name}.log"
    return launcher.spawn(Launch(name=name, log_path=log_path, argv=argv, entry=f"node_programs:{program}"))


def _wait_until_gone(*pids):
    wait_for(
        "all processes to be gone",
        lambda: [pid for pid in pids if kernel.is_running(pid)],
        lambda left: not left,
        SOON_REAL_S,
    )


def test_the_whole_life_of_a_node_with_and_without_linux(launcher):
    """Ready, paused, resumed, terminated; another crashes: the same words on every system."""
    node = _spawn(launcher, "polite")
    node.log.wait_for("serving", within_real_s=SOON_REAL_S)
    node.pause()
    assert kernel.is_stopped(node.pid)
    node.resume()
    node.terminate()
    assert node.wait(SOON_REAL_S).status == 0
    assert node.log.last_lines(1) == ("drained",)
    with pytest.raises(ProcessDied, match="port taken"):
        _spawn(launcher, "crash", "4711", name="s2").log.wait_for("ready", within_real_s=3600)


def test_a_killed_launcher_takes_everything_along_and_is_named_at_once(launcher):
    """Paused or not, its nodes are gone; every later use names the loss, and none of them waits."""
    nodes = [_spawn(launcher, "idle", name=name) for name in ("s1", "s2")]
    nodes[1].pause()
    os.kill(launcher.pid, signal.SIGKILL)
    _wait_until_gone(launcher.pid, *(node.pid for node in nodes))
    lost = (
        rf"^launcher \(pid {launcher.pid}\) was killed by SIGKILL; "
        rf"lost with it: s1 \(pid {nodes[0].pid}\), s2 \(pid {nodes[1].pid}\)$"
    )
    uses = (
        lambda: _spawn(launcher, "idle", name="s3"),
        nodes[0].kill,
        nodes[1].resume,
        lambda: nodes[0].wait(3600),
        lambda: nodes[0].log.wait_for("never", within_real_s=3600),
    )
    for use in uses:
        with pytest.raises(LauncherDied, match=lost):
            use()
    assert not nodes[0].is_alive
    assert not launcher.is_alive
    assert launcher.processes == []


def test_after_a_loss_a_new_launcher_can_be_started(start):
    """The worker goes on: the next cluster does not notice."""
    first = start()
    os.kill(first.pid, signal.SIGKILL)
    second = start()
    assert _spawn(second, "answer", "0").wait(SOON_REAL_S).status == 0


def test_a_launcher_that_is_killed_while_asked_answers_with_its_loss(start):
    """A request in flight does not hang when the launcher dies under it."""
    launcher = start()
    os.kill(launcher.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_spawn, launcher, "idle")
        wait_for("the request to be sent", lambda: launcher._pending, bool, SOON_REAL_S)
        os.kill(launcher.pid, signal.SIGKILL)
        with pytest.raises(LauncherDied, match="was killed by SIGKILL; lost with it: nothing"):
            asked.result(SOON_REAL_S)


def test_closing_ends_all_of_them_paused_ones_and_orphans_too(start):
    """What a node left behind is adopted and ended; closing again is no error, using it afterwards is."""
    launcher = start()
    paused = _spawn(launcher, "idle", name="s1")
    paused.pause()
    node = _spawn(launcher, "parent", name="s2")
    orphan = int(node.log.wait_for(r"child \d+", within_real_s=SOON_REAL_S).split()[1])
    node.kill()
    node.wait(SOON_REAL_S)
    assert kernel.is_running(orphan)
    launcher.close()
    assert not [pid for pid in (launcher.pid, paused.pid, orphan) if kernel.is_running(pid)]
    launcher.close()
    with pytest.raises(LauncherDied, match=rf"launcher \(pid {launcher.pid}\) is closed"):
        _spawn(launcher, "idle")


def test_a_stopped_launcher_can_be_closed(start):
    """Closing wakes it up first."""
    launcher = start()
    node = _spawn(launcher, "idle")
    os.kill(launcher.pid, signal.SIGSTOP)
    launcher.close()
    assert not kernel.is_running(node.pid)


def test_closing_keeps_the_folder(start):
    """Logs are for the failure report; only who dies without closing loses them."""
    launcher = start()
    launcher.close()
    assert (launcher.folder / "launcher.log").read_text() == ""


def test_processes_that_do_not_die_are_reported(start, monkeypatch):
    """A process stuck in the kernel survives SIGKILL: closing says which, and ends the rest."""
    launcher = start()
    monkeypatch.setattr(launcher, "_ask_to_close", lambda: _close_with_survivor(launcher))
    with pytest.raises(ProcessesSurvived, match=r"^SIGKILL did not end s1 \(pid 77\)$"):
        launcher.close()
    assert not kernel.is_running(launcher.pid)


def _close_with_survivor(launcher):
    Launcher._ask_to_close(launcher)
    return ("s1 (pid 77)",)


def test_a_module_that_cannot_be_imported_is_named(tmp_path):
    """The reason reaches the caller, and no process stays."""
    with pytest.raises(LauncherDied, match="cannot preload no_such_module: No module named 'no_such_module'"):
        Launcher.start(tmp_path / "worker", preload=["json", "no_such_module"])


def test_a_module_that_starts_a_thread_is_refused(tmp_path, monkeypatch):
    """Forking a process with threads is not safe: better no launcher than one that hangs some day."""
    (tmp_path / "busy.py").write_text(
        "from threading import Event, Thread\n"
        "Thread(target=Event().wait, name='poller', daemon=True).start()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LauncherDied, match=r"a module of json, busy started threads \(poller\)"):
        Launcher.start(tmp_path / "worker", preload=["json", "busy"])


def test_a_launcher_that_crashes_shows_its_last_words(tmp_path, monkeypatch):
    """A module that breaks the launcher on import: the traceback is in the error, not only in a file."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('half installed')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LauncherDied, match=r"exited with status 1; its log ends with:(?s:.*)half installed"):
        Launcher.start(tmp_path / "worker", preload=["broken"])


def test_only_the_main_thread_starts_a_launcher(tmp_path):
    """The kernel ties its life to the thread that started it: a short-lived one would end it early."""
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(Launcher.start, tmp_path / "worker", preload=[])
        with pytest.raises(RuntimeError, match="from the main thread"):
            started.result(SOON_REAL_S)


def test_the_list_of_spawned_processes_may_lie_outside_the_folder(start, tmp_path):
    """Who kills the worker needs the list after the folder is gone."""
    launcher = start(spawned_path=tmp_path / "list.txt")
    node = _spawn(launcher, "idle")
    listed = (tmp_path / "list.txt").read_text()
    assert listed == f"launcher {launcher.pid}\ns1 {node.pid}\n"


def test_closing_leaves_no_thread_behind(start):
    """The reader ends with its launcher; those of other tests' sessions are not its business."""
    before = set(threading.enumerate())
    launcher = start()
    launcher.close()
    assert set(threading.enumerate()) <= before


def test_a_forked_node_shares_no_random_numbers_with_its_siblings(start, tmp_path, monkeypatch):
    """Forks inherit the state of `random`: each is seeded anew."""
    (tmp_path / "dice.py").write_text("import random\ndef roll(argv): print(random.getrandbits(128))\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    launcher = start(preload=["dice"])
    launches = [Launch(name=n, log_path=tmp_path / n, argv=(), entry="dice:roll") for n in ("s1", "s2")]
    first, second = (
        node.log.wait_for(r"\d+", within_real_s=SOON_REAL_S) for node in launcher.spawn_all(launches)
    )
    assert first != second


def test_what_few_processes_need_is_imported_before_the_first_of_them_is_forked(start, tmp_path, monkeypatch):
    """Once, by the launcher; a module that is not there refuses the one who asked, and no other."""
    (tmp_path / "dear.py").write_text("import os\nPID = os.getpid()\ndef tell(argv): print('by', PID)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    launcher = start(preload=[])

    def launch(name, *preload):
        log_path = tmp_path / f"{name}.log"
        return Launch(name=name, log_path=log_path, argv=(), entry="dear:tell", preload=preload)

    with pytest.raises(LaunchRefused, match="cannot start s1: cannot preload no_such_module"):
        launcher.spawn(launch("s1", "no_such_module"))
    for name in ("s2", "s3"):
        node = launcher.spawn(launch(name, "dear"))
        assert node.log.wait_for(r"by \d+", within_real_s=SOON_REAL_S) == f"by {launcher.pid}"


def test_messages_survive_being_cut_into_single_bytes(tmp_path):
    """A socket may deliver any piece of any frame."""
    launch = Launch(name="s1", log_path=tmp_path / "s1.log", argv=("a",), env=(("K", "V"),))
    start = Start(
        number=0,
        folder=tmp_path,
        spawned_path=tmp_path,
        preload=("json",),
        sys_path=(),
        portable=False,
        shared=None,
    )
    messages = [start, Spawn(number=1, launch=launch), Ready(number=0)]
    decoder = Decoder()
    stream = b"".join(map(encode, messages))
    assert [message for byte in stream for message in decoder.feed(bytes([byte]))] == messages
