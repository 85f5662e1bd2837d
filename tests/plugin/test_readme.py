"""The README's examples are run as a reader would run them, and what it names exists."""

import re
from pathlib import Path

import pytest

from tests.plugin.conftest import InnerRun

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


def test_the_readmes_examples_pass(inner: InnerRun, pytester: pytest.Pytester) -> None:
    """Each copied out of the README into an empty folder, with nothing but the plugin."""
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    pytester.makepyfile(**{f"test_example_{number}": text for number, text in enumerate(examples)})
    done = pytester.runpytest_subprocess("-q")
    done.assert_outcomes(passed=len(re.findall(r"^def test_", "".join(examples), re.MULTILINE)))
    assert inner.left_behind == []


def test_the_readme_names_every_option_of_the_plugin(pytester: pytest.Pytester) -> None:
    """An option a user cannot find does not exist."""
    help_text = "\n".join(pytester.runpytest_subprocess("--help").outlines)
    (ours,) = re.findall(r"\(cutheal\):\n(.*?)\n\n", help_text, re.DOTALL)
    options = re.findall(r"^\s+(--[a-z-]+)", ours, re.MULTILINE)
    assert len(options) >= 8
    assert [option for option in options if f"`{option}" not in README] == []
