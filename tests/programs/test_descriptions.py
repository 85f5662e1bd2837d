"""The description of a program is checked before anything is started; a mistake is one line that helps."""

import json
from pathlib import Path

import pytest

from harness.program import Address, NodePlan
from harness.programs import (
    Capability,
    Command,
    ForeignProgram,
    Function,
    HttpOk,
    LogLine,
    Nodecore,
    ProgramError,
    Wsgi,
    program_named,
)
from harness.programs.code import NotFound, code_of, load, load_function
from harness.spec import BadSpec, ClusterSpec
from tests.programs import wrong

HERE = Path(__file__).parent

PLAN = NodePlan(
    name="s1",
    client_address="127.0.0.1:4001",
    peer_address="127.0.0.1:4001",
    members=("127.0.0.1:4001", "127.0.0.1:4002"),
    dial=(("127.0.0.1:4002", "127.0.0.1:5012"),),
    links={"s2": Address("127.0.0.1:5012")},
    time_scale=0.05,
    config={"timeout": 3},
    data_dir="/data/s1",
)


def within():
    def inner(node):
        """Nobody finds this from another process."""

    return inner


# ---- mistakes ----


@pytest.mark.parametrize(
    ("describe", "says"),
    [
        (lambda: Command("redis-server --port {port}"), "is one string; right would be its words: ['redis"),
        (lambda: Command([]), "argv is empty; right would be the command and its arguments"),
        (lambda: Command(["run", 6379]), "argv has 6379 in it, which is no text"),
        (lambda: Command(["run", "{prot}"]), "'{prot}' has a placeholder {prot} that does not exist; there "),
        (lambda: Command(["run", "{}"]), "has a placeholder {} that does not exist"),
        (lambda: Command(["run", '{"port": 1']), "a brace that is meant as one is written twice"),
        (lambda: Command(["run"], env={"PEERS": "{peer}"}), "placeholder {peer} that does not exist"),
        (lambda: Command(["run"], argv_of={"s1": ["{x}"]}), "placeholder {x} that does not exist"),
        (lambda: Wsgi(lambda _node: None), "cannot be found by another process, and each node is one"),
        (lambda: Wsgi(within()), "right would be a function of a module"),
        (lambda: Function("shop"), "'shop' names no function; right would be"),
        (lambda: Function("shop..web:run"), "'shop..web:run' names no module"),
        (lambda: Function("nowhere.py:run"), "there is no file"),
        (lambda: ForeignProgram(wrong.makes_silence), "right would be Wsgi(...), Function(...) or Command("),
        (lambda: foreign(ready="/health"), "ready='/health': right would be TcpOpen(), HttpOk(path)"),
        (lambda: foreign(data="all"), "data='all': right would be a function of node.api, or a path"),
        (lambda: foreign(digest=3), "digest=3: right would be a function of node.api"),
        (lambda: HttpOk("health"), "a path begins with /, such as '/health'"),
        (lambda: LogLine("("), "no regular expression"),
        (
            lambda: program_named("tests.programs.wrong:SHOP"),
            "there is no SHOP in tests.programs",
        ),
        (
            lambda: program_named("tests.programs.wrong:NOT_A_FUNCTION"),
            "is 7; right would be a Foreign",
        ),
        (lambda: program_named("tests.nothing:SHOP"), "there is no module 'tests.nothing'"),
    ],
)
def test_a_mistake_is_one_line(describe, says):
    """What was wrong, where, and what would be right."""
    with pytest.raises(ProgramError) as problem:
        describe()
    assert says in str(problem.value)
    assert "\n" not in str(problem.value)


def foreign(**fields):
    return ForeignProgram(Wsgi(wrong.makes_silence), **fields)


@pytest.mark.parametrize("program", [wrong.makes_silence, Wsgi(wrong.makes_silence), "redis", ForeignProgram])
def test_what_is_no_program_is_refused(program):
    """The form alone, the function alone, the class instead of an instance."""
    with pytest.raises(BadSpec, match="right would be a program, such as Foreign"):
        ClusterSpec(program=program)


def test_a_foreign_program_has_no_profiles():
    """`corrected` is nodecore's promise."""
    with pytest.raises(BadSpec, match="profile='corrected': makes_silence has no profiles"):
        ClusterSpec(program=foreign(), profile="corrected")


# ---- capabilities ----


def test_nodecore_can_do_everything():
    """It is one program among others."""
    assert Nodecore().capabilities == frozenset(Capability)


def test_capabilities_follow_from_what_is_given():
    """What nobody described is not there, and what is said to be lacking is not either."""
    bare = ForeignProgram(Command(["true"]))
    processes = {Capability.KILL, Capability.PAUSE, Capability.RESTART}
    assert bare.capabilities == processes
    linked = ForeignProgram(Command(["true", "{peers}"]), digest="/d", members="/m", probe_path="/p")
    told = {Capability.DIAL_MAP, Capability.CONVERGENCE, Capability.MEMBERS, Capability.PROBES}
    assert linked.capabilities == processes | told
    assert foreign().capabilities == processes | {Capability.DIAL_MAP, Capability.PROBES}
    assert foreign(lacks=[Capability.DIAL_MAP, Capability.PAUSE]).capabilities == {
        Capability.KILL,
        Capability.RESTART,
        Capability.PROBES,
    }


# ---- commands ----


def test_placeholders_are_filled_in_from_the_plan():
    """Words and environment; a link also by its parts, a brace by two."""
    command = Command(
        ["sh", "{name}", "{address}", "{links[s2]}", "{links[s2].host} {links[s2].port}", "{peers}", "{{x}}"],
        env={"DATA": "{data_dir}", "TIMEOUT": "{config[timeout]}"},
    )
    start = command.start(PLAN)
    assert start.argv[1:] == (
        *("s1", "127.0.0.1:4001", "127.0.0.1:5012"),
        *("127.0.0.1 5012", "127.0.0.1:5012", "{x}"),
    )
    assert dict(start.env) == {"DATA": "/data/s1", "TIMEOUT": "3"}
    assert (start.cwd, start.entry) == ("/data/s1", None)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("{links[s9]}", "cannot be filled in for s1: it has {links[s2]}; {config[timeout]}"),
        ("{links[s1].port}", "cannot be filled in for s1"),
        ("{links[s2].prot}", "cannot be filled in for s1"),
        ("{config[size]}", "cannot be filled in for s1"),
    ],
)
def test_a_placeholder_that_a_node_has_not(word, says):
    """A node has no link to itself, nor to who is not there."""
    with pytest.raises(ProgramError) as problem:
        Command(["sh", word, "{config[timeout]}"]).start(PLAN)
    assert says in str(problem.value)


def test_a_setting_that_nothing_takes_is_an_error():
    """It would be ignored, and the test would prove something else than it says."""
    with pytest.raises(ProgramError, match="config 'timeout' would change nothing: write"):
        Command(["sh"]).start(PLAN)


def test_a_command_that_is_not_there():
    """It is looked for where pytest runs, before any node starts."""
    with pytest.raises(ProgramError, match="there is no executable 'redis-serverr' on PATH"):
        Command(["redis-serverr", "{config[timeout]}"]).start(PLAN)


def test_one_port_or_two():
    """Who names {peer_port} has two, and links lead to it."""
    assert ForeignProgram(Command(["sh", "{peer_port}"])).has_peer_port
    assert not ForeignProgram(Command(["sh", "{port}"])).has_peer_port


def test_a_node_is_started_otherwise_by_its_name():
    """A primary among replicas."""
    command = Command(["sh", "{config[timeout]}", "replica"], argv_of={"s1": ["sh", "primary"]})
    assert command.start(PLAN).argv[1:] == ("primary",)


# ---- code ----


def test_a_plan_survives_the_way_to_its_process():
    """As JSON, links with their parts."""
    back = NodePlan.from_json(PLAN.to_json())
    assert back == PLAN
    assert (back.links["s2"].host, back.links["s2"].port) == ("127.0.0.1", 5012)


@pytest.mark.parametrize("name", ["tests.programs.wrong:answer", f"{HERE / 'wrong.py'}:answer"])
def test_a_function_is_found_by_its_name(name):
    """By module or by file; the name travels as JSON."""
    code = code_of(name)
    assert type(code).from_json(code.to_json()) == code
    assert load_function(code).__name__ == "answer"


def test_a_function_is_found_by_itself():
    """The module that is there already, not a second one from its file."""
    assert load(code_of(wrong.answer)) is wrong.answer


def test_what_is_no_function_cannot_be_run():
    """The line names what is there instead."""
    with pytest.raises(NotFound, match="NOT_A_FUNCTION is 7; right would be a function"):
        load_function(code_of("tests.programs.wrong:NOT_A_FUNCTION"))
    with pytest.raises(NotFound, match=r"no nothing in tests\.programs\.wrong; there is fails_at_once, "):
        load_function(code_of("tests.programs.wrong:nothing"))


def test_a_file_whose_name_hides_a_module_is_still_that_file(tmp_path, monkeypatch):
    """pytest gives test modules names of its own: the file decides."""
    file = tmp_path / "json.py"
    file.write_text("def run(node):\n    return 'mine'\n")
    monkeypatch.setitem(__import__("sys").modules, "json", json)
    assert load_function(code_of(f"{file}:run"))(None) == "mine"
