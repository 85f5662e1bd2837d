"""The report header, and what is said where there is no link server."""

from pathlib import Path

import pytest

from tests.plugin.conftest import InnerRun

SCRIPT = "#!/bin/sh\necho toxiproxy-server version 9.8.7\n"


@pytest.fixture
def no_server(inner: InnerRun, monkeypatch: pytest.MonkeyPatch) -> InnerRun:
    """A machine without a link server."""
    monkeypatch.delenv("TOXIPROXY_SERVER", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return inner


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_the_header_names_server_scale_seed_and_slots(
    inner: InnerRun, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """One line, in the controller alone; the version is the one that the program itself says."""
    server = program(inner.pytester.path / "toxiproxy-server", SCRIPT)
    monkeypatch.setenv("TOXIPROXY_SERVER", str(server))
    result = inner("--cluster-seed=12", *workers, test="def test_a(): pass")
    result.stdout.fnmatch_lines(
        [f"cutheal: links toxiproxy 9.8.7 ({server}), time scale 0.05, seed 12, slots *"]
    )
    assert result.stdout.str().count("cutheal:") == 1
    assert inner.left_behind == []


def test_asking_for_toxiproxy_where_there_is_none_is_a_usage_error(no_server: InnerRun) -> None:
    """CI says `--links toxiproxy`; nothing is run without it."""
    result = no_server("--links=toxiproxy", test="def test_a(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --links toxiproxy: no link server:*`cutheal toxiproxy install`*"])
    result.stdout.no_fnmatch_line("*1 passed*")


def test_without_a_server_the_embedded_one_stands_in(no_server: InnerRun) -> None:
    """The header says which one it is, of which version, and how to get the real one; tests pass."""
    result = no_server(
        test="""
        def test_with(cluster):
            with cluster.isolate(cluster.nodes[0]):
                cluster.links.verify()
        """
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "cutheal: links embedded * (API of Toxiproxy 2.12.0), time scale *",
            "cutheal: `cutheal toxiproxy install` installs the real Toxiproxy",
        ]
    )
    assert no_server.left_behind == []


def test_who_asks_for_the_embedded_server_gets_it_without_advice(inner: InnerRun) -> None:
    """Although there is a real one."""
    result = inner("--links=embedded", test="def test_a(): pass")
    result.stdout.fnmatch_lines(["cutheal: links embedded * (API of Toxiproxy 2.12.0), time scale *"])
    result.stdout.no_fnmatch_line("*toxiproxy install*")


def test_with_a_named_server_that_is_none_only_tests_with_a_cluster_fail(
    inner: InnerRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names one wants that one: each such test errors with what would be right, no traceback."""
    monkeypatch.setenv("TOXIPROXY_SERVER", "/no/such/file")
    result = inner(
        test="""
        def test_without(): pass
        def test_with(cluster): pass
        def test_too(cluster_factory): pass
        """
    )
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "cutheal: links none, *",
            "cutheal: tests that use a cluster will fail: $TOXIPROXY_SERVER is '/no/such/file', *",
            "*ERROR at setup of test_with*",
            "$TOXIPROXY_SERVER is '/no/such/file', which is no program; right would be its path",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("During handling*")
    assert inner.left_behind == []


def test_a_server_that_does_not_run_is_no_server(inner: InnerRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken program is named, not passed on as a version."""
    server = program(inner.pytester.path / "toxiproxy-server", "#!/bin/sh\nexit 3\n")
    monkeypatch.setenv("TOXIPROXY_SERVER", str(server))
    result = inner("--links=toxiproxy", test="def test_a(): pass")
    result.stderr.fnmatch_lines(
        [f"ERROR: --links toxiproxy: {server} does not tell its version: *exit status 3*"]
    )


def program(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
