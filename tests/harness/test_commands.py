"""The command as a user types it: what it prints, with and without --json, and how it exits."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from harness.waiting import wait_for

DEAF = Path(__file__).parent.parent / "doubles" / "deaf_toxiproxy"
LIMIT_REAL_S = 60
EXIT_REAL_S = 10.0


def cutheal(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_REAL_S,
        check=False,
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON document on stdout."""
    assert done.stdout, f"exit {done.returncode}: {done.stderr}"
    return dict(json.loads(done.stdout))


@pytest.mark.requirement("R22", "R23", "R24")
def test_demo_prints_the_documents_tables_and_exits_0() -> None:
    """Steady, cut and healed, the link server's name and version, and the verdict."""
    done = cutheal("demo")
    assert (done.returncode, done.stderr) == (0, "")
    for text in (
        "links: toxiproxy 2.",
        "steady (R22): as the documents say",
        "cut {S1, S2, C1, C2} | {S3, C3} (R23): as the documents say",
        "healed (R24): as the documents say",
        "│ s3 │ s3      │ C3  (s3)     │",
        "every table is that of the documents",
    ):
        assert text in done.stdout


def test_demo_as_json_has_everything_a_program_needs() -> None:
    """Pids, addresses, owners, nine lists in each phase, the matrix before, during and after."""
    done = cutheal("demo", "--json", "--seed", "5")
    story = document(done)
    assert done.returncode == 0
    assert [node["name"] for node in story["nodes"]] == ["s1", "s2", "s3"]
    assert all(node["pid"] > 0 and node["address"].startswith("127.0.0.1:") for node in story["nodes"])
    assert [phase["matches"] for phase in story["phases"]] == [True, True, True]
    assert story["phases"][1]["seen"]["lists"]["s3"] == dict.fromkeys(
        ("ServiceA0", "ServiceB1", "ServiceC5"), "C3"
    )
    assert story["phases"][1]["seen"]["owners"]["s1"]["ServiceC5"] == "s1"
    cut = {(c["source"], c["target"]): c["new"]["reply"] for c in story["matrix"]["during"]}
    assert cut["s1", "s3"] == cut["C1", "s3"] == cut["C3", "s1"] == "silent"
    assert cut["s1", "s2"] == cut["C3", "s3"] == "ok"
    for when in ("before", "after"):
        assert {c["new"]["reply"] for c in story["matrix"][when]} == {"ok"}


def test_demo_on_a_link_server_that_ignores_cuts_exits_2_and_names_the_links() -> None:
    """The deaf double accepts every toxic and does nothing."""
    done = cutheal("demo", TOXIPROXY_SERVER=str(DEAF))
    assert done.returncode == 2
    assert "links are not as intended" in done.stdout + done.stderr
    assert "peer-s1-s3: expected connect ok, request silent" in done.stdout + done.stderr
    as_json = cutheal("demo", "--json", TOXIPROXY_SERVER=str(DEAF))
    assert as_json.returncode == 2
    assert "peer-s1-s3" in document(as_json)["fault_not_in_force"]


@pytest.mark.requirement("R22", "R23", "R24")
def test_without_a_toxiproxy_the_demo_runs_on_the_embedded_server_and_says_so(tmp_path: Path) -> None:
    """Which one, of which version, and how to get the real one; the tables are the same."""
    nowhere = str(tmp_path)
    done = cutheal("demo", PATH=nowhere, XDG_CACHE_HOME=nowhere, TOXIPROXY_SERVER="")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^links: embedded \S+ \(API of Toxiproxy 2\.12\.0\); ", done.stdout, re.MULTILINE)
    assert "`cutheal toxiproxy install` installs the real Toxiproxy" in done.stdout
    assert "every table is that of the documents" in done.stdout


def test_asking_for_toxiproxy_without_one_says_how_to_get_it_and_exits_3(tmp_path: Path) -> None:
    """One line, no traceback."""
    nowhere = str(tmp_path)
    done = cutheal(
        "demo",
        "--links",
        "toxiproxy",
        PATH=nowhere,
        XDG_CACHE_HOME=nowhere,
        TMPDIR=nowhere,
        TOXIPROXY_SERVER="",
    )
    assert done.returncode == 3
    assert "`cutheal toxiproxy install`" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["demo", "--time-scale", "0.001"], "live instances expire from scheduling noise alone"),
        (["up", "--nodes", "0"], "nodes=0: a cluster has 1 to 20 nodes"),
        (["up", "--program", "tests.programs.no:SHOP"], "--program: there is no module 'tests.programs.no'"),
        (
            ["up", "--agents", "1", "--program", "tests.programs.test_counter:COUNTER"],
            "--agents 1: make_app is no service registry",
        ),
        (["up", "--cp", "--program", "tests.programs.test_counter:COUNTER"], "--cp: make_app has no CP"),
        (
            ["up", "--program", "tests.programs.test_redis:REDIS"],
            "'{config[appendonly]}' cannot be filled in",
        ),
        (["bench", "cut", "--pairs", "0"], "argument --pairs: 0: at least 1"),
        (["demo", "--links", "rubber"], "invalid choice: 'rubber'"),
        ([], "required: COMMAND"),
    ],
)
def test_a_mistake_in_the_command_line_exits_64_with_one_clear_line(words: list[str], message: str) -> None:
    """No traceback for a user's mistake, and not the code of a fault that was not in force."""
    done = cutheal(*words)
    assert done.returncode == 64
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("how", "more"), [(signal.SIGINT, []), (signal.SIGTERM, ["--cp"])])
def test_up_prints_one_json_line_serves_and_leaves_nothing(how: signal.Signals, more: list[str]) -> None:
    """A cluster with an agent that stays until Ctrl-C; with --cp it says where each Raft listens."""
    command = [sys.executable, "-m", "harness.cli", "up", "--nodes", "2", "--agents", "1", "--json", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        ready = json.loads(up.stdout.readline())
        try:
            check_up(ready)
            assert len({node["raft"] for node in ready["nodes"] if "raft" in node}) == 2 * len(more)
        finally:
            family = psutil.Process(up.pid).children(recursive=True)
            up.send_signal(how)
            try:
                assert up.wait(EXIT_REAL_S) == 0
            finally:
                up.kill()
    assert len(family) == 5
    assert [process for process in family if process.is_running()] == []


def check_up(ready: dict[str, Any]) -> None:
    """Its URLs answer, and its link server is the one it names."""
    assert [node["name"] for node in ready["nodes"]] == ["s1", "s2"]
    with requests.Session() as session:
        session.trust_env = False
        for node in ready["nodes"]:
            for url in (node["client_url"], node["peer_url"]):
                assert session.get(f"{url}/cutheal/state", timeout=5).json()["name"] == node["name"]
        proxies = session.get(ready["links"]["api"] + "/proxies", timeout=5).json()
        assert {"k1-peer-s1-s2", "k1-peer-s2-s1", "k1-client-C1-s1"} <= set(proxies)
        url = ready["nodes"][0]["client_url"] + "/nacos/v1/ns/instance/list?serviceName=ServiceA0"
        wait_for(
            "the agent to be listed",
            lambda: session.get(url, timeout=5).json()["hosts"],
            lambda hosts: len(hosts) == 1,
            EXIT_REAL_S,
        )
    assert (ready["links"]["backend"], ready["links"]["version"]) == ("toxiproxy", "2.12.0")
