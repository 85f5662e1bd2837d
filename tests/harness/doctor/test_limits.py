"""What is too little, by figures that this machine does not have."""

import resource
from pathlib import Path

import pytest

from harness.doctor import limits, tools
from harness.doctor.finding import State, judged
from harness.links.install import Found


@pytest.mark.parametrize(
    ("value", "state"), [(100, State.OK), (99, State.WARNING), (10, State.WARNING), (9, State.PROBLEM)]
)
def test_less_than_wanted_is_a_warning_and_less_than_needed_a_problem(value: int, state: State) -> None:
    """Both limits belong to the better side; what is fine needs no advice."""
    finding = judged("space", f"{value} MB", value, warn_below=100, fail_below=10, advice="make room")
    assert finding.state is state
    assert finding.advice == ("" if state is State.OK else "make room")


@pytest.mark.parametrize(
    ("soft", "state"), [(resource.RLIM_INFINITY, State.OK), (512, State.WARNING), (64, State.PROBLEM)]
)
def test_few_open_files_are_told_with_the_command_that_mends_it(
    soft: int, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ulimit -n`; unlimited is shown as such."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    finding = limits.files()
    assert finding.state is state
    assert finding.seen.startswith("unlimited" if soft == resource.RLIM_INFINITY else f"{soft} a process")
    assert ("`ulimit -n 1024`" in finding.advice) == (state is not State.OK)


def test_a_containers_own_limit_of_processes_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork bomb guard of 100 stops a cluster, whatever ulimit says; the advice names the container."""
    (tmp_path / "pids.max").write_text("100\n")
    (tmp_path / "pids.current").write_text("40\n")
    monkeypatch.setattr(limits, "PIDS_OF_CONTAINER", tmp_path)
    finding = limits.tasks()
    assert finding.state is State.PROBLEM
    assert "60 more may be started" in finding.seen
    assert "--pids-limit" in finding.advice
    (tmp_path / "pids.max").write_text("max\n")
    assert limits.tasks().state is not State.PROBLEM


def test_a_small_range_of_ports_is_told_and_reserved_ones_do_not_count(tmp_path: Path) -> None:
    """Ports kept from the kernel's dealing are no use to a cluster."""
    (tmp_path / "ip_local_port_range").write_text("20000\t22999\n")
    (tmp_path / "ip_local_reserved_ports").write_text("8080,20000-21999\n")
    finding = limits.ports(tmp_path)
    assert finding.state is State.WARNING
    assert "of 20000-22999 (2000 reserved)" in finding.seen
    (tmp_path / "ip_local_reserved_ports").write_text("\n")
    assert limits.ports(tmp_path).state is State.OK


def test_where_the_kernel_tells_no_range_this_is_said(tmp_path: Path) -> None:
    """macOS has no such files: no traceback."""
    finding = limits.ports(tmp_path)
    assert (finding.state, finding.seen) == (
        State.OK,
        "this system does not tell its range of ephemeral ports",
    )


@pytest.mark.parametrize(
    ("version", "state"), [("2.12.0", State.OK), ("2.13.0", State.WARNING), ("2.9.0", State.PROBLEM)]
)
def test_versions_of_toxiproxy_are_judged(
    version: str, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older than 2.12 will not do; another than the pinned one is not what the suite ran on."""
    found = Found(path=Path("/opt/toxiproxy-server"), version=version, origin="PATH")
    monkeypatch.setattr(tools, "which", lambda: found)
    finding = tools.toxiproxy()
    assert finding.state is state
    assert finding.seen == f"{version} at /opt/toxiproxy-server (PATH)"


def test_a_kernel_without_parent_death_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a container whose filter of system calls refuses prctl or pidfd_open."""

    def refuse(_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(tools.kernel, "arm_parent_death", refuse)
    monkeypatch.setattr(tools.kernel, "watch_process", refuse)
    finding = tools.parent_death()
    assert finding.state is State.PROBLEM
    assert "PR_SET_PDEATHSIG (Operation not permitted), pidfd (Operation not permitted)" in finding.seen
