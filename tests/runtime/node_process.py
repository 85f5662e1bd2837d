"""Real nodes: `python -m nodecore` as processes of this test."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from harness.waiting import wait_for

START_REAL_S = 30.0
"""Of a process that imports everything, on a machine that is busy with other tests."""


@dataclass(frozen=True, slots=True)
class NodeProcess:
    """A started node, spoken to over HTTP."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    log: Path
    session: requests.Session

    def ask(self, method: str, path: str, peer: bool = False, **kwargs: Any) -> requests.Response:
        url = self.ready["peer_url" if peer else "client_url"]
        return self.session.request(method, url + path, timeout=START_REAL_S, **kwargs)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", "/cutheal/state").json()
        return found

    def await_state(self, name: str, accept: Any) -> dict[str, Any]:
        return wait_for(name, self.state, accept, START_REAL_S)

    def log_text(self) -> str:
        return self.log.read_text()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_REAL_S)


@contextmanager
def node_process(folder: Path, *flags: str) -> Iterator[NodeProcess]:
    """Start a node and wait for its ready line; it is ended by SIGTERM, or killed if that does not help."""
    name = flags[flags.index("--name") + 1] if "--name" in flags else "node"
    log = folder / f"{name}.log"
    with log.open("w") as stderr:
        command = [sys.executable, "-m", "nodecore", *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    session = requests.Session()
    session.trust_env = False
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the node ended before it was ready: {log.read_text()}"
        yield NodeProcess(process, json.loads(line), log, session)
    finally:
        session.close()
        _end(process)


def run_node(*flags: str) -> subprocess.CompletedProcess[str]:
    """Run a node that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "nodecore", *flags],
        capture_output=True,
        text=True,
        timeout=START_REAL_S,
        check=False,
        env=os.environ,
    )


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(START_REAL_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        assert process.stdout is not None
        process.stdout.close()
