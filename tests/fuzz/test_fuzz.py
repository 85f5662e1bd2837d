"""The fuzz command runs and says what it finds; `tox -e fuzz` draws thousands of examples."""

import importlib.util
import socket
import subprocess
import sys

import pytest

from harness.waiting import WaitTimeout
from tests.fuzz import __main__ as fuzz
from tests.fuzz import link_data


def test_a_few_examples_find_nothing() -> None:
    """Both applications, the link server's calls and its bytes; the seed is told."""
    targets = ["applications", "link_api", "link_data"]
    command = [sys.executable, "-m", "tests.fuzz", *targets, "--examples", "2", "--seed", "5"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "8 passed" in run.stdout
    assert "seed 5, 2 examples of each" in run.stderr


def test_an_unknown_target_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names those there are."""
    with pytest.raises(SystemExit) as end:
        fuzz.main(["everything"])
    assert end.value.code == 64
    assert "'everything' is none of applications, link_api, link_data, documented" in capsys.readouterr().err


def test_without_schemathesis_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert fuzz.main(["documented"]) == 64
    assert capsys.readouterr().err == f"{fuzz.NOT_INSTALLED}\n"


@pytest.mark.parametrize("may_lose", [True, False])
def test_bytes_that_nobody_said_are_found(may_lose: bool) -> None:
    """Whether or not some may be missing: what is heard must be a beginning of what was said."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        stream = link_data.Stream(sender=ours, hearer=theirs)
        stream.say(b"as it was sent")
        stream.said[0:2] = b"AS"
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(AssertionError, match="upstream: other bytes than were said"):
            link_data.listen_out("upstream", stream, may_lose=may_lose)


def test_bytes_that_do_not_arrive_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing may lose any, each must come; where something may, they may be missing."""
    monkeypatch.setattr(link_data, "ARRIVES_REAL_S", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        stream = link_data.Stream(sender=ours, hearer=theirs)
        stream.said += b"never sent"
        link_data.listen_out("downstream", stream, may_lose=True)
        with pytest.raises(WaitTimeout, match="all of downstream; last seen: 0 of 10 bytes"):
            link_data.listen_out("downstream", stream, may_lose=False)
