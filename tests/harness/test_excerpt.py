"""What is long is shown in part, and what was left out is counted."""

from harness.convergence import Since
from harness.excerpt import LINES_MAX, TEXT_CHARS_MAX, excerpt, excerpt_of_lines


def test_what_fits_is_shown_unchanged() -> None:
    assert excerpt("short") == "short"
    assert excerpt("x" * TEXT_CHARS_MAX) == "x" * TEXT_CHARS_MAX
    assert excerpt_of_lines(["one", "two"]) == ("one", "two")


def test_of_a_long_text_beginning_and_end_are_shown() -> None:
    """An error's first words say what was wanted, its last ones often what was wrong."""
    shown = excerpt("waited for all " + "x" * 50_000 + " the end")
    assert shown.startswith("waited for all x")
    assert shown.endswith("x the end")
    assert "44023 more characters" in shown
    assert len(shown) < TEXT_CHARS_MAX + 60


def test_nodes_that_disagree_about_a_thousand_keys_are_told_in_some_forty_lines() -> None:
    since = Since()
    since.update([f"key{number}: s1 has it; s2 has no such key" for number in range(1000)], 3.0)
    lines = since.describe(5.0).splitlines()
    assert lines[0] == "  key0: s1 has it; s2 has no such key (for 2.0 document seconds)"
    assert lines[-1] == "  ... and 960 more lines"
    assert len(lines) == LINES_MAX + 1
