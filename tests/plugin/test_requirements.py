"""`--requirements`: the table, its exit code, and the marker that feeds it."""

import pytest

from tests.plugin.conftest import InnerRun

COVERED = """
@pytest.mark.requirement("R9", "R10")
@pytest.mark.parametrize("n", [1, 2])
def test_ring(n): pass
@pytest.mark.requirement("R10")
def test_skipped(): pytest.skip("not here")
@pytest.mark.requirement("R23b")
class TestFlap:
    @pytest.mark.xfail(reason="flaps")
    def test_flap(self): assert False
"""


@pytest.mark.parametrize("workers", [(), ("-n2", "--dist=worksteal")])
def test_the_table_lists_tests_and_outcomes(inner: InnerRun, workers: tuple[str, ...]) -> None:
    """Each listed requirement with its tests; one passed test is enough."""
    result = inner("--requirements=R9,R10", *workers, test=COVERED)
    result.stdout.fnmatch_lines(
        [
            "*= requirements =*",
            "R9   test_inner.py::test_ring: 2 passed",
            "requirements with a passed test: 2 of 2",
        ]
    )
    assert "R10  test_inner.py::test_ring: 2 passed" in result.stdout.lines
    assert "     test_inner.py::test_skipped: 1 skipped" in result.stdout.lines
    assert result.ret == 0


@pytest.mark.parametrize("workers", [(), ("-n2", "--dist=loadscope")])
def test_a_requirement_without_a_passed_test_fails_the_run(inner: InnerRun, workers: tuple[str, ...]) -> None:
    """No test, or none that passed: exit code 1 although nothing failed."""
    result = inner("--requirements=R9,R23-R24", *workers, test=COVERED)
    result.stdout.fnmatch_lines(
        [
            "R23  no test",
            "R23b test_inner.py::TestFlap::test_flap: 1 xfailed",
            "R24  no test",
            "requirements with a passed test: 1 of 4; without: R23, R23b, R24",
        ]
    )
    assert result.ret == 1


def test_without_a_list_every_requirement_counts(inner: InnerRun) -> None:
    """All 29 rows; a failed test does not meet its requirement; an empty run is not a good one either."""
    result = inner("--requirements", test="@pytest.mark.requirement('R1')\ndef test_a(): assert False")
    result.stdout.fnmatch_lines(
        [
            "R1   test_inner.py::test_a: 1 failed",
            "R28  no test",
            "requirements with a passed test: 0 of 29; *",
        ]
    )
    assert inner("--requirements=R1", "-k", "nothing").ret == 1


def test_a_crashed_worker_counts_as_a_failed_test(imagined: InnerRun) -> None:
    """Also when it crashed before the test's first report could be sent; the replaced worker goes on."""
    result = imagined(
        "-n1",
        "--requirements=R14,R17",
        test="""
        @pytest.fixture
        def crashing(cluster): os._exit(1)
        @pytest.mark.requirement("R14")
        def test_in_setup(crashing): pass
        @pytest.mark.requirement("R17")
        def test_in_call(): os._exit(1)
        @pytest.mark.requirement("R17")
        def test_after(cluster): pass
        """,
    )
    result.assert_outcomes(passed=1, failed=2)
    for line in (
        "R14  test_inner.py::test_in_setup: 1 failed",
        "R17  test_inner.py::test_after: 1 passed",
        "     test_inner.py::test_in_call: 1 failed",
        "requirements with a passed test: 1 of 2; without: R14",
    ):
        assert line in result.stdout.lines
    assert imagined.left_behind == []


GROUPED = """
@pytest.mark.requirement("R9")
@pytest.mark.xdist_group("ring")
@pytest.mark.parametrize("n", ["a@b", "c"])
def test_ring(n): assert {condition}
"""


def test_each_worker_has_to_pass_it(inner: InnerRun) -> None:
    """With --dist each a test that failed in one worker has not passed."""
    condition = "os.environ['PYTEST_XDIST_WORKER'] == 'gw0'"
    result = inner("-n2", "--dist=each", "--requirements=R9", test=GROUPED.format(condition=condition))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["R9   test_inner.py::test_ring: 2 failed"])


def test_a_group_is_no_part_of_a_test_s_name(inner: InnerRun) -> None:
    """With --dist loadgroup the table names tests as it always does."""
    result = inner("-n1", "--dist=loadgroup", "--requirements=R9", test=GROUPED.format(condition=True))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["R9   test_inner.py::test_ring: 2 passed"])


@pytest.mark.parametrize("workers", [(), ("-n1",)])
def test_an_unknown_requirement_is_an_error_at_collection(inner: InnerRun, workers: tuple[str, ...]) -> None:
    """A typing error in a marker must not make a requirement look covered."""
    inner.pytester.makepyfile(
        test_other="""
        import pytest
        class TestB:
            @pytest.mark.requirement("24")
            def test_b(self): pass
        """
    )
    result = inner(
        *workers,
        test="""
        @pytest.mark.requirement("R99")
        def test_a(): pass
        @pytest.mark.requirement
        def test_c(): pass
        """,
    )
    result.stdout.fnmatch_lines(
        [
            "test_inner.py::test_a: the marker requirement names 'R99'; there are R1 to R28 and R23b",
            'test_inner.py::test_c: the marker requirement takes numbers such as "R9"*',
            "test_other.py::TestB::test_b: the marker requirement names '24'; there are R1 to R28 and R23b",
        ]
    )
    assert result.ret != 0


def test_junit_shows_the_requirements(inner: InnerRun) -> None:
    """The requirement is a property of the test case for tools that read JUnit's XML."""
    inner("--junit-xml=report.xml", test="@pytest.mark.requirement('R9')\ndef test_a(): pass")
    xml = (inner.pytester.path / "report.xml").read_text(encoding="utf-8")
    assert '<property name="requirement" value="R9"' in xml
