"""A stand-in for a pytest worker that the tests kill: `worker_program.py FOLDER LIST OWNER [OPTION...]`.

It starts a launcher and a small cluster, with one node paused, says "up" and waits for its end. FOLDER lies
in the folder of the run, which the process OWNER made. Options: `portable` does without what only Linux has,
`storm` spawns and kills without end instead.
"""

import signal
import sys
from pathlib import Path

from harness.processes import Launch, Launcher, SharedFolder

SLEEPER = "import signal; signal.pause()"


def main(folder: Path, spawned_path: Path, owner_pid: int, *options: str) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):  # ignored where pytest itself was started by nohup or `&`
        signal.signal(number, signal.SIG_DFL)
    launcher = Launcher.start(
        folder,
        ["node_programs"],
        spawned_path=spawned_path,
        shared=SharedFolder(path=folder.parent, owner_pid=owner_pid),
        portable="portable" in options,
    )
    nodes = launcher.spawn_all([_node(folder, f"s{index}") for index in range(1, 4)])
    nodes[1].pause()
    launcher.spawn(Launch(name="links", log_path=folder / "links.log", argv=(sys.executable, "-c", SLEEPER)))
    while "storm" in options:
        extra = launcher.spawn(_node(folder, "extra"))
        extra.pause()
        extra.kill()
        extra.wait(60)
    print("up", launcher.pid, flush=True)
    signal.pause()


def _node(folder: Path, name: str) -> Launch:
    return Launch(name=name, log_path=folder / f"{name}.log", argv=(), entry="node_programs:idle")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
