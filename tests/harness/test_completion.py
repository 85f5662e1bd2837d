"""Shell completion: the scripts are valid, and a real bash completes with them."""

import subprocess

import pytest

from harness import cli
from harness.completion import SHELLS


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command prints for a shell."""
    assert cli.main(["completion", shell]) == 0
    return capsys.readouterr().out


def completed(printed: str, *words: str) -> set[str]:
    """What bash offers after these words, the last of which is unfinished."""
    line = " ".join(words)
    program = f"""
{printed}
COMP_WORDS=({" ".join(repr(word) for word in words)}) COMP_CWORD={len(words) - 1}
COMP_LINE={line!r} COMP_POINT={len(line)}
function=$(complete -p cutheal | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" cutheal {words[-1]!r} {words[-2]!r}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


def test_bash_takes_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    """`bash -n` reads it to its end without complaint."""
    done = subprocess.run(
        ["bash", "-n"],
        input=script("bash", capsys),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_words_options_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    """The command's words, the words below them, their options, and the values that an option takes."""
    printed = script("bash", capsys)
    assert {"demo", "up", "toxiproxy", "bench", "doctor", "completion"} <= completed(printed, "cutheal", "")
    assert completed(printed, "cutheal", "do") == {"doctor"}
    assert completed(printed, "cutheal", "toxiproxy", "") == {"install", "which"}
    assert completed(printed, "cutheal", "up", "--no") == {"--nodes", "--node-log-level"}
    assert completed(printed, "cutheal", "completion", "") == set(SHELLS)
    assert "toxiproxy" in completed(printed, "cutheal", "demo", "--links", "")


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_scripts_of_their_own(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not checked by these shells, which may not be there; they name the command and its words."""
    printed = script(shell, capsys)
    assert {"zsh": "#compdef cutheal", "tcsh": "complete cutheal"}[shell] in printed
    assert "doctor" in printed


def test_another_shell_is_a_mistake_that_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """One line of argparse."""
    with pytest.raises(SystemExit):
        cli.main(["completion", "dos"])
    assert "invalid choice: 'dos' (choose from 'bash', 'zsh', 'tcsh')" in capsys.readouterr().err
