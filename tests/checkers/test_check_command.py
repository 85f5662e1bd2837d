"""`cutheal check`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from harness import cli
from tests.checkers.histories import lines_of, operations

STALE = str(Path(__file__).parent / "examples" / "stale-read.jsonl")
PRINTED = """\
not linearizable: 5 operations on 2 keys, 5 states reached
key "k1": not linearizable; 3 of 4 operations can be ordered, these last:
    at first null
    write "a" by 3 at s1, events 0-2; then "a"
    read -> "a" by 4 at s2, events 1-3; then "a"
    write "b" by 3 at s3, events 5-6; then "b"
  cannot come next, where it is "b":
    read -> "a" by 4 at s1, events 9-10
  meanwhile in force: partition {s1} | {s2, s3} (blackhole)
"""


def test_no_comes_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """The longest order there is, what does not fit it, and the fault that was in force."""
    assert cli.main(["check", STALE, "--model", "map"]) == 1
    assert capsys.readouterr().out == PRINTED


def test_the_readme_shows_the_same() -> None:
    """The README's example of the command, to the letter."""
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text()
    assert "cutheal check tests/checkers/examples/stale-read.jsonl --model map" in readme
    assert PRINTED in readme


def test_yes_and_what_is_beside_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A history that somebody else may have written."""
    path = tmp_path / "history.jsonl"
    done = operations(("A", "write", 1, None, 0, 3), ("B", "read", None, 1, 1, 2))
    path.write_text("".join(f"{line}\n" for line in lines_of(done)))
    for model in ("register", "map"):
        assert cli.main(["check", str(path), "--model", model]) == 0
    assert "linearizable: 2 operations on 1 keys" in capsys.readouterr().out
    assert cli.main(["check", str(path), "--model", "acknowledged"]) == 3
    assert 'not decided: nobody read "k" after' in capsys.readouterr().out


def test_without_time_it_is_not_decided(capsys: pytest.CaptureFixture[str]) -> None:
    """Never a no."""
    assert cli.main(["check", STALE, "--model", "map", "--budget", "0"]) == 3
    assert capsys.readouterr().out.startswith('not decided for "k1", "k2"')
    assert cli.main(["check", STALE, "--model", "map", "--states", "1"]) == 3


def test_a_loss_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """By the weaker judge."""
    assert cli.main(["check", STALE, "--model", "acknowledged"]) == 1
    assert 'key "k1": lost: write "b" by 3 at s3' in capsys.readouterr().out


def test_as_json_it_has_all_a_program_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict, the sizes, and each counter-example."""
    assert cli.main(["check", STALE, "--model", "map", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["model"], document["faults"]) == ("no", "map", 1)
    (found,) = document["counterexamples"]
    assert (found["key"], found["ordered"], found["operations"]) == ('"k1"', 3, 4)
    assert found["stuck"] == 'read -> "a" by 4 at s1, events 9-10'
    assert cli.main(["check", STALE, "--model", "acknowledged", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["acknowledged"], len(document["lost"])) == ("no", 2, 1)


def test_a_torn_last_line_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And judged without."""
    path = tmp_path / "history.jsonl"
    path.write_text(Path(STALE).read_text() + '{"index": 12, "proc')
    assert cli.main(["check", str(path), "--model", "map"]) == 1
    assert "the last line is not whole and was left out" in capsys.readouterr().out


def test_a_file_that_is_no_history_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """One line: which, where, what would be right; no traceback."""
    assert cli.main(["check", "no/such/file", "--model", "map"]) == 64
    assert capsys.readouterr().err.startswith("cutheal: no/such/file cannot be read: ")
    assert cli.main(["check", __file__, "--model", "map"]) == 64
    assert "test_check_command.py, line 1: no JSON" in capsys.readouterr().err
    assert cli.main(["check", STALE, "--model", "queue"]) == 64
    assert "process 3: a queue has no operation 'write'; it has enqueue" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--model", "nothing"], [], ["--model", "map", "--budget", "soon"]])
def test_a_wrong_word_is_a_mistake(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the usage."""
    with pytest.raises(SystemExit) as end:
        cli.main(["check", STALE, *words])
    assert end.value.code == 64
    assert "usage: cutheal check" in capsys.readouterr().err


def test_a_shell_completes_its_models(capsys: pytest.CaptureFixture[str]) -> None:
    """As it does the other words."""
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert "_shtab_cutheal_check___model_choices" in script
    assert "check" in script
