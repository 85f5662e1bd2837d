"""CP as a node's user sees it: flags, the ready line, `GET /cutheal/raft`, and what is refused."""

from pathlib import Path

import pytest

from harness.waiting import wait_for
from nodecore.settings import SettingsError, check_raft, parse
from tests.runtime.node_process import START_REAL_S, node_process, run_node


@pytest.mark.endpoint("GET /cutheal/raft", "GET /metrics")
@pytest.mark.requirement("R3")
def test_a_lone_node_with_cp_leads_itself(tmp_path: Path) -> None:
    """It needs no leader to be ready; a moment later it is one, and ends on SIGTERM like any other."""
    with node_process(
        tmp_path,
        *("--client-port", "0", "--raft-port", "0", "--time-scale", "0.05"),
        *("--data-dir", str(tmp_path / "data")),
    ) as node:
        assert node.ready["raft"].startswith("127.0.0.1:")
        led = wait_for(
            "it leads", lambda: node.ask("GET", "/cutheal/raft").json(), lambda r: r["leader"], START_REAL_S
        )
        assert (led["enabled"], led["state"], led["leader"]) == (True, "leader", node.ready["address"])
        assert led["members"] == [node.ready["address"]]
        page = node.ask("GET", "/metrics").text
        assert "nodecore_raft_term 1.0" in page
        assert f'nodecore_raft_role{{leader="{led["leader"]}",role="leader"}} 1.0' in page
        assert "event=raft_leader state=leader" in node.log_text()
        assert node.terminate() == 0


def test_a_node_without_cp_says_so(tmp_path: Path) -> None:
    """No flag, no Raft; nothing in the ready line speaks of it."""
    with node_process(tmp_path, "--client-port", "0") as node:
        assert "raft" not in node.ready
        assert node.ask("GET", "/cutheal/raft").json() == {"enabled": False}
        assert "nodecore_raft_term" not in node.ask("GET", "/metrics").text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ("--raft-port", "0", "--member", "127.0.0.1:1,127.0.0.1:2"),
            "need identity_header and identity",
        ),
        (("--data-dir", "x"), "need raft_port"),
        (
            ("--raft-port", "0", "--set", "timings.raft_append_s=30"),
            "raft_election_min_s must be more than",
        ),
        (("--raft-port", "70000"), "raft_port must be a port"),
        (("--raft-port", "0", "--raft-dial", "a"), "--raft-dial 'a' must have the form"),
    ],
)
def test_what_cannot_run_is_said_in_one_line(flags: tuple[str, ...], sentence: str) -> None:
    """Pickle without a secret, a folder without CP, timings that contradict each other."""
    with pytest.raises(SettingsError) as refused:
        check_raft(parse(["--client-port", "0", *flags]))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refused_configuration_is_told_on_stderr() -> None:
    """And the exit status says that the configuration is wrong."""
    done = run_node("--client-port", "0", "--data-dir", "x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "data_dir need raft_port" in done.stderr
