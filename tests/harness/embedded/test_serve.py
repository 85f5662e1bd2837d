"""`cutheal links serve`, as a user types it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from harness.links.locate import locate
from harness.waiting import wait_for

LIMIT_REAL_S = 30.0
COMMAND = (sys.executable, "-m", "harness.cli", "links", "serve")


def serve(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_REAL_S,
        check=False,
    )


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command until the block ends; give it and the first line that it prints."""
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def ask(url: str) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=LIMIT_REAL_S).json()


BACKENDS = [
    "embedded",
    pytest.param("toxiproxy", marks=pytest.mark.skipif(locate() is None, reason="no Toxiproxy")),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(backend: str, ending: signal.Signals) -> None:
    """The document says where, and that is where the API answers; Ctrl-C is how it ends, so 0."""
    with serving("--backend", backend, "--port", "0", "--json") as (process, line):
        told = json.loads(line)
        assert (told["backend"], told["version"]) == (backend, "2.12.0")
        assert ask(told["api"] + "/version").get("backend", "toxiproxy") == backend
        assert psutil.pid_exists(told["pid"])
        process.send_signal(ending)
        assert process.wait(LIMIT_REAL_S) == 0
        wait_for("the server to be gone", lambda: psutil.pid_exists(told["pid"]), lambda lives: not lives, 10)


def test_it_says_what_it_is_and_where_in_one_line() -> None:
    """For people: name, versions, and an address to open."""
    with serving("--port", "0", "--seed", "3") as (_, line):
        assert line.startswith("links  embedded ")
        assert "(API of Toxiproxy 2.12.0)" in line
        assert ask(line.split()[-1]) == {}


def test_the_port_is_the_one_that_was_asked_for() -> None:
    """A number of the user's own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving("--port", str(port), "--json") as (_, line):
        assert json.loads(line)["api"] == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_taken_port_is_one_line_that_names_it_and_exits_1(backend: str) -> None:
    """Also for the real server, which by itself would live on without an API."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve("--backend", backend, "--port", str(port))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"cutheal: cannot listen on 127.0.0.1:{port}: address already in use; --port 0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "65536"], "'65536' is no port; right would be 0 to 65535"),
        (["--port", "http"], "'http' is no port"),
        (["--port", "-1"], "'-1' is no port"),
        (["--backend", "rubber"], "invalid choice: 'rubber'"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--backend", "toxiproxy", "--seed", "3"], "--seed 3: the real Toxiproxy draws from no seed"),
    ],
)
def test_a_mistake_is_said_in_one_line_and_exits_64(words: list[str], message: str) -> None:
    """Before anything is started."""
    done = serve(*words)
    assert done.returncode == 64
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_real_server_where_there_is_none_exits_3_and_says_how_to_get_it(tmp_path: Path) -> None:
    """Who asks for the real one is not given another."""
    done = serve(
        "--backend", "toxiproxy", PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path), TOXIPROXY_SERVER=""
    )
    assert done.returncode == 3
    assert "`cutheal toxiproxy install` installs it" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(locate() is None, reason="no Toxiproxy on this machine")
def test_a_real_server_that_dies_ends_the_command_with_4() -> None:
    """Rather than waiting for nobody."""
    with serving("--backend", "toxiproxy", "--port", "0", "--json") as (process, line):
        psutil.Process(json.loads(line)["pid"]).kill()
        assert process.wait(LIMIT_REAL_S) == 4
