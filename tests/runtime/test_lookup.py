"""Members that change while a node runs (R16): a file read again, an address server that is polled."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.waiting import wait_for
from nodecore.config import NodeConfig, Timings
from nodecore.core.events import MembersChanged
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.lookup import (
    LookupFailed,
    LookupKind,
    MemberList,
    first_list,
    member_lookup,
    parse_members,
)
from nodecore.runtime.lookup_watch import FAILURES_UNTIL_UNHEALTHY, LookupWatch
from tests.doubles.address_server import Manner, address_server
from tests.runtime.node_process import START_REAL_S, NodeProcess, node_process
from tests.runtime.scripted import ScriptedCore, config, log_text, running

OWN = "127.0.0.1:8848"
OTHER = "127.0.0.1:9"
MISBEHAVING = [manner for manner in Manner if manner is not Manner.GOOD]
LONE = ("--client-port", "0", "--time-scale", "0.05", "--set", "timings.call_timeout_min_real_s=0.05")


class Watched:
    """A watch that is asked to look by the test, and what it told."""

    def __init__(self, settings: NodeConfig) -> None:
        self.log = io.StringIO()
        self.told: list[MemberList] = []
        self.lookup = member_lookup(settings)
        first = first_list(self.lookup)
        log = NodeLog("s1", "debug", self.log)
        self.watch = LookupWatch(self.lookup, first, settings.address, log, self.told.append)

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.watch.look()

    def logged(self, event: str) -> int:
        return self.log.getvalue().count(f"event={event} ")


def watched_file(path: Path, text: str) -> Watched:
    path.write_text(text)
    return Watched(config(members=(), members_file=str(path)))


# ---- the file ----------------------------------------------------------------------------------------


@pytest.mark.requirement("R16")
def test_a_changed_file_is_told_once_it_has_stood_still(tmp_path: Path) -> None:
    """Who writes it may not be done yet: a text counts when two looks have seen it the same."""
    file = tmp_path / "cluster.conf"
    watched = watched_file(file, OWN)
    watched.look(3)
    assert watched.told == []
    file.write_text(f"{OWN}\n127.0.0.1:77")
    watched.look()
    file.write_text(f"{OWN}\n127.0.0.1:7777=127.0.0.1:1234\n")
    watched.look()
    assert watched.told == []
    watched.look(2)
    assert watched.told == [MemberList((OWN, "127.0.0.1:7777"), {"127.0.0.1:7777": "127.0.0.1:1234"})]


@pytest.mark.requirement("R16")
@pytest.mark.parametrize("bad", ["", "# nobody\n", f"{OWN}\nnot an address\n", f"{OWN}=\n", "\x00\x01", None])
def test_a_bad_file_keeps_the_last_good_list_and_says_so_once(tmp_path: Path, bad: str | None) -> None:
    """Empty, wrong, or gone; good again, it is believed again."""
    file = tmp_path / "cluster.conf"
    watched = watched_file(file, f"{OWN}\n{OTHER}\n")
    file.unlink() if bad is None else file.write_text(bad)
    watched.look(5)
    assert watched.told == []
    assert watched.logged("lookup_failed") == 1
    assert f"kept={OWN},{OTHER}" in watched.log.getvalue()
    assert str(file) in watched.watch.state().problem
    file.write_text(f"{OWN}\n")
    watched.look(2)
    assert watched.told == [MemberList((OWN,))]
    assert watched.logged("lookup_recovered") == 1
    assert watched.watch.state().problem == ""


@pytest.mark.requirement("R16")
def test_a_file_that_stands_still_is_looked_at_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen looks a second would else cost more than the node's own beats; a change is read."""
    monkeypatch.setattr("nodecore.runtime.lookup._SETTLED_REAL_S", 0.0)
    file = tmp_path / "cluster.conf"
    watched = watched_file(file, OWN)
    with monkeypatch.context() as unreadable:
        unreadable.setattr(Path, "read_text", lambda *_, **__: pytest.fail("it was read"))
        watched.look(5)
    file.write_text(f"{OWN}\n{OTHER}\n")
    watched.look(2)
    assert watched.told == [MemberList((OWN, OTHER))]


@pytest.mark.requirement("R16")
def test_a_file_that_was_just_written_is_read_again_although_it_looks_the_same(tmp_path: Path) -> None:
    """Written twice within one tick of the kernel's clock: the same size, and the same time of change."""
    file = tmp_path / "cluster.conf"
    watched = watched_file(file, f"{OWN}\n127.0.0.1:8\n")
    before = file.stat()
    file.write_text(f"{OWN}\n127.0.0.1:9\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    watched.look(2)
    assert watched.told == [MemberList((OWN, OTHER))]


def test_a_line_may_say_where_a_member_is_dialled() -> None:
    """Ours alone; it goes before what the configuration says."""
    found = parse_members(
        f"{OTHER}=127.0.0.1:1, 10.0.0.1 # x=y", "there", ((OTHER, "a:2"), ("10.0.0.1:8848", "b:3"))
    )
    assert found == MemberList((OTHER, "10.0.0.1:8848"), {OTHER: "127.0.0.1:1", "10.0.0.1:8848": "b:3"})


def test_a_line_may_say_where_a_members_raft_is_dialled_too() -> None:
    """A node learns both ways to a member that comes while it runs."""
    found = parse_members(f"{OWN}\n{OTHER}=127.0.0.1:1=127.0.0.1:2\n", "there")
    assert (found.addresses, found.dial) == ((OWN, OTHER), {OTHER: "127.0.0.1:1"})
    assert found.raft_dial == {OTHER: "127.0.0.1:2"}


@pytest.mark.parametrize(
    "wrong", ["a b:1", ":1", "h:0", "h:65536", "h:1=", "h:1=x:y", "h:1=h:2=h:3=h:4", "<html>", "h:1e3"]
)
def test_what_is_no_address_is_named_with_its_line(wrong: str) -> None:
    """One line, and what would be right."""
    with pytest.raises(LookupFailed, match=r"there, line 2: .* is not ip\[:port\] or ip:port=ip:port"):
        parse_members(f"{OWN}\n{wrong}\n", "there")


# ---- the address server ------------------------------------------------------------------------------


@pytest.mark.requirement("R16")
@pytest.mark.parametrize("manner", MISBEHAVING)
def test_an_address_server_that_misbehaves_never_loses_the_last_good_list(manner: Manner) -> None:
    """Whatever it does is a failure, logged once; 12 in a row are an unhealthy lookup, until one is good."""
    with address_server() as server:
        server.members = (OWN, OTHER)
        # who answers is never late, also on a busy machine: a second reason would be a second line in the log
        patience_s = 0.05 if manner in {Manner.SLOW, Manner.TRICKLE} else 20.0
        timings = Timings(call_timeout_min_real_s=patience_s, lookup_server_timeout_s=patience_s)
        watched = Watched(config(members=(), address_server=server.url, timings=timings))
        server.manner = manner
        watched.look(FAILURES_UNTIL_UNHEALTHY - 1)
        assert watched.watch.state().healthy
        watched.look(2)
        state = watched.watch.state()
        assert (state.kind, state.place) == (LookupKind.ADDRESS_SERVER, server.url)
        assert (state.healthy, state.failures) == (False, FAILURES_UNTIL_UNHEALTHY + 1)
        assert server.url in state.problem
        assert (watched.logged("lookup_failed"), watched.logged("lookup_unhealthy")) == (1, 1)
        server.manner, server.members = Manner.GOOD, (OWN,)
        watched.look()
        assert watched.told == [MemberList((OWN,))]
        assert watched.watch.state().healthy


@pytest.mark.requirement("R16")
def test_an_address_server_is_asked_five_times_at_the_start() -> None:
    """Without a first list nothing can start."""
    with address_server() as server:
        server.manner = Manner.FAILING
        with pytest.raises(LookupFailed, match="answered 500; right would be 200"):
            first_list(member_lookup(config(members=(), address_server=server.url)))
        assert server.asked == 5


# ---- in a runtime and in a process -------------------------------------------------------------------


@pytest.mark.requirement("R16")
def test_the_core_is_told_and_the_rest_goes_on_when_it_fails(tmp_path: Path) -> None:
    """A list is an event like any other; a fault in it does not end the thread that looks."""
    file = tmp_path / "cluster.conf"
    file.write_text(OWN)

    def script(event: Any) -> list[Any]:
        if isinstance(event, MembersChanged) and OTHER in event.addresses:
            raise RuntimeError("a fault")
        return []

    core = ScriptedCore(script)
    settings = config(members=(OWN,), members_file=str(file), time_scale=0.02)

    def changes() -> list[tuple[str, ...]]:
        return [event.addresses for event, _ in core.events if isinstance(event, MembersChanged)]

    with running(core, settings) as runtime:
        file.write_text(f"{OWN}\n{OTHER}\n")
        wait_for("the fault", changes, lambda seen: len(seen) == 1, START_REAL_S)
        file.write_text(f"{OWN}\n127.0.0.1:10\n")
        wait_for("the next list", changes, lambda seen: len(seen) == 2, START_REAL_S)
        assert "event=core_fault while=MembersChanged" in log_text(runtime)
        assert runtime.lookup.state().kind is LookupKind.FILE


@pytest.mark.requirement("R16", "R17")
def test_nodes_that_stand_alone_become_a_cluster_by_their_files(tmp_path: Path) -> None:
    """Two started alone; each other's name is written into their files, then taken out again."""
    with file_nodes(tmp_path, "s1", "s2") as (s1, s2):
        both = sorted(node.ready["address"] for node in (s1, s2))
        write_members(tmp_path, {"s1": both, "s2": both})
        for node in (s1, s2):
            node.await_state("both UP", lambda state: state["ring"] == both)
        write_members(tmp_path, {"s1": [s1.ready["address"]], "s2": both})
        s1.await_state("alone again", lambda state: len(state["members"]) == 1)
        assert "event=members came=" in s1.log_text()
        wait_for("s2 is told", s2.log_text, lambda text: "event=not_known_there" in text, START_REAL_S)


@pytest.mark.requirement("R16")
def test_a_dead_member_written_into_the_file_stays_out_of_the_ring(tmp_path: Path) -> None:
    """New members start DOWN and the known keep their state (reference 10.3, 4925 and 4948; S14)."""
    with file_nodes(tmp_path, "s1", "s2") as (s1, s2):
        both = sorted(node.ready["address"] for node in (s1, s2))
        write_members(tmp_path, {"s1": both, "s2": both})
        s1.await_state("both UP", lambda state: state["ring"] == both)
        mark = len(s1.log_text())
        write_members(tmp_path, {"s1": [*both, OTHER], "s2": both})
        state = s1.await_state("three members", lambda state: len(state["members"]) == 3)
        assert state["ring"] == both
        assert {m["address"]: m["state"] for m in state["members"]}[OTHER] == "DOWN"
        assert "event=ring" not in s1.log_text()[mark:]


@pytest.mark.requirement("R16")
def test_a_node_follows_its_address_server(tmp_path: Path) -> None:
    """From a start by its list, through misbehaviour of every kind, to another list."""
    with address_server() as server:
        server.members = ("127.0.0.1:1",)
        with node_process(tmp_path, *LONE, "--address-server", server.url) as node:
            own = node.ready["address"]
            wait_for("a warning", node.log_text, lambda text: "event=not_listed" in text, START_REAL_S)
            for manner in MISBEHAVING:
                asked = server.asked
                server.manner = manner
                wait_for("two more polls", lambda: server.asked, lambda n, a=asked: n >= a + 2, START_REAL_S)  # type: ignore[misc]
                members = [member["address"] for member in node.state()["members"]]
                assert members == sorted([own, "127.0.0.1:1"]), manner
            server.manner, server.members = Manner.GOOD, (own, OTHER)
            node.await_state(
                "the new list", lambda s: [m["address"] for m in s["members"]] == sorted([own, OTHER])
            )
            assert node.terminate() == 0


def test_a_node_ends_at_once_while_its_address_server_hangs(tmp_path: Path) -> None:
    """Its thread is in a call that would last a minute."""
    with address_server() as server:
        server.members = (OTHER,)
        flags = (*LONE, "--set", "timings.lookup_server_timeout_s=1200")
        with node_process(tmp_path, *flags, "--address-server", server.url) as node:
            asked = server.asked
            server.manner = Manner.SLOW
            wait_for("a poll that hangs", lambda: server.asked, lambda n: n > asked, START_REAL_S)
            assert node.terminate() == 0


@contextmanager
def file_nodes(folder: Path, first: str, second: str) -> Iterator[tuple[NodeProcess, NodeProcess]]:
    """Two nodes with files of their own that name nobody else yet."""
    (folder / f"{first}.conf").write_text(OTHER)
    (folder / f"{second}.conf").write_text(OTHER)
    flags = {
        name: (*LONE, "--name", name, "--members-file", str(folder / f"{name}.conf"))
        for name in (first, second)
    }
    with node_process(folder, *flags[first]) as one, node_process(folder, *flags[second]) as other:
        write_members(folder, {first: [one.ready["address"]], second: [other.ready["address"]]})
        for node in (one, other):
            node.await_state("alone", lambda state: len(state["members"]) == 1 and state["loaded"])
        yield one, other


def write_members(folder: Path, lists: dict[str, list[str]]) -> None:
    for name, addresses in lists.items():
        (folder / f"{name}.conf").write_text("\n".join(addresses) + "\n")
