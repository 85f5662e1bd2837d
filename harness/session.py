"""What one pytest worker, or one command, shares among its clusters: launcher, link server, ports, slots.

A launcher or link server that died is replaced before the next cluster. Nothing outlives the process
that made the session: the launcher is the guardian (design section 8).
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from harness.afresh import Afresh
from harness.cluster import Cluster
from harness.connections import connected_to
from harness.crew import Crew, identity_drawn
from harness.link_host import LinkHost
from harness.links.api import LinkServerDied, ToxiproxyApi
from harness.links.backend import Backend, choose
from harness.links.fabric import Links
from harness.patience import Patience
from harness.ports import Reservations
from harness.processes import Launcher, LauncherDied, LaunchRefused, SharedFolder, run_folders
from harness.processes.handle import DEFAULT_PRELOAD
from harness.program import Program, ProgramError
from harness.reuse import Kit, Release, Reuse
from harness.slots import Room, Slots, capacity_for
from harness.spec import TIME_SCALE_DEFAULT, ClusterSpec, check_fits, check_time_scale
from harness.stall import Canary

PRELOAD = (
    *DEFAULT_PRELOAD,
    "harness.agent_process",
    "harness.programs.python_process",
    "harness.links.embedded.main",
)
"""What every process forked here needs; a user's own module is imported by its nodes alone."""

SLOTS = "slots"
"""The folder of the run that its workers share."""

READY_WITHIN_S = 200.0
"""Document seconds: 10 s real at the default scale; a cluster takes 0.1 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How a session runs its clusters.

    Args:
        folder: this worker's own; made by the launcher, removed at the end unless `keep`.
        run_folder: shared by all workers of a run; holds the slots.
        run_owner_pid: who removes the run's folder at the end; when it dies first, a launcher does. None:
            nobody; the last session in it to end takes it along.
        worker: name for messages.
        links: `auto`, `toxiproxy` or `embedded`.
        time_scale: real seconds per document second, for clusters that do not name their own.
        seed: of everything drawn.
        node_log_level: of every node.
        keep: leave the folder.

    """

    folder: Path
    run_folder: Path
    run_owner_pid: int | None = field(default_factory=os.getpid)
    worker: str = "master"
    links: str = "auto"
    time_scale: float = TIME_SCALE_DEFAULT
    seed: int = 0
    node_log_level: str = "info"
    keep: bool = False


class Session:
    """Makes clusters, one after another or side by side; start it from the main thread.

    Args:
        options: how it runs them.

    Raises:
        NoLinkServer: no link server can be had; the message names the command that installs one.
        BadSpec: the time scale is out of bounds.

    """

    def __init__(self, options: SessionOptions) -> None:
        check_time_scale(options.time_scale)
        self.options = options
        self._made = Counter[str]()
        self._numbers = count(1)
        self._open: dict[str, Crew] = {}
        self._ports = Reservations()
        self._slots = Slots(options.run_folder / SLOTS, self.slots_capacity)
        self.reuse = Reuse(self._slots)
        self._canary = Canary()
        self._launcher, self._links = self._begin()
        self._canary.start()
        run_folders.sweep(options.run_folder.parent)

    @property
    def link_server(self) -> ToxiproxyApi:
        """The link server: its `backend`, `version` and `api_address`."""
        return self._links.api

    @property
    def link_backend(self) -> Backend:
        """Which link server was chosen, and why."""
        return self._links.backend

    @property
    def slots_capacity(self) -> int:
        """How much cluster this machine carries at once, at this time scale."""
        return capacity_for(os.cpu_count() or 1, self.options.time_scale)

    def cluster(
        self,
        spec: ClusterSpec,
        *,
        owner: str,
        on_wait: Callable[[str], None] = lambda _: None,
        on_made: Callable[[Cluster], None] | None = None,
        on_took: Callable[[str, float], None] = lambda _phase, _real_s: None,
    ) -> Cluster:
        """Start a cluster and return it ready: loaded, everybody sees everybody, links verified.

        One that `reuse.keep` brought back for such a spec is taken in its place.

        Args:
            spec: what it should be.
            owner: for whom, such as a test's id.
            on_wait: told when the cluster has waited for slots for a second, and at each doubling.
            on_made: given the cluster before it is ready, to close it, and to look at it first if it never
                is; without it, a cluster that fails to start is closed here.
            on_took: told the real seconds of each phase: `slots` and `boot`, or `reuse`.

        Raises:
            BadSpec: so many nodes are too many for this machine at this time scale.
            NotReached: it was not ready in time; says what was last seen on every node.
            NodeDied: a node ended while starting; says how, and its last lines.
            FaultNotInForce: a link does not work.

        """
        __tracebackhide__ = True
        reused = self._reuse(spec, owner, on_took)
        if reused is not None:
            if on_made is not None:
                on_made(reused)
            return reused
        time_scale = self._time_scale(spec)
        check_fits(spec.nodes_max, time_scale, os.cpu_count() or 1, spec.program.calls_per_pair_s)
        name = f"k{next(self._numbers)}"
        begin = time.monotonic()
        with ExitStack() as undo:
            slots = spec.slots_per_node * spec.nodes_max
            undo.enter_context(self._slots.take(slots, who=owner, on_wait=on_wait))
            on_took("slots", time.monotonic() - begin)
            begin = time.monotonic()
            room = Room(self._slots, nodes=spec.nodes_max, per_node=spec.slots_per_node, who=owner)
            undo.callback(room.close)
            crew = self._crew(name, spec, owner)
            undo.callback(self._forget, name)
            undo.callback(self._remove, crew)
            undo.callback(crew.close)
            patience = crew.patience
            _start_nodes(crew)
            release = Release(undo.pop_all().close)
            cluster = Cluster(crew, patience, room, release)
        if on_made is not None:
            on_made(cluster)
        try:
            views = cluster.wait_ready(within_s=_boot_s(spec.program, time_scale))
            cluster.links.verify()
        except BaseException:
            if on_made is None:
                cluster.close()
            raise
        self.reuse.note(cluster, Kit(crew=crew, room=room, afresh=Afresh(crew, views), release=release))
        on_took("boot", time.monotonic() - begin)
        return cluster

    def revive(self) -> str | None:
        """Replace a launcher or link server that died; return a sentence that says so, or None."""
        try:
            return self._revive()
        except LauncherDied:  # just now
            return self._replace_launcher()

    def _revive(self) -> str | None:
        if not self._launcher.is_alive:
            return self._replace_launcher()
        relays = [crew.datagrams for crew in self._open.values() if crew.datagrams]
        revived = [sentence for relay in relays if (sentence := relay.revive())]
        return "; ".join(revived + self._revive_link_server()) or None

    def _revive_link_server(self) -> list[str]:
        try:
            self._links.api.proxies()
        except LinkServerDied as died:
            how = self._links.how_it_ended() or died
            api = self._links.replace()
            for crew in self._open.values():
                crew.used_up = "the link server was replaced"
                crew.links.restore(api)
            restored = f" and the links of {len(self._open)} cluster(s) restored" if self._open else ""
            return [f"the link server is dead: {how}; it was replaced{restored}"]
        return []

    def leaks(self) -> list[str]:
        """Return what closed clusters left behind, one line each."""
        if not self._launcher.is_alive:
            return []
        ours = {pid for crew in self._open.values() for pid in crew.pids}
        ours.add(self._links.process.pid)
        processes = [p for p in self._launcher.processes if p.pid not in ours]
        lines = [f"process {process.name} (pid {process.pid})" for process in processes]
        lines += [f"connection to {a}, which is gone" for a in connected_to(self._ports.given_back())]
        if not self._open:
            lines += [f"proxy {name}" for name in self._links.api.proxies()]
            lines += [
                f"reserved port {a}" for a in self._ports.addresses if a != self.link_server.api_address
            ]
        return lines

    def close(self) -> None:
        """End everything: clusters, link server, folders, launcher, ports.

        The launcher ends after the folders are gone: killed in between, they are its to remove.
        """
        for crew in list(self._open.values()):
            crew.close()
        self._open.clear()
        self.reuse.end()
        self._canary.stop()
        self._links.close()
        if self.options.keep:
            run_folders.keep(self.options.run_folder)
        else:
            self._remove_folders()
        self._launcher.close()
        self._ports.close()

    def _reuse(self, spec: ClusterSpec, owner: str, on_took: Callable[[str, float], None]) -> Cluster | None:
        begin = time.monotonic()
        kit = self.reuse.take(spec)
        if kit is None:
            return None
        kit.crew.belong_to(self._seed(owner))
        cluster = Cluster(kit.crew, kit.crew.patience, kit.room, kit.release)
        self.reuse.note(cluster, kit)
        on_took("reuse", time.monotonic() - begin)
        return cluster

    def _begin(self) -> tuple[Launcher, LinkHost]:
        owner_pid = self.options.run_owner_pid
        shared = SharedFolder(path=self.options.run_folder, owner_pid=owner_pid) if owner_pid else None
        backend = choose(self.options.links)
        launcher = Launcher.start(self.options.folder, PRELOAD, shared=shared)
        try:
            return launcher, LinkHost(backend, self.options.folder, launcher, self._ports, self.options.seed)
        except BaseException:
            self._remove_folders()
            launcher.close()
            self._ports.close()
            raise

    def _replace_launcher(self) -> str:
        sentence = self._how_launcher_ended()
        for crew in list(self._open.values()):
            crew.abandon()
        self._open.clear()
        self.reuse.end()
        self._links.close()
        self._launcher.close()
        self._ports.close()
        self._ports = Reservations()
        self._launcher, self._links = self._begin()
        return f"{sentence}; a new one was started"

    def _how_launcher_ended(self) -> str:
        try:
            self._launcher.raise_if_lost()
        except LauncherDied as lost:
            return str(lost)
        return "the launcher was closed"

    def _crew(self, name: str, spec: ClusterSpec, owner: str) -> Crew:
        seed = self._seed(owner)
        crew = Crew(
            spec,
            patience=Patience(self._time_scale(spec), self._canary),
            seed=seed,
            log_level=self.options.node_log_level,
            folder=self.options.folder / name,
            launcher=self._launcher,
            ports=self._ports,
            links=Links(
                self._links.api,
                prefix=name,
                probe_path=spec.program.probe_path,
                secret=identity_drawn(seed),
            ),
        )
        self._open[name] = crew
        return crew

    def _seed(self, owner: str) -> int:
        """Draw from the run's seed, the owner and its how-manieth cluster: the same when it runs alone."""
        self._made[owner] += 1
        return Random(f"{self.options.seed} {owner} {self._made[owner]}").getrandbits(64)

    def _time_scale(self, spec: ClusterSpec) -> float:
        return self.options.time_scale if spec.time_scale is None else spec.time_scale

    def _remove_folders(self) -> None:
        """Remove this worker's folder, and the run's if no other worker has one there."""
        shutil.rmtree(self.options.folder, ignore_errors=True)
        run_folder = self.options.run_folder
        shared = {SLOTS, run_folders.OWNER_FILE}
        if run_folder.exists() and {path.name for path in run_folder.iterdir()} <= shared:
            shutil.rmtree(run_folder, ignore_errors=True)

    def _remove(self, crew: Crew) -> None:
        if not self.options.keep:
            shutil.rmtree(crew.folder, ignore_errors=True)

    def _forget(self, name: str) -> None:
        self._open.pop(name, None)


def _boot_s(program: Program, time_scale: float) -> float:
    return READY_WITHIN_S if program.boot_real_s is None else program.boot_real_s / time_scale


def _start_nodes(crew: Crew) -> None:
    """Start them; what is wrong with the program's description is told without the way there."""
    __tracebackhide__ = True
    try:
        crew.start_nodes()
    except (ProgramError, LaunchRefused) as error:
        raise error.with_traceback(None) from None
