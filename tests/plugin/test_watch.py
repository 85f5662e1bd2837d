"""Leaks and dead helpers: the test that caused or saw them errors by name, the others go on."""

from tests.plugin.conftest import InnerRun


def test_a_leak_is_an_error_of_its_test(imagined: InnerRun) -> None:
    """What a test leaves behind is reported once, with the name of that test."""
    result = imagined(
        test="""
        def test_leaks(cluster):
            from harness.session import WORLD
            WORLD.leaks.append("process 4711 (s2)")
        def test_innocent(cluster): pass
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_leaks*", "test_inner.py::test_leaks: left behind: process 4711 (s2)"]
    )


def test_a_dead_launcher_is_an_error_of_the_test_that_saw_it(imagined: InnerRun) -> None:
    """The next test gets a new one and passes."""
    result = imagined(
        test="""
        def test_saw_it(cluster):
            from harness.session import WORLD
            WORLD.died = "the launcher (pid 9) was killed by signal 9; a new one was started"
        def test_next(cluster): pass
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_saw_it*",
            "the launcher (pid 9) was killed by signal 9; a new one was started",
        ]
    )


def test_a_launcher_that_died_between_tests_is_seen_by_the_next(imagined: InnerRun) -> None:
    """Whoever asks for a cluster first errors by name; the one after it passes."""
    result = imagined(
        test="""
        def test_first(cluster): pass
        def test_elsewhere():
            from harness.session import WORLD
            WORLD.died = "the link server died"
        def test_sees_it(cluster): pass
        def test_next(cluster): pass
        """
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_sees_it*", "the link server died"])


def test_a_failed_clean_up_is_not_hidden_by_a_leak(imagined: InnerRun) -> None:
    """When a fixture's own clean-up failed, that is the error, and the leak is a note on it."""
    result = imagined(
        test="""
        @pytest.fixture
        def careless(cluster):
            yield
            raise OSError("disk full")
        def test_both(careless):
            from harness.session import WORLD
            WORLD.leaks.append("port 127.0.0.1:4000")
        def test_next(cluster): pass
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*OSError: disk full", "*test_both: left behind: port 127.0.0.1:4000"])


def test_what_the_session_leaves_is_an_error_of_the_last_test(imagined: InnerRun) -> None:
    """What died or stayed at the very end is not lost."""
    result = imagined(
        test="""
        @pytest.fixture(scope="session")
        def last(cluster_factory_session):
            yield
            from harness.session import WORLD
            WORLD.leaks.append("folder /tmp/x")
        def test_only(last): pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["left behind: folder /tmp/x"])


def test_a_thread_of_the_harness_that_stays_is_an_error_of_its_test(imagined: InnerRun) -> None:
    """Threads of the test's own may stay; those that tests before it left are not its fault.

    A connection counts only where the test passed: the traceback of a failed one holds its variables.
    """
    result = imagined(
        test="""
        import threading
        def start(name):
            threading.Thread(target=threading.Event().wait, name=name, daemon=True).start()
        def test_of_its_own(cluster): start("mine")
        def test_leaves_one(cluster): start("cutheal-odd")
        def test_innocent(cluster): pass
        def test_fails(cluster):
            from harness.session import WORLD
            WORLD.leaks += ["connection to 127.0.0.1:4000, which is gone"]
            assert not cluster
        def test_next(cluster): pass
        """
    )
    result.assert_outcomes(passed=4, failed=1, errors=1)
    result.stdout.fnmatch_lines(["test_inner.py::test_leaves_one: left behind: thread cutheal-odd"])
