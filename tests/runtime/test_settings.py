"""From flags and file to a configuration: what is wrong is one line that says what would be right."""

from pathlib import Path

import pytest

from nodecore.config import Profile
from nodecore.runtime.lookup import LookupFailed, LookupKind, first_list, member_lookup
from nodecore.settings import SettingsError, parse
from tests.runtime.scripted import config


def test_without_flags_it_is_a_lone_node() -> None:
    """Nacos' port, the documents' own time."""
    settings = parse([])
    assert (settings.name, settings.client_port, settings.time_scale, settings.members) == (
        "node",
        8848,
        1.0,
        (),
    )


def test_flags_say_everything_a_harness_needs() -> None:
    """Members as list or repeated, the dial map, timings and limits by name."""
    settings = parse(
        [
            "--name",
            "s1",
            "--host",
            "127.0.0.1",
            "--client-port",
            "1",
            "--peer-port",
            "2",
            "--address",
            "127.0.0.1:1",
            "--member",
            "127.0.0.1:1",
            "--member",
            "127.0.0.1:3,127.0.0.1:4",
            "--dial",
            "127.0.0.1:3=127.0.0.1:33",
            "--probe-dial",
            "127.0.0.1:80=127.0.0.1:8080",
            "--time-scale",
            "0.05",
            "--profile",
            "corrected",
            "--identity-header",
            "X-Who",
            "--identity-value",
            "us",
            "--log-level",
            "debug",
            "--set",
            "timings.verify_s=10",
            "--set",
            "limits.client_threads=8",
        ]
    )
    assert settings.members == ("127.0.0.1:1", "127.0.0.1:3", "127.0.0.1:4")
    assert settings.dial == (("127.0.0.1:3", "127.0.0.1:33"),)
    assert settings.probe_dial == (("127.0.0.1:80", "127.0.0.1:8080"),)
    assert settings.profile is Profile.CORRECTED
    assert (settings.timings.verify_s, settings.limits.client_threads) == (10.0, 8)


def test_a_file_says_the_same_and_a_flag_wins(tmp_path: Path) -> None:
    """TOML with the names of the configuration."""
    file = tmp_path / "node.toml"
    file.write_text(
        'name = "s2"\nmembers = ["127.0.0.1:1", "127.0.0.1:2"]\ntime_scale = 0.1\n'
        '[dial]\n"127.0.0.1:2" = "127.0.0.1:22"\n[timings]\nbeat_s = 2\n[limits]\npeer_threads = 4\n'
    )
    settings = parse(["--config", str(file), "--name", "s9", "--set", "timings.beat_s=3"])
    assert (settings.name, settings.time_scale, settings.timings.beat_s) == ("s9", 0.1, 3.0)
    assert settings.dial == (("127.0.0.1:2", "127.0.0.1:22"),)
    assert settings.limits.peer_threads == 4


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--client-port", "many"], "invalid int value: 'many'"),
        (["--client-port", "70000"], "client_port must be a port from 0 to 65535, not 70000"),
        (["--time-scale", "0.01"], "time_scale must be at least 0.02, not 0.01"),
        (["--time-scale", "nan"], "time_scale must be at least 0.02"),
        (["--profile", "wrong"], "profile must be documented or corrected, not 'wrong'"),
        (["--log-level", "loud"], "log_level must be one of debug, info, warning, error, not 'loud'"),
        (["--member", "localhost"], "members: 'localhost' is not ip:port"),
        (["--dial", "127.0.0.1:1"], "--dial '127.0.0.1:1' must have the form LEFT=RIGHT"),
        (["--dial", "127.0.0.1:1=x"], "dial: 'x' is not ip:port"),
        (["--set", "timings.verify_s=soon"], "'soon' is not a number"),
        (["--set", "timings.verify_s=0"], "timings.verify_s must be a number above 0"),
        (["--set", "timings.verify_s=nan"], "timings.verify_s must be a number above 0"),
        (["--set", "timings.verify_s=inf"], "timings.verify_s must be a finite number"),
        (["--set", "timings.nope=1"], "timings.nope does not exist; known are report_s"),
        (["--set", "limits.client_threads=1.5"], "limits.client_threads must be a whole number"),
        (["--set", "other.x=1"], "must begin with timings. or limits."),
        (["--identity-value", "x"], "identity_value without identity_header"),
        (["--identity-header", "a b"], "is not the name of an HTTP header"),
        (["--member", "127.0.0.1:1", "--members-file", "f"], "exclude each other"),
        (["--name", ""], "name must not be empty"),
        (["--config", "/nowhere/node.toml"], "config /nowhere/node.toml"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(flags: list[str], sentence: str) -> None:
    """Where it stands, and what would be right."""
    with pytest.raises(SettingsError) as caught:
        parse(flags)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nmae = 's1'\n", "unknown name 'nmae'; known are address"),
        ("name = 7\n", "name must be printable text, not 7"),
        ("members = '127.0.0.1:1'\n", "members must be a list of ip:port"),
        ("timings = 3\n", "timings must be a table of numbers"),
        ("dial = []\n", "dial must be a table"),
        ("= 3\n", "Invalid statement"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """The same for the file."""
    file = tmp_path / "node.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        parse(["--config", str(file)])
    assert sentence in str(caught.value)


def test_help_names_every_timing_and_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` is complete."""
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    for name in ("--dial", "--identity-header", "verify_s (5.0)", "probe_ids_max (1024)", "Exit status"):
        assert name in " ".join(printed.split())


@pytest.mark.requirement("R16")
def test_members_come_from_a_file(tmp_path: Path) -> None:
    """As Nacos' cluster.conf: comments, blank lines, commas, the default port, doubles once."""
    file = tmp_path / "cluster.conf"
    file.write_text("# three\n127.0.0.1:8858\n\n127.0.0.1 # port 8848\n10.0.0.1:1, 127.0.0.1:8858\n")
    lookup = member_lookup(config(members=(), members_file=str(file)))
    assert (lookup.kind, lookup.place) == (LookupKind.FILE, str(file))
    assert first_list(lookup).addresses == ("127.0.0.1:8858", "127.0.0.1:8848", "10.0.0.1:1")


@pytest.mark.requirement("R16")
def test_without_members_a_node_stands_alone() -> None:
    """Standalone: its own address is the list."""
    lookup = member_lookup(config(members=()))
    assert lookup.kind is LookupKind.STANDALONE
    assert first_list(lookup).addresses == ("127.0.0.1:8848",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "names no member"), ("127.0.0.1:x\n", "line 1: '127.0.0.1:x' is not ip"), ("\n:80\n", "line 2")],
)
def test_a_members_file_that_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """File and line."""
    file = tmp_path / "cluster.conf"
    file.write_text(text)
    with pytest.raises(LookupFailed, match=sentence):
        first_list(member_lookup(config(members=(), members_file=str(file))))


def test_a_members_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """With the reason of the system."""
    with pytest.raises(LookupFailed, match="No such file"):
        first_list(member_lookup(config(members=(), members_file=str(tmp_path / "cluster.conf"))))
