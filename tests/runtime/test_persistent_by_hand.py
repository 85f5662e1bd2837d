"""The README's persistent instance, with the very commands a reader would type (R19)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.ports import Reservations
from harness.waiting import wait_for
from tests.runtime.test_by_hand import LIMIT_REAL_S, say

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


def commands(port: str, raft_port: str) -> list[str]:
    """The README's commands, on ports of our own and with this Python."""
    (block,) = re.findall(r"## A persistent instance by hand\n.*?```sh\n(.*?)```", README, re.DOTALL)
    text = block.replace("8848", port).replace("7848", raft_port)
    return text.replace(".venv/bin/python", sys.executable).splitlines()


@pytest.mark.requirement("R19")
def test_the_readmes_persistent_instance_is_kept_without_a_beat() -> None:
    """Registered, told that nobody checks it, set unhealthy, shown; and the node ends on SIGTERM."""
    with Reservations() as ports:
        addresses = ports.reserve(2)
        start, register, *steps, show, end = commands(*(a.rsplit(":", 1)[1] for a in addresses))
        assert end == "kill %1"
        with subprocess.Popen(
            ["sh", "-c", f"exec {start.rstrip(' &')}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as node:
            assert node.stdout is not None
            assert json.loads(node.stdout.readline())["raft"] == addresses[1]
            try:
                wait_for("a leader takes it", lambda: say(register), "ok".__eq__, LIMIT_REAL_S)
                assert [say(step) for step in steps] == ["ok"] * 2
                shown = json.loads(say(show))
                assert (shown["port"], shown["healthy"]) == (1, False)
            finally:
                node.terminate()
            assert node.wait(LIMIT_REAL_S) == 0
