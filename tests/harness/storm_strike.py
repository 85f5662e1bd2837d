"""One blow of the kill storm: starts a run of pytest, kills the victim at its moment, looks what is left."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.stall import Canary
from harness.waiting import WaitTimeout, wait_for
from tests.harness.storm_census import Being, Census, being, listeners, shared_memory, still_listening

HERE = Path(__file__).parent
TOKEN = "CUTHEAL_STORM"
PHASES = ("boot", "cut", "heal", "teardown")
VICTIMS = ("controller", "worker", "launcher", "toxiproxy")
"""Without xdist pytest itself is the controller, and there is no other worker."""

LINK_SERVERS = ("toxiproxy", "embedded")
"""Names that a link server's process can have."""

QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--color=no")
MOMENT_REAL_S = 60.0
END_REAL_S = 120.0
GONE_REAL_S = 1.0
DIED = re.compile(
    r"(launcher|toxiproxy|embedded) \(pid \d+\) (was killed|exited)|crashed while running|died when"
)
"""What the test that saw a death must say, in one of these ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """Who is struck, when, and in what kind of run.

    Args:
        victim: one of VICTIMS.
        workers: of xdist; 0 is a run without it.
        phase: one of PHASES.
        number: of the call in that phase at which to strike; 0: never, the run is only counted.
        how: the signal it is struck with.
        held: whether the process in which the moment came stands still until the blow has fallen, instead of
            running on while it falls.
        paused: whether one node is paused all the time.
        links: which link server the run is told to use.

    """

    victim: str = "controller"
    workers: int = 0
    phase: str = "boot"
    number: int = 0
    how: signal.Signals = signal.SIGKILL
    held: bool = True
    paused: bool = False
    links: str = "auto"

    @property
    def moment(self) -> str:
        """As the conftest.py of the run takes it."""
        return f"{self.victim}:{self.phase}:{self.number or 'never'}"

    @property
    def ends_run(self) -> bool:
        """Whether the run as a whole dies with the victim."""
        return self.victim == "controller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What one blow left behind.

    Args:
        blow: what was done.
        struck: whether the victim was still there at the moment.
        died: how many processes it had started, directly or not, that were to die with it.
        survived_real_s: how long the last of them lived after it.
        processes: that were left a second after it, and of the whole run after its end.
        places: folders and shared memory that were left.
        sockets: that somebody still listened on.
        oddities: what a run that goes on did otherwise than it should.
        exit_code: of pytest.
        output: of pytest.

    """

    blow: Blow
    struck: bool
    died: int
    survived_real_s: float
    processes: tuple[str, ...]
    places: tuple[str, ...]
    sockets: tuple[str, ...]
    oddities: tuple[str, ...]
    exit_code: int
    output: str

    @property
    def left(self) -> tuple[str, ...]:
        """Everything that should not be there."""
        return (*self.processes, *self.places, *self.sockets)


def strike(blow: Blow, folder: Path) -> Aftermath:
    """Run the story in an empty folder, strike the victim at the moment, and look what is left."""
    census = Census(f"{TOKEN}={folder}", folder)
    with _run(blow, folder) as (run, pipes, output):
        teller = _await_moment(pipes, run)
        victim = None if teller is None else _find(blow.victim, run.pid, teller, census, pipes)
        family = census.below(victim.pid) if victim else set()
        sockets, memory = listeners(family), shared_memory(family)
        if victim is not None:
            _fell(victim, blow, pipes)
            _await_end_of(victim, run)
        pipes.let_go_on()
        remains = _remains(blow, run.pid, teller, victim, family, census)
        survived_real_s, left = _await_nothing(remains)
        exit_code = _await_run(run)
        left |= _await_nothing(census.everybody)[1]
        text = output.read_text(errors="replace")
        return Aftermath(
            blow=blow,
            struck=victim is not None,
            died=len(family),
            survived_real_s=survived_real_s,
            processes=tuple(map(str, left)),
            places=(*_folders_left(folder), *(str(path) for path in memory if path.exists())),
            sockets=tuple(still_listening(sockets)),
            oddities=_oddities(blow, exit_code, text) if victim is not None else (),
            exit_code=exit_code,
            output=text,
        )


@dataclass(frozen=True, slots=True)
class Pipes:
    """The named pipes to the run: `moment` tells who has reached it, `leave` is waited for by who told."""

    moment: int
    leave: int

    @classmethod
    def make(cls, folder: Path) -> "Pipes":
        """Make both in a folder and open them; opened for both directions, so that nobody is missed."""
        for name in ("moment", "leave"):
            os.mkfifo(folder / name)
        return cls(*(os.open(folder / name, os.O_RDWR) for name in ("moment", "leave")))

    def let_go_on(self) -> None:
        """Let all go on that have told, or will."""
        os.write(self.leave, b"go on" * 8)

    def close(self) -> None:
        """Close both."""
        os.close(self.moment)
        os.close(self.leave)


def count_calls(blow: Blow, folder: Path) -> dict[str, int]:
    """Run the story to its end without a blow; return how many calls a phase has."""
    with _run(blow, folder) as (run, _, output):
        exit_code = _await_run(run)
        if exit_code != 0:
            raise RuntimeError(f"the story itself ends with {exit_code}:\n{output.read_text()}")
    counts = [json.loads(path.read_text()) for path in folder.glob("counts-*.json")]
    return {phase: max(count.get(phase, 1) for count in counts) for phase in PHASES}


@contextmanager
def _run(blow: Blow, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Pipes, Path]]:
    """Start pytest on the story; yields it, the pipes to it, and its output."""
    shutil.copy(HERE / "storm_conftest.py", folder / "conftest.py")
    shutil.copy(HERE / "storm_story.py", folder / "test_storm.py")
    (folder / "tmp").mkdir()
    workers = ["-n", str(blow.workers)] if blow.workers else []
    command = [sys.executable, "-m", "pytest", *QUICK, *workers]
    command += ["--links", blow.links]
    environment = os.environ | {
        TOKEN: str(folder),
        "TMPDIR": str(folder / "tmp"),
        "CUTHEAL_STORM_MOMENT": blow.moment,
    }
    if blow.paused:
        environment["CUTHEAL_STORM_PAUSED"] = "yes"
    pipes = Pipes.make(folder)
    try:
        with (folder / "output.txt").open("wb") as output:
            run = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment)
        try:
            yield run, pipes, folder / "output.txt"
        finally:
            run.kill()
            run.wait()
    finally:
        pipes.close()


def _await_moment(pipes: Pipes, run: "subprocess.Popen[bytes]") -> int | None:
    """Return the pid of the process in which the moment has come; None when the run ended without one."""
    ended = os.pidfd_open(run.pid)
    try:
        ready, _, _ = select.select([pipes.moment, ended], [], [], MOMENT_REAL_S)
        if not ready:
            raise WaitTimeout("the moment to strike", MOMENT_REAL_S, "the run goes on without it")
        return int(os.read(pipes.moment, 64).split()[0]) if pipes.moment in ready else None
    finally:
        os.close(ended)


def _find(victim: str, run_pid: int, teller: int, census: Census, pipes: Pipes) -> Being | None:
    """Return the process to be struck; None when it, or what it belongs to, has ended already.

    One that does not exist yet is struck as soon as it does.
    """
    match victim:
        case "controller":
            return being(run_pid)
        case "worker":
            return being(teller)
        case "launcher":
            names: tuple[str, ...] = ("launcher",)
        case _:
            names = LINK_SERVERS
    if found := _youngest(names, teller, census):
        return found
    pipes.let_go_on()
    try:
        return wait_for(
            f"the {victim} of pid {teller}",
            lambda: _youngest(names, teller, census),
            lambda found: found is not None or being(teller) is None,
            MOMENT_REAL_S,
        )
    except WaitTimeout:
        return None


def _youngest(names: tuple[str, ...], teller: int, census: Census) -> Being | None:
    pids = [pid for name, pid in census.listed(f"spawned-{teller}-*.txt") if name in names]
    return being(pids[-1]) if pids else None


def _fell(victim: Being, blow: Blow, pipes: Pipes) -> None:
    if not blow.held:
        pipes.let_go_on()
    with suppress(ProcessLookupError):  # it had come to its end just before
        os.kill(victim.pid, blow.how)


def _await_end_of(victim: Being, run: "subprocess.Popen[bytes]") -> None:
    """A zombie is dead: pytest, our own child, is one until we ask."""
    wait_for(f"the end of {victim}", lambda: victim.is_living, lambda lives: not lives, END_REAL_S)
    run.poll()


def _remains(
    blow: Blow, run_pid: int, teller: int | None, victim: Being | None, family: set[Being], census: Census
) -> Callable[[], set[Being]]:
    """Return who looks for what should be gone: seen before the blow, listed at spawn, found in /proc."""
    if victim is None:
        return set
    if blow.ends_run:
        return census.everybody

    def look() -> set[Being]:
        listed = census.listed(f"spawned-{teller}-*.txt") if blow.victim == "worker" else []
        mourned = {member for member in family if member.is_living}
        return mourned | census.living_of(pid for _, pid in listed) | census.orphans(run_pid)

    return look


def _await_nothing(remains: Callable[[], set[Being]]) -> tuple[float, set[Being]]:
    """Wait until nothing is left, for a second at most; return how long it took, and what was left then.

    The second is longer by what the machine did not run us: nothing can die while nothing runs.
    """
    began = time.monotonic()
    left: set[Being] = set()

    def look() -> set[Being]:
        nonlocal left
        left = remains()
        return left

    with Canary() as canary, suppress(WaitTimeout):  # who asks is told what is left
        wait_for("nothing to be left", look, lambda seen: not seen, GONE_REAL_S, stretch=canary.stretch)
    return time.monotonic() - began, left


def _await_run(run: "subprocess.Popen[bytes]") -> int:
    try:
        return run.wait(END_REAL_S)
    except subprocess.TimeoutExpired:
        run.kill()
        run.wait()
        return 124


def _folders_left(folder: Path) -> tuple[str, ...]:
    """Return what is left of the run's temporary files; pytest's own folder stays as it always does."""

    def look() -> list[str]:
        return sorted(p.name for p in (folder / "tmp").iterdir() if not p.name.startswith("pytest-of-"))

    with suppress(WaitTimeout):  # who asks is told what is left
        wait_for("no folder", look, lambda left: not left, GONE_REAL_S)
    return tuple(look())


def _oddities(blow: Blow, exit_code: int, output: str) -> tuple[str, ...]:
    """A run that goes on: at most one test sees the death and says what died, the others pass."""
    if blow.ends_run:
        return ()
    odd = []
    passed = int((re.findall(r"(\d+) passed", output) or ["0"])[-1])
    if exit_code not in (0, 1):
        odd.append(f"pytest ended with {exit_code}")
    if passed < 2:
        odd.append(f"{passed} of 3 tests passed")
    if exit_code == 1 and not DIED.search(output):
        odd.append("no test says what died")
    return tuple(odd)
