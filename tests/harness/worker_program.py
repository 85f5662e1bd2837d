"""A stand-in for a pytest worker that the tests kill: `python worker_program.py FOLDER LIST [OPTION...]`.

It starts a launcher and a small cluster, with one node paused, says "up" and waits for its end. Options:
`portable` does without what only Linux has, `storm` spawns and kills without end instead.
"""

import signal
import sys
from pathlib import Path

from harness.processes import Launch, Launcher

SLEEPER = "import signal; signal.pause()"


def main(folder: Path, spawned_path: Path, *options: str) -> None:
    launcher = Launcher.start(
        folder, ["node_programs"], spawned_path=spawned_path, portable="portable" in options
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
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
