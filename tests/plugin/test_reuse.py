"""Which cluster is kept for the next test, and what clusters cost as pytest's own table shows it."""

from tests.plugin.conftest import InnerRun

STORY = """
def test_passes(cluster): pass
def test_has_just_the_same_next(cluster): pass
@pytest.mark.cluster(nodes=5)
def test_is_followed_by_another_size(cluster): pass
def test_fails(cluster): assert False
@pytest.mark.xfail(strict=True)
def test_fails_as_expected(cluster): assert False
def test_has_two(cluster, cluster_factory): cluster_factory()
def test_is_followed_by_one_without(cluster): pass
def test_without(): pass
def test_is_the_last(cluster): pass
"""


def kept(inner: InnerRun) -> list[str]:
    return [note.rpartition("::")[2] for note in inner.notes if note.startswith("kept")]


def test_a_cluster_is_kept_when_its_test_passed_and_the_next_wants_the_same(imagined: InnerRun) -> None:
    """And nowhere else; boot and reset are lines of their own in the table of --durations."""
    result = imagined("--durations=0", "-vv", test=STORY)
    result.assert_outcomes(passed=7, failed=1, xfailed=1)
    assert kept(imagined) == ["test_passes"]
    result.stdout.fnmatch_lines_random(
        [
            "0.25s boot     test_inner.py::test_passes",
            "0.25s boot     test_inner.py::test_is_the_last",
            "*s reset    test_inner.py::test_passes",
        ]
    )
    closed = [note for note in imagined.notes if note.startswith("closed cluster")]
    assert len(closed) == 9


def test_no_reuse_starts_a_cluster_for_every_test(imagined: InnerRun) -> None:
    """As an ini setting, as all options are."""
    imagined(test=STORY, ini="cutheal_no_reuse = yes").assert_outcomes(passed=7, failed=1, xfailed=1)
    assert kept(imagined) == []
