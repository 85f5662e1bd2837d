"""The catalogue of checks itself: it holds what it says it holds, and its table can be printed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.catalogue import DIFFERENT, checks, verify
from tests.contract.start import SERVERS, Servers
from tests.contract.table import main

ROOT = Path(__file__).parent.parent.parent
TABLE_REAL_S = 120.0

API_TESTS = """
RequestId BrowserGets403 NonBrowserGets200 IndexWithNoProxies CreateProxyBlankName
CreateProxyBlankUpstream PopulateProxy PopulateDefaultEnabled PopulateDisabledProxy PopulateExistingProxy
PopulateWithBadName PopulateProxyWithBadDataShouldReturnError PopulateAddToxic ListingProxies
CreateAndGetProxy CreateProxyWithSave CreateDisabledProxy CreateDisabledProxyAndEnable DeleteProxy
CreateProxyPortConflict CreateProxyNameConflict ResetState ListingToxics AddToxic AddMultipleToxics
AddConflictingToxic AddConflictingToxicsMultistream AddConflictingToxicsMultistreamDefaults
AddToxicWithToxicity AddNoop UpdateToxics RemoveToxic VersionEndpointReturnsVersion InvalidStream
"""
"""Toxiproxy's own api_test.go, 2.12."""

TOXIC_TESTS = """
BandwidthToxic UpstreamLatency DownstreamLatency FullstreamLatencyEven TwoLatencyToxics
LatencyToxicCloseRace LatencyToxicBandwidth LimitDataToxicMayBeRestarted
LimitDataToxicChunkSmallerThanLimit LimitDataToxicChunkLengthMatchesLimit
LimitDataToxicChunkBiggerThanLimit LimitDataToxicLimitIsSetToZero ResetToxicNoTimeout
ResetToxicWithTimeout SlicerToxic SlicerToxicZeroSizeVariation TimeoutToxicDoesNotCauseHang
TimeoutToxicClosesConnectionOnRemove PersistentConnections ToxicAddRemove ProxySimpleMessage
ProxyToDownUpstream ProxyBigMessage ProxyTwoPartMessage StartTwoProxiesOnSameAddress
StopProxyBeforeStarting ProxyUpdate ProxyUpdateWithHostname RestartFailedToStartProxy ProxyDiffers
NoDataDropped Toxicity
"""
"""Of toxics/*_test.go, proxy_test.go and link_test.go: those that are about behaviour, not about Go."""


@pytest.mark.parametrize("name", API_TESTS.split() + TOXIC_TESTS.split())
def test_each_of_toxiproxys_own_tests_has_its_check(name: str) -> None:
    """By its name in a docstring."""
    assert [str(check) for check in checks() if f"Test{name}" in check.says] != []


def test_there_are_the_34_tests_of_the_api() -> None:
    """None is left out of the list above."""
    assert len(set(API_TESTS.split())) == 34


def test_every_check_says_what_it_is_for() -> None:
    """In a docstring, and by a name of its own."""
    names = [str(check) for check in checks()]
    assert len(set(names)) == len(names)
    assert [str(check) for check in checks() if not check.says] == []


def test_what_is_different_on_purpose_is_a_check() -> None:
    """A typo would hold nobody to anything."""
    assert set(DIFFERENT) <= {str(check) for check in checks()}


def test_a_check_that_a_deaf_server_passes_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that checks nothing, for instance."""
    worthless = next(check for check in checks() if check.acts)
    object.__setattr__(worthless, "run", lambda server: server.is_alive())
    with Servers(tmp_path) as servers:
        with pytest.raises(AssertionError, match="passes on the deaf server, but must fail: no toxic"):
            verify(worthless, servers.get("deaf"))
        verify(worthless, servers.get("real"))


def test_a_server_that_a_check_has_ended_is_started_again(tmp_path: Path) -> None:
    """One check that kills it is one failure."""
    with Servers(tmp_path) as servers:
        first = servers.get("embedded")
        first.process.kill()
        first.process.wait()
        second = servers.get("embedded")
        assert second is not first
        second.is_alive()


def test_the_table_shows_each_check_on_each_server() -> None:
    """Exit code 0: they keep the contract, the deaf one fails."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract.table", "--only", "disabling."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TABLE_REAL_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for text in (*SERVERS, "disabling.a_disabled_proxy_refuses", "fails, as it must", "real: 9 yes"):
        assert text in done.stdout
    assert "NO" not in done.stdout


def test_the_table_says_what_breaks_the_contract(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and why; here the deaf server poses as the real one."""
    monkeypatch.setattr("tests.contract.table.SERVERS", {"embedded": None})
    monkeypatch.setitem(SERVERS, "embedded", SERVERS["deaf"])
    assert main(["--only", "disabling.a_disabled_proxy_refuses"]) == 1
    assert "NO: AssertionError: 127.0.0.1:" in " ".join(capsys.readouterr().out.split())
