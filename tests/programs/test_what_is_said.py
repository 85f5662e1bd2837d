"""What a program cannot do is said in one line, and so is how one that goes wrong went wrong."""

import pytest

from harness.programs import (
    CannotDo,
    Capability,
    Command,
    ForeignProgram,
    Function,
    HttpOk,
    LogLine,
    ProgramError,
    Wsgi,
)
from harness.waits import NodeDied, NotReached
from tests.programs import wrong

MUTE = ForeignProgram(
    Wsgi(wrong.makes_silence),
    name="mute",
    lacks=[Capability.DIAL_MAP, Capability.PAUSE, Capability.KILL, Capability.RESTART],
)


@pytest.fixture
def mute(cluster_factory):
    """A cluster of a program that can do nothing but answer."""
    return cluster_factory(program=MUTE, nodes=2)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda c: c.wait_converged(within_s=1), "wait_converged: mute tells no digest of its data"),
        (lambda c: c.wait_members(within_s=1), "wait_members: mute does not tell whom its nodes hold"),
        (lambda c: c.partition(["s1"], ["s2"]), "partition {s1} | {s2}: mute does not reach its peers"),
        (lambda c: c.isolate("s1"), "isolate s1: mute does not reach its peers through the links"),
        (lambda c: c.cut("s1", "s2"), "cut s1 -> s2: mute does not reach its peers through the links"),
        (lambda c: c.agent("C1", ["shop"]), "cluster.agent('C1'): mute is no service registry"),
        (lambda c: c.service_owned_by(c.nodes[0]), "cluster.service_owned_by: mute is no service registry"),
        (lambda c: c.add_node(), "cluster.add_node(): mute learns its members when it starts"),
        (lambda c: c.nodes[0].kill(), "s1.kill(): mute is described as not to be killed"),
        (lambda c: c.nodes[0].pause(), "s1.pause(): mute is described as not to be paused"),
        (lambda c: c.nodes[0].restart(), "s1.restart(): mute is described as not to be restarted"),
    ],
)
def test_what_it_cannot_do_is_said(mute, ask, says):
    """Not guessed, not tried, and nothing of another program's words."""
    with pytest.raises(CannotDo) as problem:
        ask(mute)
    assert says in str(problem.value)
    assert "\n" not in str(problem.value)


def test_all_refusals_of_one_cluster_change_nothing(mute):
    """It runs on, its links whole."""
    with pytest.raises(CannotDo):
        mute.isolate("s1")
    assert mute.links.cut_now() == ()
    assert [node.api.get("/").json() for node in mute.nodes] == [{}, {}]


@pytest.mark.parametrize(
    ("runs", "lines"),
    [
        (Wsgi(wrong.fails_at_once), ["opening the shop of s", ", in fails_at_once", "no configuration file"]),
        (Function(wrong.fails_at_once), ["opening the shop of s", ", in fails_at_once", "no configuration"]),
        (Wsgi(wrong.makes_nothing), ["makes_nothing returned None; right would be a WSGI application"]),
        (Wsgi(wrong.wants_two), ["wants_two is called with one argument, the node's plan"]),
        (Wsgi(wrong.gives_up), ["exited with status 1", "please set SHOP_DB"]),
        (Function(wrong.is_done), ["exited with status 0", "done already", "has to stay in the foreground"]),
        (Wsgi("tests.programs.wrong:shop"), ["there is no shop in tests.programs.wrong; there is fails_at"]),
        (Wsgi("tests.nowhere:shop"), ["there is no module 'tests.nowhere'"]),
        (Command(["sh", "-c", "echo no such shop >&2; exit 3"]), ["exited with status 3", "no such shop"]),
    ],
)
def test_one_that_dies_at_boot_shows_its_last_lines(cluster_factory, runs, lines):
    """And none of our own frames."""
    with pytest.raises(NodeDied) as died:
        cluster_factory(program=ForeignProgram(runs), nodes=1)
    text = str(died.value)
    assert [line for line in lines if line not in text] == []
    assert "harness/" not in text


@pytest.mark.parametrize(
    ("runs", "ready", "says"),
    [
        (Function(wrong.never_listens), None, "for s1 to accept connections; last seen: not ready"),
        (Wsgi(wrong.makes_silence), LogLine("open"), "for s1 to write a line that matches 'open'; last seen"),
        (Function(wrong.never_listens), HttpOk("/up"), "for s1 to answer GET /up with 2xx; last seen"),
    ],
)
def test_one_that_is_never_ready_is_waited_for_by_name(cluster_factory, runs, ready, says):
    """As long as its description gives it."""
    fields = {"ready": ready} if ready else {}
    with pytest.raises(NotReached) as late:
        cluster_factory(program=ForeignProgram(runs, boot_real_s=0.5, **fields), nodes=1)
    assert says in str(late.value)


def test_nodes_that_never_agree_are_named(cluster_factory):
    """Without keys to compare the digests are all there is to say."""
    program = ForeignProgram(Wsgi(wrong.makes_silence), digest=wrong.clock, boot_real_s=0.5)
    with pytest.raises(NotReached, match="digests differ"):
        cluster_factory(program=program, nodes=2)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"data": lambda _api: [1]}, "data of makes_silence is [1]; right would be a mapping"),
        (
            {"members": lambda _api: "s1"},
            "members of makes_silence are 's1'; right would be a list",
        ),
    ],
)
def test_a_view_of_the_wrong_kind_is_named(cluster_factory, fields, says):
    """At the first look, not after a time-out."""
    with pytest.raises(ProgramError) as problem:
        cluster_factory(program=ForeignProgram(Wsgi(wrong.makes_silence), **fields), nodes=1)
    assert says in str(problem.value)


def test_a_mistake_in_an_observer_is_raised_where_it_is(cluster_factory):
    """It is the user's own line that failed, so a wait does not go on about it."""

    def look(_api):
        raise LookupError("no such key in my own code")

    with pytest.raises(LookupError, match="no such key in my own code"):
        cluster_factory(program=ForeignProgram(Wsgi(wrong.makes_silence), data=look), nodes=1)


def test_a_command_starts_in_its_data_folder_and_leaves_nothing_elsewhere(cluster_factory):
    """What a program writes to its working folder goes with the cluster."""
    words = ["sh", "-c", "echo {config[word]} > note; echo noted; exec sleep 100"]
    cluster = cluster_factory(
        program=ForeignProgram(Command(words), ready=LogLine("noted")), nodes=1, config={"word": "hello"}
    )
    (node,) = cluster.nodes
    assert (node.data_dir / "note").read_text() == "hello\n"
