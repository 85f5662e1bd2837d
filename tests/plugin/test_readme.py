"""The README's first example is run as a reader would run it, and what it names exists.

The second, a program of the reader's own, is in test_programs.py.
"""

import re
from pathlib import Path

import pytest

from tests.plugin.conftest import InnerRun

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


def test_the_readmes_test_passes(inner: InnerRun, pytester: pytest.Pytester) -> None:
    """Copied out of the README into an empty folder, with nothing but the plugin."""
    example, *_ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    pytester.makepyfile(test_readme=example)
    done = pytester.runpytest_subprocess("-q")
    done.assert_outcomes(passed=2)
    assert inner.left_behind == []


def test_the_readme_names_every_option_of_the_plugin(pytester: pytest.Pytester) -> None:
    """An option a user cannot find does not exist."""
    help_text = "\n".join(pytester.runpytest_subprocess("--help").outlines)
    (ours,) = re.findall(r"\(cutheal\):\n(.*?)\n\n", help_text, re.DOTALL)
    options = re.findall(r"^\s+(--[a-z-]+)", ours, re.MULTILINE)
    assert len(options) >= 8
    assert [option for option in options if f"`{option}" not in README] == []
