"""The README's lone node, started and spoken to with the very commands a reader would type."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.ports import Reservations

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
LIMIT_REAL_S = 20


def commands(port: str) -> list[str]:
    """The README's commands, on a port of our own and with this Python."""
    (block,) = re.findall(r"## A lone node by hand\n\n```sh\n(.*?)```", README, re.DOTALL)
    text = block.replace("8848", port).replace(".venv/bin/python", sys.executable)
    return text.splitlines()


def say(command: str) -> str:
    """Run one command in a shell and return what it printed."""
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=LIMIT_REAL_S, check=True
    )
    return done.stdout


@pytest.mark.requirement("R16")
def test_the_readmes_lone_node_answers_the_readmes_curl() -> None:
    """Register, list, deregister; standalone, it has loaded at once; and it ends on SIGTERM."""
    with Reservations() as ports:
        (address,) = ports.reserve(1)
        start, register, show, deregister, end = commands(address.rsplit(":", 1)[1])
        assert end == "kill %1"
        with subprocess.Popen(
            ["sh", "-c", f"exec {start.rstrip(' &')}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as node:
            assert node.stdout is not None
            assert json.loads(node.stdout.readline())["client_url"] == f"http://{address}"
            try:
                assert say(register) == "ok"
                assert [host["ip"] for host in json.loads(say(show))["hosts"]] == ["10.0.0.1"]
                assert say(deregister) == "ok"
                assert json.loads(say(show))["hosts"] == []
            finally:
                node.terminate()
            assert node.wait(LIMIT_REAL_S) == 0
