"""The options and ini settings: what is refused in one line, and what the header says."""

import re
from pathlib import Path

import pytest

from fixtures import options
from fixtures.numbers import ALL, parse_requirements
from fixtures.options import Settings
from harness import spec
from tests.plugin.conftest import InnerRun

REFUSED = [
    ("--nodes=0", "--nodes: '0': a whole number from 1 to 20 is needed"),
    ("--nodes=many", "--nodes: 'many': a whole number from 1 to 20 is needed"),
    ("--links=iptables", "--links: 'iptables': one of auto, toxiproxy, embedded is needed"),
    ("--time-scale=fast", "--time-scale: 'fast': a number from 0.02 to 1 is needed"),
    ("--time-scale=nan", "a number from 0.02 to 1 is needed"),
    ("--time-scale=2", "a number from 0.02 to 1 is needed"),
    ("--time-scale=0.01", "below 0.02 live instances expire from scheduling noise alone"),
    ("--time-scale=-1", "below 0.02 live instances expire from scheduling noise alone"),
    ("--cluster-seed=-1", "--cluster-seed: '-1': a whole number from 0 to"),
    ("--cluster-seed=1e3", "--cluster-seed: '1e3': a whole number from 0 to"),
    ("--trials=0", "--trials: '0': a whole number from 1 to 10000 is needed"),
    ("--bundles=/dev/null", "--bundles: '/dev/null': a folder is needed, this is a file"),
    ("--requirements=24", "'24' is neither a requirement (R1 to R28 and R23b) nor a range"),
    ("--requirements=R99", "'R99' is neither a requirement"),
    ("--requirements=R9-R4", "the range R9-R4 runs backwards"),
    ("--requirements=R1,,R2", "'' is neither a requirement"),
    ("--node-log-level=loud", "--node-log-level: 'loud': one of debug, info, warning, error is needed"),
]


@pytest.mark.parametrize(("argument", "sentence"), REFUSED)
def test_nonsense_is_refused_in_one_line(pytester: pytest.Pytester, argument: str, sentence: str) -> None:
    """A value that makes no sense is a usage error of one line that says what would be right."""
    with pytest.raises(pytest.UsageError) as refusal:
        read(pytester, argument)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("cutheal_nodes = 21", "ini setting cutheal_nodes: '21': a whole number from 1 to 20 is needed"),
        ("cutheal_keep_cluster = maybe", "ini setting cutheal_keep_cluster: 'maybe': one of yes, no"),
        ("cutheal_time_scale = 0", "ini setting cutheal_time_scale: '0': below 0.02"),
    ],
)
def test_nonsense_in_the_ini_file_names_the_setting(
    pytester: pytest.Pytester, setting: str, sentence: str
) -> None:
    """The sentence names the ini setting where the value came from."""
    pytester.makeini(f"[pytest]\n{setting}")
    with pytest.raises(pytest.UsageError) as refusal:
        read(pytester)
    assert sentence in str(refusal.value)


def test_the_command_line_wins_over_the_ini_file(pytester: pytest.Pytester) -> None:
    """Each option has an ini setting of the same meaning; the default is what neither names."""
    pytester.makeini(
        "[pytest]\ncutheal_nodes = 5\ncutheal_time_scale = 0.1\ncutheal_seed = 11\ncutheal_trials = 3\n"
        "cutheal_keep_cluster = yes\ncutheal_bundles = logs\ncutheal_requirements = R1,R2\n"
        "cutheal_node_log_level = debug\ncutheal_links = toxiproxy\ncutheal_program = shop:SHOP\n"
        "cutheal_no_reuse = yes"
    )
    settings = read(pytester, "--nodes=4", "--requirements=R22-R24")
    assert settings == Settings(
        nodes=4,
        program="shop:SHOP",
        links="toxiproxy",
        time_scale=0.1,
        seed=11,
        trials=3,
        keep_cluster=True,
        bundles=pytester.path / "logs",
        requirements=("R22", "R23", "R23b", "R24"),
        reuse=False,
        node_log_level="debug",
    )


def test_defaults(pytester: pytest.Pytester) -> None:
    """Without any setting: three nodes at 0.05, whatever link server there is, a seed of its own."""
    settings = read(pytester)
    assert (settings.nodes, settings.links, settings.time_scale, settings.trials) == (3, "auto", 0.05, 1)
    assert (settings.keep_cluster, settings.bundles, settings.requirements) == (False, None, None)
    assert settings.seed != read(pytester).seed


def test_limits_are_those_of_the_harness() -> None:
    """The plugin may not import the harness early, so it names the limits again: they must be the same."""
    assert options.TIME_SCALE_MIN == spec.TIME_SCALE_MIN
    assert float(options.TIME_SCALE.default) == spec.TIME_SCALE_DEFAULT
    assert spec.ClusterSpec(nodes=options.NODES_MAX).nodes == options.NODES_MAX
    with pytest.raises(spec.BadSpec):
        spec.ClusterSpec(nodes=options.NODES_MAX + 1)


def test_requirements_are_numbered_as_in_the_documents() -> None:
    """R1 to R28 with R23b after R23; a range holds what stands between its ends."""
    assert (len(ALL), ALL[0], ALL[-1]) == (29, "R1", "R28")
    assert parse_requirements("all") == ALL
    assert parse_requirements("R24, R2,R21 - R23b") == ("R2", "R21", "R22", "R23", "R23b", "R24")


def test_a_usage_error_is_what_the_user_sees(inner: InnerRun) -> None:
    """Exit code 4, one line, and no test was run."""
    result = inner("--time-scale=0.001", test="def test_a(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.stderr.lines[0].startswith("ERROR: --time-scale: '0.001': below 0.02 live instances expire")
    result.stdout.no_fnmatch_line("*test_a*")


def test_the_seed_is_drawn_once_and_shared(imagined: InnerRun) -> None:
    """The header shows the seed that every worker uses."""
    result = imagined(
        "-n2",
        test="""
        def test_one(cluster): pass
        def test_two(cluster): pass
        """,
    )
    result.assert_outcomes(passed=2)
    seed = re.search(r"^cutheal: .*seed (\d+)", result.stdout.str(), re.MULTILINE)
    assert seed is not None
    sessions = [note for note in imagined.notes if note.startswith("session worker=")]
    assert sessions
    assert all(f"seed={seed[1]}" in session for session in sessions)
    assert result.stdout.str().count("cutheal:") == 1


def read(pytester: pytest.Pytester, *arguments: str) -> Settings:
    return options.read_settings(pytester.parseconfig(*arguments, str(Path("nothing.py"))))
